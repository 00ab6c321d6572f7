// Tensors by name, from one safetensors file or from the several files of an index.

#ifndef CLEAVE_RUNTIME_WEIGHTS_TENSOR_SOURCE_H
#define CLEAVE_RUNTIME_WEIGHTS_TENSOR_SOURCE_H

#include <deque>
#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "runtime/weights/safetensors.h"

namespace cleave {

class TensorSource {
 public:
  // `path` is a .safetensors file, an index ("model.safetensors.index.json": {"weight_map": {tensor: file}}), or a
  // folder that holds "model.safetensors" or that index. Files of an index must lie in its folder, and hold the tensors
  // that it names and no others.
  static absl::StatusOr<TensorSource> open(const std::string &path);

  // The values live as long as this object.
  const std::map<std::string, const StoredValue *> &tensors() const { return tensors_; }
  const std::string &path() const { return path_; }  // as given

  // Lets go of what has been read, so that mapped pages stop counting as this process's memory.
  void release() const;

 private:
  TensorSource() = default;
  absl::Status addIndex(const std::string &path);

  std::string path_;
  std::deque<SafetensorsFile> files_;
  std::map<std::string, const StoredValue *> tensors_;
};

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_WEIGHTS_TENSOR_SOURCE_H
