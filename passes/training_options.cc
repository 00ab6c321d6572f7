#include "passes/training_options.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/GlobPattern.h"
#include "mlir/IR/Builders.h"

namespace cleave {
namespace {

absl::Status invalid(const std::string &message) { return absl::InvalidArgumentError(message); }

std::string printed(mlir::Attribute attribute) {
  std::string text;
  llvm::raw_string_ostream(text) << attribute;
  return text;
}

// Reads one field after another and keeps the first error. A field that nobody asked for is an error too.
class FieldReader {
 public:
  FieldReader(mlir::DictionaryAttr attribute, std::string where) : attribute_(attribute), where_(std::move(where)) {}

  template <typename T>
  void read(llvm::StringRef name, T &field) {
    known_.push_back(name);
    mlir::Attribute value = attribute_.get(name);
    if (value && !assign(value, field)) fail(name, value);
  }
  template <typename T>
  void read(llvm::StringRef name, std::optional<T> &field) {
    T value{};
    if (attribute_.get(name)) field = value;
    read(name, field ? *field : value);
  }
  // An array of dictionaries, each read by `readElement(reader, element)`.
  template <typename T, typename Read>
  void readList(llvm::StringRef name, std::vector<T> &list, Read readElement) {
    known_.push_back(name);
    mlir::Attribute value = attribute_.get(name);
    if (!value) return;
    auto array = mlir::dyn_cast<mlir::ArrayAttr>(value);
    if (!array) return fail(name, value);
    for (mlir::Attribute element : array) {
      auto dictionary = mlir::dyn_cast<mlir::DictionaryAttr>(element);
      if (!dictionary) return fail(name, element);
      FieldReader reader(dictionary, absl::StrCat(where_, ".", name.str()));
      readElement(reader, list.emplace_back());
      if (absl::Status status = reader.finish(); status_.ok() && !status.ok()) status_ = status;
    }
  }

  absl::Status finish() {
    for (mlir::NamedAttribute entry : attribute_)
      if (status_.ok() && !llvm::is_contained(known_, entry.getName().getValue()))
        status_ = invalid(absl::StrCat(where_, " requires known fields, got \"", entry.getName().str(), "\""));
    return status_;
  }

 private:
  static bool assign(mlir::Attribute value, double &field) {
    if (auto number = mlir::dyn_cast<mlir::FloatAttr>(value)) return field = number.getValueAsDouble(), true;
    auto number = mlir::dyn_cast<mlir::IntegerAttr>(value);
    return number && number.getType().isSignlessInteger(64) && (field = double(number.getInt()), true);
  }
  static bool assign(mlir::Attribute value, int64_t &field) {
    auto number = mlir::dyn_cast<mlir::IntegerAttr>(value);
    return number && number.getType().isSignlessInteger(64) && (field = number.getInt(), true);
  }
  static bool assign(mlir::Attribute value, bool &field) {
    auto flag = mlir::dyn_cast<mlir::BoolAttr>(value);
    return flag && (field = flag.getValue(), true);
  }
  static bool assign(mlir::Attribute value, std::string &field) {
    auto text = mlir::dyn_cast<mlir::StringAttr>(value);
    return text && (field = text.str(), true);
  }
  void fail(llvm::StringRef name, mlir::Attribute value) {
    if (status_.ok())
      status_ = invalid(absl::StrCat(where_, " requires another type for \"", name.str(), "\", got ", printed(value)));
  }

  mlir::DictionaryAttr attribute_;
  std::string where_;
  llvm::SmallVector<llvm::StringRef> known_;
  absl::Status status_;
};

// One visit for both directions keeps them equal: `visit(name, field)` for each plain field.
template <typename Options, typename Visit>
void visitFields(Options &options, Visit visit) {
  visit("optimizer", options.optimizer);
  visit("learning_rate", options.learningRate);
  visit("weight_decay", options.weightDecay);
  visit("beta1", options.beta1);
  visit("beta2", options.beta2);
  visit("epsilon", options.epsilon);
  visit("momentum", options.momentum);
  visit("clip_norm", options.clipNorm);
  visit("microbatches", options.microbatches);
  visit("schedule", options.schedule);
  visit("warmup", options.warmup);
  visit("total_steps", options.totalSteps);
  visit("min_learning_rate", options.minLearningRate);
  visit("batch", options.batch);
  visit("seq", options.seq);
  visit("target_seq", options.targetSeq);
}

template <typename Group, typename Visit>
void visitGroup(Group &group, Visit visit) {
  visit("match", group.match);
  visit("lr", group.lr);
  visit("weight_decay", group.weightDecay);
  visit("trainable", group.trainable);
}

class FieldWriter {
 public:
  explicit FieldWriter(mlir::MLIRContext *context) : b_(context) {}

