// The threads of one device.

#ifndef CLEAVE_KERNELS_API_THREAD_POOL_H
#define CLEAVE_KERNELS_API_THREAD_POOL_H

#include <cstddef>
#include <cstdint>

#include "absl/functional/function_ref.h"

namespace cleave {

// Runs a kernel's tiles. Tiles are numbered by the kernel from the shapes alone, so that the numbers that a kernel computes
// never depend on the number of threads.
class ThreadPool {
 public:
  virtual ~ThreadPool() = default;

  virtual int threads() const = 0;  // including the caller's; at least 1

  // Calls `body(tile, worker)` once for each tile in [0, tiles), from any of the threads; worker is in [0, threads()).
  // Returns when all are done. `body` must not throw and must not call parallelFor.
  virtual void parallelFor(int64_t tiles, absl::FunctionRef<void(int64_t tile, int worker)> body) = 0;
};

// Runs everything on the caller's thread.
class SerialPool final : public ThreadPool {
 public:
  int threads() const final { return 1; }
  void parallelFor(int64_t tiles, absl::FunctionRef<void(int64_t, int)> body) final {
    for (int64_t tile = 0; tile < tiles; ++tile) body(tile, 0);
  }
};

}  // namespace cleave

#endif  // CLEAVE_KERNELS_API_THREAD_POOL_H
