// A Hugging Face config.json, and how a family reads it.

#ifndef CLEAVE_FRONTEND_CONFIG_H
#define CLEAVE_FRONTEND_CONFIG_H

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"

namespace cleave {

// A config file as read: one JSON object with a "model_type", not yet checked against a family.
struct Config {
  std::string path;       // of the file
  std::string text;       // its contents
  std::string modelType;  // "gpt2"
  nlohmann::json fields;
};

// Reads `path`, a config.json or a folder that holds one. Errors name the file.
absl::StatusOr<Config> readConfig(const std::string &path);
// The same of a text in memory; `path` is only what messages call it.
absl::StatusOr<Config> parseConfig(std::string text, const std::string &path);

// Hands out the fields of a config by name and remembers which ones a family knows. A field that is absent or null has
// the default. Where a field has a second name, either serves, and both must agree. The first error is kept and
// returned by `finish`; reading goes on with defaults, so that a family's code needs no checks.
class ConfigReader {
 public:
  explicit ConfigReader(const Config &config) : config_(config) {}

  int64_t integer(const char *name, int64_t otherwise, int64_t least, int64_t most, const char *alias = nullptr);
  std::optional<int64_t> optionalInteger(const char *name, int64_t least, int64_t most, const char *alias = nullptr);
  double number(const char *name, double otherwise, double least, double most);
  std::optional<double> optionalNumber(const char *name, double least, double most);
  bool flag(const char *name, bool otherwise);
  std::optional<bool> optionalFlag(const char *name);
  std::string text(const char *name, const char *otherwise);

  // A size of a tensor, in [1, 2^24]; a number of layers, in [1, 4096].
  int64_t size(const char *name, int64_t otherwise, const char *alias = nullptr);
  int64_t layers(const char *name, int64_t otherwise, const char *alias = nullptr);
  // A rate in [0, 1).
  double rate(const char *name, double otherwise);
  // A positive, finite number: an epsilon, a factor.
  double positive(const char *name, double otherwise);
  // The name of an activation that frontend/models/activation.h knows.
  std::string activation(const char *name, const char *otherwise);
  // The padding token, or -1 where `otherwise` is -1 and the field is absent or null; negative ones count from the end
  // of the vocabulary.
  int64_t paddingToken(int64_t otherwise, int64_t vocabulary);

  // A field that is known but supported with one value only (or absent, or null).
  void requireValue(const char *name, const nlohmann::json &supported);
  // Fields that change nothing in training, whatever they say.
  void ignore(std::initializer_list<const char *> names);
  // A field that is an object, as a config of its own (messages say where it stands); nullopt if it is absent, null or
  // empty.
  std::optional<Config> object(const char *name);
  // Takes over the error and the warnings of such an object's reader.
  void absorb(ConfigReader &inner);
  // A list of that many positive numbers; empty if it is absent or null.
  std::vector<double> positives(const char *name, size_t count);
  // A list of that many strings out of a few; empty if it is absent or null.
  std::vector<std::string> choices(const char *name, size_t count, const std::vector<std::string> &known);
  // Whether a field is there and not null.
  bool has(const char *name) { return find(name) != nullptr; }
  // Whether a field is there and null, where that means something else than its absence.
  bool isNull(const char *name) const;

  // A rule between fields.
  void require(bool holds, const char *name, const std::string &rule);

  // All fields that a family asked for, with defaults where the config has none; null: no value.
  const nlohmann::json &resolved() const { return resolved_; }
  // What a family makes of a field, where that isn't what stands there.
  template <typename T>
  T keep(const char *name, T value) {
    resolved_[name] = value;
    return value;
  }

  // The first error; else adds a warning for each field that nobody asked for.
  absl::Status finish(std::vector<std::string> *warnings);

  const Config &config() const { return config_; }

 protected:
  // Null where the field is absent or null.
  const nlohmann::json *find(const char *name, const char *alias = nullptr);
  void refuse(const std::string &name, const std::string &rule, const nlohmann::json &seen);

 private:
  const Config &config_;
  std::set<std::string> known_;
  std::vector<std::string> warnings_;  // of objects inside
  nlohmann::json resolved_ = nlohmann::json::object();
  absl::Status status_;
};

// A value as it stands in messages, cut off where it is long.
std::string textOf(const nlohmann::json &value);

}  // namespace cleave

#endif  // CLEAVE_FRONTEND_CONFIG_H
