#include "frontend/config.h"

#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "frontend/models/activation.h"
#include "frontend/text_file.h"

namespace cleave {
namespace {

using nlohmann::json;

constexpr size_t kMaxBytes = 1 << 20;
constexpr int kMaxDepth = 8;
constexpr int64_t kMaxSize = 1 << 24;
constexpr int64_t kMaxLayers = 4096;

// Fields that every config may have and that change nothing here.
constexpr const char *kWithoutEffect[] = {"_attn_implementation",
                                          "_name_or_path",
                                          "architectures",
                                          "attn_implementation",
                                          "bad_words_ids",
                                          "begin_suppress_tokens",
                                          "bos_token_id",
                                          "chunk_size_feed_forward",
                                          "classifier_dropout",
                                          "classifier_proj_size",
                                          "cls_token_id",
                                          "cross_attention_hidden_size",
                                          "decoder_start_token_id",
                                          "diversity_penalty",
                                          "do_sample",
                                          "dtype",
                                          "early_stopping",
                                          "encoder_no_repeat_ngram_size",
                                          "eos_token_id",
                                          "exponential_decay_length_penalty",
                                          "finetuning_task",
                                          "forced_bos_token_id",
                                          "forced_eos_token_id",
                                          "gradient_checkpointing",
                                          "id2label",
                                          "is_decoder",
                                          "label2id",
                                          "length_penalty",
                                          "max_length",
                                          "min_length",
                                          "model_type",
                                          "name_or_path",
                                          "no_repeat_ngram_size",
                                          "num_beam_groups",
                                          "num_beams",
                                          "num_labels",
                                          "num_return_sequences",
                                          "output_attentions",
                                          "output_hidden_states",
                                          "output_scores",
                                          "pad_token_id",
                                          "prefix",
                                          "problem_type",
                                          "remove_invalid_values",
                                          "repetition_penalty",
                                          "return_dict",
                                          "return_dict_in_generate",
                                          "sep_token_id",
                                          "suppress_tokens",
                                          "task_specific_params",
                                          "temperature",
                                          "tf_legacy_loss",
                                          "tokenizer_class",
                                          "top_k",
                                          "top_p",
                                          "torch_dtype",
                                          "torchscript",
                                          "transformers_version",
                                          "typical_p",
                                          "use_bfloat16",
                                          "use_cache"};

absl::Status errorAt(const std::string &path, const std::string &message) {
  return absl::InvalidArgumentError(absl::StrCat("\"", path, "\": ", message));
}

// Brackets outside strings, nested at most kMaxDepth deep: a parser may recurse.
bool isShallow(absl::string_view text) {
  int depth = 0;
  bool inString = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (inString) {
      if (c == '\\') ++i;
      if (c == '"') inString = false;
      continue;
    }
    if (c == '"') inString = true;
    if (c == '{' || c == '[') {
      if (++depth > kMaxDepth) return false;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return true;
}

// Of a byte, counted from 1.
std::string placeOf(absl::string_view text, size_t byte) {
  const absl::string_view before = text.substr(0, byte - std::min<size_t>(byte, 1));
  const size_t newline = before.rfind('\n');
  return absl::StrCat("line ", std::count(before.begin(), before.end(), '\n') + 1, ", column ",
                      before.size() - (newline == absl::string_view::npos ? 0 : newline + 1) + 1);
}

bool isFolder(const std::string &path) {
  struct stat info;
  return ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

}  // namespace

std::string textOf(const json &value) {
  constexpr size_t kShown = 60;
  const std::string text = value.dump(-1, ' ', false, json::error_handler_t::replace);
  return text.size() <= kShown ? text : text.substr(0, kShown) + "...";
}

absl::StatusOr<Config> readConfig(const std::string &path) {
  const std::string file = isFolder(path) ? absl::StrCat(path, path.back() == '/' ? "" : "/", "config.json") : path;
  auto text = readTextFile(file, kMaxBytes);
  if (!text.ok()) return text.status();
  return parseConfig(*std::move(text), file);
}

absl::StatusOr<Config> parseConfig(std::string text, const std::string &path) {
  if (text.size() > kMaxBytes)
    return errorAt(path, absl::StrCat("requires a config of at most ", kMaxBytes, " bytes, got more"));
  if (!isShallow(text))
    return errorAt(path, absl::StrCat("requires at most ", kMaxDepth, " levels of nesting, got more"));
  std::vector<std::set<std::string>> names(kMaxDepth + 1);  // seen so far, by depth
  std::string repeated;
  const json::parser_callback_t watch = [&](int depth, json::parse_event_t event, json &value) {
    if (depth < 0 || depth > kMaxDepth) return true;
    if (event == json::parse_event_t::object_start) names[size_t(std::min(depth + 1, kMaxDepth))].clear();
    if (event == json::parse_event_t::key && !names[size_t(depth)].insert(value.get<std::string>()).second)
      repeated = value.get<std::string>();
    return true;
  };
  json fields;
  try {
    fields = json::parse(text, watch);
  } catch (const json::parse_error &problem) {
    return errorAt(path, absl::StrCat("requires JSON, got none at ", placeOf(text, problem.byte)));
  } catch (const json::exception &) {  // a number that doesn't fit
    return errorAt(path, "requires JSON numbers within the range of double, got one beyond");
  }
  if (!fields.is_object()) return errorAt(path, absl::StrCat("requires a JSON object, got ", textOf(fields)));
  if (!repeated.empty()) return errorAt(path, absl::StrCat("requires each field once, got \"", repeated, "\" twice"));
  auto type = fields.find("model_type");
  if (type == fields.end() || !type->is_string())
    return errorAt(path, "requires a field \"model_type\" that is a string");
  Config config;
  config.path = path;
  config.text = std::move(text);
  config.modelType = type->get<std::string>();
  config.fields = std::move(fields);
  return config;
}

const json *ConfigReader::find(const char *name, const char *alias) {
  const json *found = nullptr;
  for (const char *spelling : {name, alias}) {
    if (spelling == nullptr) continue;
    known_.insert(spelling);
    auto field = config_.fields.find(spelling);
    if (field == config_.fields.end() || field->is_null()) continue;
    if (found != nullptr && *found != *field)
      refuse(spelling, absl::StrCat("the value of \"", name, "\", which is the same field"), *field);
    if (found == nullptr) found = &*field;
  }
  return found;
}

void ConfigReader::refuse(const std::string &name, const std::string &rule, const json &seen) {
  if (status_.ok())
    status_ = errorAt(config_.path, absl::StrCat("field \"", name, "\" requires ", rule, ", got ", textOf(seen)));
}

void ConfigReader::require(bool holds, const char *name, const std::string &rule) {
  if (holds) return;
  auto field = config_.fields.find(name);
  refuse(name, rule, field == config_.fields.end() ? json("nothing (its default)") : *field);
}

std::optional<int64_t> ConfigReader::optionalInteger(const char *name, int64_t least, int64_t most, const char *alias) {
  const json *field = find(name, alias);
  if (field == nullptr) return std::nullopt;
  const bool fits =
      field->is_number_integer() && (!field->is_number_unsigned() || field->get<uint64_t>() <= uint64_t(INT64_MAX));
  if (fits && field->get<int64_t>() >= least && field->get<int64_t>() <= most) return field->get<int64_t>();
  refuse(name, absl::StrCat("an integer from ", least, " to ", most), *field);
  return std::nullopt;
}

int64_t ConfigReader::integer(const char *name, int64_t otherwise, int64_t least, int64_t most, const char *alias) {
  return keep(name, optionalInteger(name, least, most, alias).value_or(otherwise));
}

std::optional<double> ConfigReader::optionalNumber(const char *name, double least, double most) {
  const json *field = find(name);
  if (field == nullptr) return std::nullopt;
  if (field->is_number() && field->get<double>() >= least && field->get<double>() <= most) return field->get<double>();
  refuse(name, absl::StrCat("a number from ", least, " to ", most), *field);
  return std::nullopt;
}

double ConfigReader::number(const char *name, double otherwise, double least, double most) {
  return keep(name, optionalNumber(name, least, most).value_or(otherwise));
}

std::optional<bool> ConfigReader::optionalFlag(const char *name) {
  const json *field = find(name);
  if (field == nullptr) return std::nullopt;
  if (field->is_boolean()) return field->get<bool>();
  refuse(name, "true or false", *field);
  return std::nullopt;
}

bool ConfigReader::flag(const char *name, bool otherwise) {
  return keep(name, optionalFlag(name).value_or(otherwise));
}

std::string ConfigReader::text(const char *name, const char *otherwise) {
  const json *field = find(name);
  if (field != nullptr && !field->is_string()) refuse(name, "a string", *field);
  return keep(name, field != nullptr && field->is_string() ? field->get<std::string>() : std::string(otherwise));
}

int64_t ConfigReader::size(const char *name, int64_t otherwise, const char *alias) {
  return integer(name, otherwise, 1, kMaxSize, alias);
}

int64_t ConfigReader::layers(const char *name, int64_t otherwise, const char *alias) {
  return integer(name, otherwise, 1, kMaxLayers, alias);
}

double ConfigReader::rate(const char *name, double otherwise) {
  const double rate = number(name, otherwise, 0, 1);
  require(rate < 1, name, "a rate below 1");
  return rate < 1 ? rate : otherwise;
}

double ConfigReader::positive(const char *name, double otherwise) {
  const double value = number(name, otherwise, 0, 1e30);
  require(value > 0, name, "a positive number");
  return value > 0 ? value : otherwise;
}

std::string ConfigReader::activation(const char *name, const char *otherwise) {
  const std::string activation = text(name, otherwise);
  require(findActivation(activation).has_value(), name, absl::StrCat("one of ", activationNames()));
  return activation;
}

int64_t ConfigReader::paddingToken(int64_t otherwise, int64_t vocabulary) {
  auto field = config_.fields.find("pad_token_id");
  if (field != config_.fields.end() && field->is_null()) otherwise = -1;
  const std::optional<int64_t> token = optionalInteger("pad_token_id", -vocabulary, vocabulary - 1);
  if (!token) {
    require(otherwise < vocabulary, "pad_token_id",
            absl::StrCat("a token below vocab_size = ", vocabulary, " (its default is ", otherwise, ")"));
    return keep("pad_token_id", otherwise);
  }
  return keep("pad_token_id", *token < 0 ? *token + vocabulary : *token);
}

void ConfigReader::requireValue(const char *name, const json &supported) {
  const json *field = find(name);
  if (field != nullptr && *field != supported)
    refuse(name, absl::StrCat(textOf(supported), " (others are not supported)"), *field);
}

void ConfigReader::ignore(std::initializer_list<const char *> names) { known_.insert(names.begin(), names.end()); }

std::optional<Config> ConfigReader::object(const char *name) {
  const json *field = find(name);
  if (field == nullptr) return std::nullopt;
  if (!field->is_object()) return refuse(name, "an object", *field), std::nullopt;
  if (field->empty()) return std::nullopt;
  Config inner;
  inner.path = absl::StrCat(config_.path, ": ", name);
  inner.modelType = config_.modelType;
  inner.fields = *field;
  return inner;
}

void ConfigReader::absorb(ConfigReader &inner) {
  const absl::Status status = inner.finish(&warnings_);
  if (status_.ok()) status_ = status;
}

std::vector<double> ConfigReader::positives(const char *name, size_t count) {
  const json *field = find(name);
  if (field == nullptr) return {};
  bool fits = field->is_array() && field->size() == count;
  std::vector<double> values;
  for (size_t i = 0; fits && i < count; ++i) {
    const json &element = (*field)[i];
    fits = element.is_number() && element.get<double>() > 0;
    if (fits) values.push_back(element.get<double>());
  }
  if (!fits) refuse(name, absl::StrCat("a list of ", count, " positive numbers"), *field);
  return fits ? values : std::vector<double>(count, 1);
}

std::vector<std::string> ConfigReader::choices(const char *name, size_t count, const std::vector<std::string> &known) {
  const json *field = find(name);
  if (field == nullptr) return {};
  bool fits = field->is_array() && field->size() == count;
  std::vector<std::string> values;
  for (size_t i = 0; fits && i < count; ++i) {
    if ((*field)[i].is_string()) values.push_back((*field)[i].get<std::string>());
    fits = values.size() == i + 1 && std::count(known.begin(), known.end(), values.back()) == 1;
  }
  if (!fits) refuse(name, absl::StrCat("a list of ", count, " of ", absl::StrJoin(known, ", ")), *field);
  return fits ? values : std::vector<std::string>(count, known[0]);
}

bool ConfigReader::isNull(const char *name) const {
  auto field = config_.fields.find(name);
  return field != config_.fields.end() && field->is_null();
}

absl::Status ConfigReader::finish(std::vector<std::string> *warnings) {
  requireValue("pruned_heads", json::object());
  requireValue("tie_encoder_decoder", false);
  requireValue("add_cross_attention", false);
  known_.insert(std::begin(kWithoutEffect), std::end(kWithoutEffect));
  if (!status_.ok() || warnings == nullptr) return status_;
  warnings->insert(warnings->end(), warnings_.begin(), warnings_.end());
  for (const auto &field : config_.fields.items())
    if (known_.count(field.key()) == 0)
      warnings->push_back(absl::StrCat("\"", config_.path, "\": field \"", field.key(), "\" is unknown to ",
                                       config_.modelType, " and has no effect"));
  return status_;
}

}  // namespace cleave
