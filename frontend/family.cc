#include "frontend/family.h"

#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinAttributes.h"

namespace cleave {
namespace {

mlir::ArrayAttr stringsAttribute(mlir::Builder &b, const std::vector<std::string> &strings) {
  llvm::SmallVector<mlir::Attribute> attributes;
  for (const std::string &string : strings) attributes.push_back(b.getStringAttr(string));
  return b.getArrayAttr(attributes);
}

// Takes the fields of a dictionary, each once; what is left over is unknown.
class FieldReader {
 public:
  FieldReader(mlir::DictionaryAttr fields, std::string path) : path_(std::move(path)) {
    for (mlir::NamedAttribute field : fields) fields_.emplace(field.getName().str(), field.getValue());
  }

  std::string text(const char *name) {
    auto attribute = mlir::dyn_cast_or_null<mlir::StringAttr>(take(name));
    if (!attribute) refuse(name, "a string");
    return attribute ? attribute.str() : "";
  }
  int64_t integer(const char *name) {
    auto attribute = mlir::dyn_cast_or_null<mlir::IntegerAttr>(take(name));
    const bool fits = attribute && attribute.getValue().getBitWidth() == 64;
    if (!fits) refuse(name, "a 64-bit integer");
    return fits ? attribute.getValue().getSExtValue() : 0;
  }
  bool flag(const char *name) {
    auto attribute = mlir::dyn_cast_or_null<mlir::BoolAttr>(take(name));
    if (!attribute) refuse(name, "a bool");
    return attribute && attribute.getValue();
  }
  std::vector<std::string> texts(const char *name) {
    std::vector<std::string> strings;
    auto attribute = mlir::dyn_cast_or_null<mlir::ArrayAttr>(take(name));
    if (!attribute) return refuse(name, "a list of strings"), strings;
    for (mlir::Attribute element : attribute) {
      auto string = mlir::dyn_cast<mlir::StringAttr>(element);
      if (!string) return refuse(name, "a list of strings"), strings;
      strings.push_back(string.str());
    }
    return strings;
  }
  // Calls `read` with a reader of each dictionary in a list.
  template <typename Read>
  void list(const char *name, Read read) {
    auto attribute = mlir::dyn_cast_or_null<mlir::ArrayAttr>(take(name));
    if (!attribute) return refuse(name, "a list of dictionaries");
    for (mlir::Attribute element : attribute) {
      auto fields = mlir::dyn_cast<mlir::DictionaryAttr>(element);
      if (!fields) return refuse(name, "a list of dictionaries");
      FieldReader reader(fields, absl::StrCat(path_, name, "."));
      read(reader);
      if (const absl::Status status = reader.finish(); status_.ok()) status_ = status;
    }
  }
  absl::Status finish() {
    if (status_.ok() && !fields_.empty())
      return absl::InvalidArgumentError(
          absl::StrCat(kFamilyAttribute, ": requires known fields, got \"", path_, fields_.begin()->first, "\""));
    return status_;
  }

 private:
  mlir::Attribute take(const char *name) {
    auto node = fields_.extract(name);
    return node.empty() ? mlir::Attribute() : node.mapped();
  }
  void refuse(const char *name, const char *rule) {
    if (status_.ok())
      status_ = absl::InvalidArgumentError(
          absl::StrCat(kFamilyAttribute, ": requires field \"", path_, name, "\" to be ", rule));
  }

  std::string path_;
  std::map<std::string, mlir::Attribute> fields_;
  absl::Status status_;
};

}  // namespace

mlir::DictionaryAttr familyAttribute(mlir::MLIRContext &context, const FamilyDescription &family) {
  mlir::Builder b(&context);
  auto field = [&](const char *name, mlir::Attribute value) { return b.getNamedAttr(name, value); };
  llvm::SmallVector<mlir::Attribute> inputs, stored;
  for (const DataInputDescription &input : family.inputs)
    inputs.push_back(b.getDictionaryAttr(
        {field("name", b.getStringAttr(input.name)), field("source", b.getStringAttr(input.source)),
         field("otherwise", b.getStringAttr(input.otherwise)), field("limit", b.getI64IntegerAttr(input.limit))}));
  for (const StoredTensorDescription &tensor : family.stored)
    stored.push_back(b.getDictionaryAttr({field("file_name", b.getStringAttr(tensor.fileName)),
                                          field("parameters", stringsAttribute(b, tensor.parameters)),
                                          field("dimension", b.getI64IntegerAttr(tensor.dimension)),
                                          field("transposed", b.getBoolAttr(tensor.isTransposed)),
                                          field("aliases", stringsAttribute(b, tensor.aliases))}));
  return b.getDictionaryAttr({
      field("model_type", b.getStringAttr(family.modelType)),
      field("vocabulary", b.getI64IntegerAttr(family.vocabulary)),
      field("causal", b.getBoolAttr(family.isCausal)),
      field("inputs", b.getArrayAttr(inputs)),
      field("stored", b.getArrayAttr(stored)),
      field("prefixes", stringsAttribute(b, family.prefixes)),
      field("ignored", stringsAttribute(b, family.ignored)),
      field("decoder_start_token", b.getI64IntegerAttr(family.decoderStartToken)),
      field("pad_token", b.getI64IntegerAttr(family.padToken)),
      field("document_end", b.getI64IntegerAttr(family.documentEnd + 1)),
  });
}

absl::StatusOr<FamilyDescription> familyOf(mlir::DictionaryAttr attribute) {
  FieldReader reader(attribute, "");
  FamilyDescription family;
  family.modelType = reader.text("model_type");
  family.vocabulary = reader.integer("vocabulary");
  family.isCausal = reader.flag("causal");
  reader.list("inputs", [&](FieldReader &fields) {
    DataInputDescription &input = family.inputs.emplace_back();
    input.name = fields.text("name");
    input.source = fields.text("source");
    input.otherwise = fields.text("otherwise");
    input.limit = fields.integer("limit");
  });
  reader.list("stored", [&](FieldReader &fields) {
    StoredTensorDescription &tensor = family.stored.emplace_back();
    tensor.fileName = fields.text("file_name");
    tensor.parameters = fields.texts("parameters");
    tensor.dimension = fields.integer("dimension");
    tensor.isTransposed = fields.flag("transposed");
    tensor.aliases = fields.texts("aliases");
  });
  family.prefixes = reader.texts("prefixes");
  family.ignored = reader.texts("ignored");
  family.decoderStartToken = reader.integer("decoder_start_token");
  family.padToken = reader.integer("pad_token");
  family.documentEnd = reader.integer("document_end") - 1;
  if (const absl::Status status = reader.finish(); !status.ok()) return status;
  return family;
}

}  // namespace cleave
