// One CPU device: an arena of memory and a pool of threads.

#ifndef CLEAVE_RUNTIME_DEVICE_H
#define CLEAVE_RUNTIME_DEVICE_H

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "kernels/api/registry.h"
#include "kernels/api/thread_pool.h"

namespace cleave {

// Zeroed memory of the machine, aligned to a page. Takes address space at once and pages when they are first touched.
class Memory {
 public:
  static absl::StatusOr<Memory> allocate(int64_t bytes);
  Memory() = default;
  Memory(Memory &&other) noexcept;
  Memory &operator=(Memory &&other) noexcept;
  ~Memory();

  char *data() const { return data_; }
  int64_t bytes() const { return bytes_; }

 private:
  char *data_ = nullptr;
  int64_t bytes_ = 0;
};

// Threads that stay: the caller's is worker 0. One parallelFor at a time.
class PersistentPool final : public ThreadPool {
 public:
  // Idle workers spin for `spinNanos` before they sleep; 0 where the process has more threads than the machine has
  // cores.
  PersistentPool(int threads, int64_t spinNanos);
  ~PersistentPool() final;

  int threads() const final { return static_cast<int>(workers_.size()) + 1; }
  void parallelFor(int64_t tiles, absl::FunctionRef<void(int64_t tile, int worker)> body) final;

 private:
  void serve(int worker);
  bool awaitJob(uint32_t &served);  // false: closing
  void takeTiles(int worker);

  // A job is open between two steps of `generation_`: workers join it, take tiles and leave. Who comes after it was
  // closed finds nothing to do, so that a job never waits for a worker that sleeps.
  const int64_t spinNanos_;
  const absl::FunctionRef<void(int64_t, int)> *body_ = nullptr;
  int64_t tiles_ = 0;
  alignas(64) std::atomic<uint32_t> generation_{0};
  std::atomic<int> sleeping_{0};
  std::atomic<bool> isClosing_{false};
  alignas(64) std::atomic<uint64_t> gate_{0};  // 2 * (workers inside) + whether a job is open
  alignas(64) std::atomic<int64_t> nextTile_{0};
  std::vector<std::thread> workers_;
};

// What kernels of one stream run on: a pool and scratch memory for each of its workers.
class KernelSite {
 public:
  static absl::StatusOr<std::unique_ptr<KernelSite>> create(int threads, int64_t spinNanos);

  KernelContext &context() { return context_; }
  int64_t workspaceBytes() const { return scratch_.bytes(); }

 private:
  KernelSite(int threads, int64_t spinNanos, Memory scratch);

  Memory scratch_;
  PersistentPool pool_;
  std::vector<char *> workspaces_;
  KernelContext context_;
};

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_DEVICE_H
