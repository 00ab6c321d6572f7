// Dictionary attributes as protobuf messages whose fields have the same names.

#ifndef CLEAVE_PASSES_EMIT_ATTRIBUTE_MESSAGE_H
#define CLEAVE_PASSES_EMIT_ATTRIBUTE_MESSAGE_H

#include <google/protobuf/message.h>

#include "absl/status/status.h"
#include "mlir/IR/BuiltinAttributes.h"

namespace cleave {

// Sets the fields that the dictionary names: strings, 64-bit integers, bools, floats, dictionaries, and lists of them.
// An error names the field that the message lacks or that has another type.
absl::Status readMessage(mlir::DictionaryAttr attribute, google::protobuf::Message &message);

}  // namespace cleave

#endif  // CLEAVE_PASSES_EMIT_ATTRIBUTE_MESSAGE_H
