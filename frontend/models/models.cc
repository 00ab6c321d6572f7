#include "frontend/models/models.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "mlir/IR/BuiltinOps.h"

namespace cleave {
namespace {

struct Family {
  const char *modelType;
  std::unique_ptr<Model> (*read)(ConfigReader &reader);
};

constexpr Family kFamilies[] = {
    {"bert", readBert},       {"gpt2", readGpt2}, {"gptj", readGptj},   {"llama", readLlama},
    {"mistral", readMistral}, {"opt", readOpt},   {"qwen3", readQwen3}, {"t5", readT5},
};

absl::Status invalid(absl::string_view message) { return absl::InvalidArgumentError(message); }

absl::Status checkOptions(const ModelOptions &options, const Model &model, const FamilyDescription &family) {
  constexpr int64_t kMost = 1 << 24;
  const std::pair<const char *, int64_t> sizes[] = {{"batch", options.batch}, {"sequence", options.seq}};
  for (const auto &[name, size] : sizes)
    if (size < 1 || size > kMost)
      return invalid(absl::StrCat("requires a ", name, " size from 1 to ", kMost, ", got ", size));
  if (model.isEncoderDecoder() && (options.targetSeq < 1 || options.targetSeq > kMost))
    return invalid(absl::StrCat("requires a target sequence size from 1 to ", kMost, ", got ", options.targetSeq));
  if (!model.isEncoderDecoder() && options.targetSeq != 0)
    return invalid(absl::StrCat("requires no target sequence size, as ", family.modelType,
                                " has no decoder of its own, got ", options.targetSeq));
  if (const auto positions = model.positions(); positions && options.seq > *positions)
    return invalid(absl::StrCat("requires a sequence of at most ", *positions,
                                " tokens, as many as the config has positions, got ", options.seq));
  if (options.dropout && !(*options.dropout >= 0 && *options.dropout < 1))
    return invalid(absl::StrCat("requires a dropout rate in [0, 1), got ", *options.dropout));
  if (!options.documentEnd) return absl::OkStatus();
  if (model.isEncoderDecoder())
    return invalid("requires a model without an encoder of its own where documents are packed");
  if (*options.documentEnd < 0 || *options.documentEnd >= family.vocabulary)
    return invalid(absl::StrCat("requires a document end below the vocabulary's ", family.vocabulary, ", got ",
                                *options.documentEnd));
  return absl::OkStatus();
}

FamilyDescription describe(const Model &model, const ModelOptions &options) {
  FamilyDescription family = model.describe();
  for (const char *name : {"*rotary_emb.inv_freq", "*position_ids"}) family.ignored.push_back(name);
  if (!options.documentEnd) return family;
  family.documentEnd = *options.documentEnd;
  family.inputs.push_back({"segment_ids", "input_ids", "segments", 0});
  family.inputs.push_back({"position_ids", "input_ids", "positions", 0});
  return family;
}

void buildLoss(ModelBuilder &builder, const Model &model, const ModelOptions &options) {
  EntryOptions entry;
  entry.batch = options.batch;
  entry.seq = options.seq;
  entry.targetSeq = options.targetSeq;
  entry.isTraining = true;
  entry.hasDocuments = options.documentEnd.has_value();
  entry.dropout = options.dropout;
  builder.beginEntry("loss");
  const mlir::Value logits = model.logits(builder, entry);
  const int64_t labelled = model.isEncoderDecoder() ? options.targetSeq : options.seq;
  const mlir::Value labels = builder.input("labels", {options.batch, labelled}, ElementType::kInt32);
  const Loss loss = builder.crossEntropy("loss", logits, labels);
  builder.endEntry({{"loss_sum", loss.sum}, {"tokens", loss.count}});
}

void buildLogits(ModelBuilder &builder, const Model &model, const ModelOptions &options) {
  EntryOptions entry;
  entry.seq = options.seq;
  entry.targetSeq = options.targetSeq;
  builder.beginEntry("logits");
  builder.endEntry({{"logits", model.logits(builder, entry)}});
}

}  // namespace

std::vector<std::string> modelTypes() {
  std::vector<std::string> types;
  for (const Family &family : kFamilies) types.push_back(family.modelType);
  return types;
}

namespace {

struct ReadModel {
  std::unique_ptr<Model> model;
  nlohmann::json fields;
};

absl::StatusOr<ReadModel> read(const Config &config, std::vector<std::string> *warnings) {
  for (const Family &family : kFamilies) {
    if (config.modelType != family.modelType) continue;
    ConfigReader reader(config);
    ReadModel result{family.read(reader), {}};
    if (const absl::Status status = reader.finish(warnings); !status.ok()) return status;
    result.fields = reader.resolved();
    return result;
  }
  return invalid(absl::StrCat("\"", config.path, "\": field \"model_type\" requires one of ",
                              absl::StrJoin(modelTypes(), ", "), ", got ", textOf(config.modelType)));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Model>> readModel(const Config &config, std::vector<std::string> *warnings) {
  auto result = read(config, warnings);
  if (!result.ok()) return result.status();
  return std::move(result->model);
}

absl::StatusOr<nlohmann::json> resolveConfig(const Config &config, std::vector<std::string> *warnings) {
  auto result = read(config, warnings);
  if (!result.ok()) return result.status();
  return std::move(result->fields);
}

namespace {

absl::Status within(const Config &config, const absl::Status &status) {
  return absl::Status(status.code(), absl::StrCat("\"", config.path, "\": ", status.message()));
}

absl::StatusOr<FamilyDescription> describeChecked(const Config &config, const Model &model,
                                                  const ModelOptions &options) {
  FamilyDescription family = describe(model, options);
  if (const absl::Status status = checkOptions(options, model, family); !status.ok()) return within(config, status);
  return family;
}

}  // namespace

absl::StatusOr<FamilyDescription> describeModel(const Config &config, const ModelOptions &options,
                                                std::vector<std::string> *warnings) {
  auto model = readModel(config, warnings);
  if (!model.ok()) return model.status();
  return describeChecked(config, **model, options);
}

absl::StatusOr<mlir::OwningOpRef<mlir::ModuleOp>> buildModel(const Config &config, const ModelOptions &options,
                                                             mlir::MLIRContext &context) {
  auto model = readModel(config);
  if (!model.ok()) return model.status();
  const auto family = describeChecked(config, **model, options);
  if (!family.ok()) return family.status();
  ModelBuilder builder(context);
  builder.setLocation(config.path, 1, 1);
  builder.setFamily(*family);
  buildLoss(builder, **model, options);
  buildLogits(builder, **model, options);
  auto module = builder.finish();
  if (!module.ok()) return within(config, module.status());
  return std::move(*module);
}

}  // namespace cleave