  void write(llvm::StringRef name, const std::string &value) { put(name, b_.getStringAttr(value)); }
  void write(llvm::StringRef name, double value) { put(name, b_.getF64FloatAttr(value)); }
  void write(llvm::StringRef name, int64_t value) { put(name, b_.getI64IntegerAttr(value)); }
  void write(llvm::StringRef name, bool value) { put(name, b_.getBoolAttr(value)); }
  template <typename T>
  void write(llvm::StringRef name, const std::optional<T> &value) {
    if (value) write(name, *value);
  }
  void put(llvm::StringRef name, mlir::Attribute value) { fields_.push_back(b_.getNamedAttr(name, value)); }
  mlir::DictionaryAttr finish() { return b_.getDictionaryAttr(fields_); }

 private:
  mlir::Builder b_;
  llvm::SmallVector<mlir::NamedAttribute> fields_;
};

// `isGood` speaks of numbers; a NaN is never good.
absl::Status checkNumber(const char *name, double value, bool isGood, const char *rule) {
  if (isGood && std::isfinite(value)) return absl::OkStatus();
  return invalid(absl::StrCat("requires ", name, " ", rule, ", got ", value));
}

absl::Status firstError(std::initializer_list<absl::Status> statuses) {
  for (const absl::Status &status : statuses)
    if (!status.ok()) return status;
  return absl::OkStatus();
}

absl::Status checkGroup(const ParameterGroup &group) {
  if (group.match.empty()) return invalid("requires a \"match\" in each group");
  const std::string where = absl::StrCat("of group \"", group.match, "\" ");
  const double lr = group.lr.value_or(0), decay = group.weightDecay.value_or(0);
  return firstError({matchesGlob(group.match, "").status(),
                     checkNumber(("lr " + where).c_str(), lr, lr >= 0, "of at least 0"),
                     checkNumber(("weight_decay " + where).c_str(), decay, decay >= 0, "of at least 0")});
}

}  // namespace

mlir::DictionaryAttr TrainingOptions::toAttribute(mlir::MLIRContext *context) const {
  FieldWriter writer(context);
  visitFields(*this, [&](llvm::StringRef name, const auto &field) { writer.write(name, field); });
  llvm::SmallVector<mlir::Attribute> list;
  for (const ParameterGroup &group : groups) {
    FieldWriter element(context);
    visitGroup(group, [&](llvm::StringRef name, const auto &field) { element.write(name, field); });
    list.push_back(element.finish());
  }
  writer.put("groups", mlir::ArrayAttr::get(context, list));
  return writer.finish();
}

absl::StatusOr<TrainingOptions> TrainingOptions::fromAttribute(mlir::DictionaryAttr attribute) {
  TrainingOptions options;
  FieldReader reader(attribute, "cleave.training");
  visitFields(options, [&](llvm::StringRef name, auto &field) { reader.read(name, field); });
  reader.readList("groups", options.groups, [](FieldReader &element, ParameterGroup &group) {
    visitGroup(group, [&](llvm::StringRef name, auto &field) { element.read(name, field); });
  });
  if (absl::Status status = reader.finish(); !status.ok()) return status;
  if (absl::Status status = options.check(); !status.ok()) return status;
  return options;
}

absl::Status TrainingOptions::check() const {
  const auto isPlain = [](char c) { return llvm::isAlnum(c) || c == '_'; };
  if (optimizer.empty() || !llvm::all_of(optimizer, isPlain))
    return invalid(absl::StrCat("requires an optimizer's name of letters, digits and _, got \"", optimizer, "\""));
  if (schedule != "constant" && schedule != "cosine")
    return invalid(absl::StrCat("requires schedule constant or cosine, got \"", schedule, "\""));
  if (microbatches < 1) return invalid(absl::StrCat("requires at least 1 microbatch, got ", microbatches));
  if (warmup < 0 || totalSteps < 0)
    return invalid(absl::StrCat("requires warmup and total_steps of at least 0, got ", warmup, " and ", totalSteps));
  if (schedule == "cosine" && totalSteps < 1) return invalid("requires total_steps for schedule cosine");
  for (const ParameterGroup &group : groups)
    if (absl::Status status = checkGroup(group); !status.ok()) return status;
  return firstError({checkNumber("learning_rate", learningRate, learningRate >= 0, "of at least 0"),
                     checkNumber("min_learning_rate", minLearningRate, minLearningRate >= 0, "of at least 0"),
                     checkNumber("weight_decay", weightDecay, weightDecay >= 0, "of at least 0"),
                     checkNumber("beta1", beta1, beta1 >= 0 && beta1 < 1, "of at least 0 and below 1"),
                     checkNumber("beta2", beta2, beta2 >= 0 && beta2 < 1, "of at least 0 and below 1"),
                     checkNumber("epsilon", epsilon, epsilon > 0, "above 0"),
                     checkNumber("momentum", momentum, momentum >= 0 && momentum < 1, "of at least 0 and below 1"),
                     checkNumber("clip_norm", clipNorm.value_or(1), clipNorm.value_or(1) > 0, "above 0")});
}

absl::StatusOr<bool> matchesGlob(const std::string &glob, const std::string &name) {
  llvm::Expected<llvm::GlobPattern> pattern = llvm::GlobPattern::create(glob);
  if (!pattern)
    return invalid(
        absl::StrCat("requires a well-formed glob, got \"", glob, "\": ", llvm::toString(pattern.takeError())));
  return pattern->match(name);
}

}  // namespace cleave
