#include "runtime/weights/adapter.h"

#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"
#include "runtime/files/mapped_file.h"
#include "runtime/files/new_file.h"
#include "runtime/files/strict_json.h"
#include "runtime/weights/tensor_source.h"
#include "runtime/weights/weight_map.h"

namespace cleave {
namespace {

using nlohmann::json;

constexpr const char *kConfig = "/adapter_config.json", *kTensors = "/adapter_model.safetensors";
constexpr int kDepth = 8;

// What changes what a module computes, or which modules do, unless it is absent, null, false or empty.
constexpr const char *kUnsupported[] = {"use_rslora",
                                        "use_dora",
                                        "use_qalora",
                                        "use_bdlora",
                                        "lora_bias",
                                        "rank_pattern",
                                        "alpha_pattern",
                                        "modules_to_save",
                                        "layers_to_transform",
                                        "exclude_modules",
                                        "target_parameters",
                                        "layer_replication",
                                        "trainable_token_indices",
                                        "alora_invocation_tokens",
                                        "arrow_config",
                                        "kasa_config",
                                        "velora_config",
                                        "monteclora_config"};

// Takes fields of the config and keeps the first error.
class Fields {
 public:
  Fields(const json &fields, std::string path) : fields_(fields), path_(std::move(path)) {}

  const json *find(const char *name) const {
    auto found = fields_.find(name);
    return found == fields_.end() || found->is_null() ? nullptr : &*found;
  }
  double number(const char *name, double otherwise, double least, double most) {
    const json *field = find(name);
    if (field == nullptr) return otherwise;
    if (field->is_number() && field->get<double>() >= least && field->get<double>() <= most)
      return field->get<double>();
    return refuse(name, absl::StrCat("a number from ", least, " to ", most), *field), otherwise;
  }
  std::string text(const char *name) {
    const json *field = find(name);
    if (field != nullptr && !field->is_string()) refuse(name, "a string", *field);
    return field != nullptr && field->is_string() ? field->get<std::string>() : "";
  }
  bool flag(const char *name) {
    const json *field = find(name);
    if (field != nullptr && !field->is_boolean()) refuse(name, "true or false", *field);
    return field != nullptr && field->is_boolean() && field->get<bool>();
  }
  std::vector<std::string> names(const char *name) {
    std::vector<std::string> names;
    const json *field = find(name);
    bool fits = field != nullptr && field->is_array() && !field->empty();
    for (size_t i = 0; fits && i < field->size(); ++i) {
      fits = (*field)[i].is_string();
      if (fits) names.push_back((*field)[i].get<std::string>());
    }
    if (!fits) refuse(name, "a list of names of modules", field ? *field : json());
    return names;
  }
  void requireText(const char *name, const char *supported) {
    const json *field = find(name);
    if (field != nullptr && *field != supported)
      refuse(name, absl::StrCat("\"", supported, "\" (others are not supported)"), *field);
  }
  void requireNone(const char *name) {
    const json *field = find(name);
    if (field == nullptr || *field == false || (field->is_structured() && field->empty())) return;
    refuse(name, "no value (others are not supported)", *field);
  }
  // Others change the weights of the model itself when they are loaded.
  void requirePlainStart(const char *name) {
    const json *field = find(name);
    if (field == nullptr || field->is_boolean() || *field == "gaussian") return;
    refuse(name, "true, false or \"gaussian\" (others are not supported)", *field);
  }
  void refuse(const char *name, const std::string &rule, const json &seen) {
    if (status_.ok())
      status_ = absl::InvalidArgumentError(absl::StrCat(
          "\"", path_, "\": field \"", name, "\" requires ", rule, ", got ",
          seen.dump(-1, ' ', false, json::error_handler_t::replace).substr(0, 60)));
  }
  const absl::Status &status() const { return status_; }

 private:
  const json &fields_;
  std::string path_;
  absl::Status status_;
};

absl::Status checkHasAdapter(const LoadedPlan &plan) {
  if (hasAdapter(plan)) return absl::OkStatus();
  return absl::FailedPreconditionError(
      "requires a plan with an adapter: parameters NAME.lora_A.weight and NAME.lora_B.weight, got none");
}

}  // namespace

absl::StatusOr<AdapterConfig> readAdapterConfig(const std::string &folder) {
  const std::string path = folder + kConfig;
  auto file = MappedFile::open(path);
  if (!file.ok()) return file.status();
  auto value = parseStrictJson(file->bytes(), kDepth);
  if (!value.ok()) return absl::InvalidArgumentError(absl::StrCat("\"", path, "\": ", value.status().message()));
  if (!value->is_object()) return absl::InvalidArgumentError(absl::StrCat("\"", path, "\": requires a JSON object"));
  Fields fields(*value, path);
  AdapterConfig config;
  fields.requireText("peft_type", "LORA");
  fields.requireText("bias", "none");
  for (const char *name : kUnsupported) fields.requireNone(name);
  fields.requirePlainStart("init_lora_weights");
  config.rank = int64_t(fields.number("r", 8, 1, double(kLargestRank)));
  config.alpha = fields.number("lora_alpha", 8, 0, kLargestAlpha);
  config.dropout = fields.number("lora_dropout", 0, 0, kLargestDropout);
  config.targets = fields.names("target_modules");
  config.isInputMajor = fields.flag("fan_in_fan_out");
  config.baseModel = fields.text("base_model_name_or_path");
  config.taskType = fields.text("task_type");
  if (!fields.status().ok()) return fields.status();
  return config;
}

absl::Status saveAdapter(const std::string &folder, const AdapterConfig &config, const LoadedPlan &plan,
                         VisitPart fill) {
  if (auto status = checkHasAdapter(plan); !status.ok()) return status;
  if (auto status = makeFolder(folder); !status.ok()) return status;
  auto orNull = [](const std::string &text) { return text.empty() ? json() : json(text); };
  nlohmann::ordered_json fields;
  fields["peft_type"] = "LORA";
  fields["task_type"] = orNull(config.taskType);
  fields["base_model_name_or_path"] = orNull(config.baseModel);
  fields["r"] = config.rank;
  fields["lora_alpha"] = config.alpha == std::floor(config.alpha) ? json(int64_t(config.alpha)) : json(config.alpha);
  fields["lora_dropout"] = config.dropout;
  fields["target_modules"] = config.targets;
  fields["fan_in_fan_out"] = config.isInputMajor;
  fields["bias"] = "none";
  fields["inference_mode"] = true;
  if (auto status = saveWeights(folder + kTensors, plan, fill, WeightPart::kAdapter); !status.ok()) return status;
  return writeFile(folder + kConfig, fields.dump(2) + "\n");
}

absl::Status loadAdapter(const std::string &folder, const LoadedPlan &plan, VisitPart take) {
  if (auto status = checkHasAdapter(plan); !status.ok()) return status;
  auto source = TensorSource::open(folder + kTensors);
  if (!source.ok()) return source.status();
  return loadWeights(*source, plan, take, WeightPart::kAdapter);
}

}  // namespace cleave
