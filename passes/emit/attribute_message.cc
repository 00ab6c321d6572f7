#include "passes/emit/attribute_message.h"

#include "absl/strings/str_cat.h"

namespace cleave {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// Sets one value of a field, or adds one to a repeated field.
class FieldWriter {
 public:
  FieldWriter(const FieldDescriptor &field, Message &message)
      : field_(field), message_(message), access_(*message.GetReflection()) {}

  absl::Status write(mlir::Attribute attribute) {
    switch (field_.cpp_type()) {
      case FieldDescriptor::CPPTYPE_STRING:
        if (auto text = mlir::dyn_cast<mlir::StringAttr>(attribute))
          return put(&Access::SetString, &Access::AddString, text.str());
        return refuse("a string", attribute);
      case FieldDescriptor::CPPTYPE_INT64:
        if (auto number = mlir::dyn_cast<mlir::IntegerAttr>(attribute); number && number.getValue().getBitWidth() == 64)
          return put(&Access::SetInt64, &Access::AddInt64, int64_t{number.getInt()});
        return refuse("a 64-bit integer", attribute);
      case FieldDescriptor::CPPTYPE_BOOL:
        if (auto flag = mlir::dyn_cast<mlir::BoolAttr>(attribute))
          return put(&Access::SetBool, &Access::AddBool, flag.getValue());
        return refuse("a bool", attribute);
      case FieldDescriptor::CPPTYPE_DOUBLE:
        if (auto number = mlir::dyn_cast<mlir::FloatAttr>(attribute))
          return put(&Access::SetDouble, &Access::AddDouble, number.getValueAsDouble());
        return refuse("a number", attribute);
      case FieldDescriptor::CPPTYPE_MESSAGE: {
        auto fields = mlir::dyn_cast<mlir::DictionaryAttr>(attribute);
        if (!fields) return refuse("a dictionary", attribute);
        return readMessage(fields, field_.is_repeated() ? *access_.AddMessage(&message_, &field_)
                                                        : *access_.MutableMessage(&message_, &field_));
      }
      default: return refuse("to be absent", attribute);
    }
  }

  absl::Status refuse(absl::string_view rule, mlir::Attribute attribute) const {
    std::string seen;
    llvm::raw_string_ostream(seen) << attribute;
    return absl::InvalidArgumentError(
        absl::StrCat("requires '", field_.name(), "' to be ", rule, ", got ", seen.substr(0, 100)));
  }

 private:
  using Access = google::protobuf::Reflection;

  template <typename Set, typename Add, typename Value>
  absl::Status put(Set set, Add add, Value value) {
    (access_.*(field_.is_repeated() ? add : set))(&message_, &field_, std::move(value));
    return absl::OkStatus();
  }

  const FieldDescriptor &field_;
  Message &message_;
  const Access &access_;
};

}  // namespace

absl::Status readMessage(mlir::DictionaryAttr attribute, Message &message) {
  for (mlir::NamedAttribute named : attribute) {
    const std::string name = named.getName().str();
    const FieldDescriptor *field = message.GetDescriptor()->FindFieldByName(name);
    if (!field)
      return absl::InvalidArgumentError(
          absl::StrCat("requires fields of ", message.GetDescriptor()->name(), ", got '", name, "'"));
    FieldWriter writer(*field, message);
    if (!field->is_repeated()) {
      if (absl::Status status = writer.write(named.getValue()); !status.ok()) return status;
      continue;
    }
    const auto list = mlir::dyn_cast<mlir::ArrayAttr>(named.getValue());
    if (!list) return writer.refuse("a list", named.getValue());
    for (mlir::Attribute element : list)
      if (absl::Status status = writer.write(element); !status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace cleave
