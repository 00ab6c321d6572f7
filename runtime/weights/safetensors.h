// The safetensors format: a length (8 bytes, little-endian), a JSON header of that length, and the tensors' bytes.

#ifndef CLEAVE_RUNTIME_WEIGHTS_SAFETENSORS_H
#define CLEAVE_RUNTIME_WEIGHTS_SAFETENSORS_H

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "runtime/files/mapped_file.h"
#include "runtime/files/new_file.h"

namespace cleave {

// One tensor of a file: row-major, little-endian, not necessarily aligned. `bytes` lives as long as its file.
struct StoredValue {
  std::string dtype;  // as the format spells it: "F32", "BF16", "I64", ...
  std::vector<int64_t> shape;
  absl::string_view bytes;

  int64_t elements() const;
};

// Bytes of an element of a dtype of the format, or 0 if there is no such dtype.
int64_t bytesOfStored(absl::string_view dtype);

// "[2, 3]"
std::string shapeText(absl::Span<const int64_t> shape);

// A safetensors file, mapped. Opening reads the header alone and trusts nothing in it: limits on its length, nesting
// and ranks; shapes, dtypes and offsets that agree; tensors that cover the data exactly once. Threads may read at once.
class SafetensorsFile {
 public:
  static absl::StatusOr<SafetensorsFile> open(const std::string &path);

  const std::string &path() const { return file_.path(); }
  const std::map<std::string, StoredValue> &tensors() const { return tensors_; }
  const std::map<std::string, std::string> &metadata() const { return metadata_; }

  // NotFound that names the file and what it holds if there is no such tensor.
  absl::StatusOr<const StoredValue *> find(const std::string &name) const;

  void release() const { file_.release(); }

 private:
  explicit SafetensorsFile(MappedFile file) : file_(std::move(file)) {}

  MappedFile file_;
  std::map<std::string, StoredValue> tensors_;
  std::map<std::string, std::string> metadata_;
};

// Reads elements [first, first + out.size()) as f32. F32, F64, F16 and BF16 convert; other dtypes are an error.
absl::Status readAsFloat(const StoredValue &value, int64_t first, absl::Span<float> out);

// Writes a file tensor by tensor: shapes first, then the bytes in the same order, so that one tensor at a time is in
// memory.
class SafetensorsWriter {
 public:
  struct Tensor {
    std::string name;
    std::string dtype;
    std::vector<int64_t> shape;
  };

  static absl::StatusOr<SafetensorsWriter> create(const std::string &path, const std::vector<Tensor> &tensors,
                                                  const std::map<std::string, std::string> &metadata);

  // The next bytes of the data, in the order of `tensors`. In pieces of any size.
  absl::Status append(absl::string_view bytes);

  // FailedPrecondition if not exactly all bytes have been appended.
  absl::Status commit();

 private:
  SafetensorsWriter(NewFile file, int64_t missing) : file_(std::move(file)), missing_(missing) {}

  NewFile file_;
  int64_t missing_;  // bytes that are still to come
};

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_WEIGHTS_SAFETENSORS_H
