// Kernels by name. Backends register theirs; callers ask by name and never include a backend.

#ifndef CLEAVE_KERNELS_API_REGISTRY_H
#define CLEAVE_KERNELS_API_REGISTRY_H

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "kernels/api/attributes.h"
#include "kernels/api/tensor_view.h"
#include "kernels/api/thread_pool.h"

namespace cleave {

// One call: attributes and views. Optional operands that are absent take no place in `inputs`; the attribute
// "segments" (a list of ints, one an operand of the op's record) says how many views each operand of the record has.
struct KernelCall {
  const Attributes &attributes;
  absl::Span<const TensorView> inputs;
  absl::Span<const TensorView> outputs;
};

// Scratch memory that every worker of a device's pool has while a kernel runs: a kernel tiles so that it suffices.
inline constexpr int64_t kWorkspaceBytes = int64_t{4} << 20;

// What a device lends to a kernel while it runs.
struct KernelContext {
  ThreadPool &pool;
  absl::Span<char *const> workspaces;  // one for each worker, kWorkspaceBytes each, aligned to 64 bytes
};

struct Kernel {
  // Shapes, dtypes and attributes fit together and are within what `run` can take; called once for each task when a plan
  // is loaded, with data pointers null. After it succeeded, `run` may only fail on what the data say.
  absl::Status (*check)(const KernelCall &call) = nullptr;
  // Computes the outputs. An error names what was seen in the data (an index out of its bounds, and where).
  absl::Status (*run)(const KernelCall &call, KernelContext &context) = nullptr;
  // Whether this version takes the call (CPU features, contiguous views, dtypes): null means always. Asked only after
  // `check` has succeeded. Where it doesn't, the next backend is asked.
  bool (*takes)(const KernelCall &call) = nullptr;
};

class Registry {
 public:
  // Backends are asked in the order in which they were added first: add the fastest first and "reference" last.
  void add(absl::string_view backend, absl::string_view name, Kernel kernel);

  // The first backend's kernel that takes the call. NotFound if no backend knows the name (the message lists near names);
  // the error of `check` if none takes the call. So a kernel that was found has also been checked.
  absl::StatusOr<const Kernel *> find(absl::string_view name, const KernelCall &call) const;

  bool knows(absl::string_view name) const;
  std::vector<std::string> names() const;  // of all kernels, sorted

 private:
  std::vector<std::pair<std::string, std::map<std::string, Kernel, std::less<>>>> backends_;
};

}  // namespace cleave

#endif  // CLEAVE_KERNELS_API_REGISTRY_H
