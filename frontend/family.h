// What data and weight files of a model look like, as the module attribute "cleave.family": a dictionary with the
// fields of message ModelFamily in runtime/plan/plan.proto, under the same names.

#ifndef CLEAVE_FRONTEND_FAMILY_H
#define CLEAVE_FRONTEND_FAMILY_H

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace mlir {
class DictionaryAttr;
class MLIRContext;
}  // namespace mlir

namespace cleave {

// The meaning of each field stands in plan.proto.
struct DataInputDescription {
  std::string name, source, otherwise;
  int64_t limit = 0;
};

struct StoredTensorDescription {
  std::string fileName;
  std::vector<std::string> parameters;
  int64_t dimension = 0;
  bool isTransposed = false;
  std::vector<std::string> aliases;
};

struct FamilyDescription {
  std::string modelType;
  int64_t vocabulary = 0;
  bool isCausal = false;
  std::vector<DataInputDescription> inputs;
  std::vector<StoredTensorDescription> stored;
  std::vector<std::string> prefixes, ignored;
  int64_t decoderStartToken = 0, padToken = 0;
  int64_t documentEnd = -1;  // the token; -1: none
};

inline constexpr const char *kFamilyAttribute = "cleave.family";

mlir::DictionaryAttr familyAttribute(mlir::MLIRContext &context, const FamilyDescription &family);

// The other way; an error names the field that is missing, unknown or of another type.
absl::StatusOr<FamilyDescription> familyOf(mlir::DictionaryAttr attribute);

}  // namespace cleave

#endif  // CLEAVE_FRONTEND_FAMILY_H
