#include "runtime/device.h"

#include <sys/mman.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "actors/futex.h"

namespace cleave {

absl::StatusOr<Memory> Memory::allocate(int64_t bytes) {
  Memory memory;
  if (bytes == 0) return memory;
  void *data = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (data == MAP_FAILED)
    return absl::ResourceExhaustedError(
        absl::StrCat("requires ", bytes, " bytes of memory for a device, got: ", std::strerror(errno)));
  // Huge pages make the first touch of a large arena several times faster; without them all works as well.
  if (bytes >= int64_t{4} << 20) madvise(data, bytes, MADV_HUGEPAGE);
  memory.data_ = static_cast<char *>(data);
  memory.bytes_ = bytes;
  return memory;
}

Memory::Memory(Memory &&other) noexcept
    : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}

Memory &Memory::operator=(Memory &&other) noexcept {
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

Memory::~Memory() {
  if (data_) munmap(data_, bytes_);
}

PersistentPool::PersistentPool(int threads, int64_t spinNanos) : spinNanos_(spinNanos) {
  for (int worker = 1; worker < threads; ++worker) workers_.emplace_back([this, worker] { serve(worker); });
}

PersistentPool::~PersistentPool() {
  isClosing_ = true;
  generation_.fetch_add(1, std::memory_order_seq_cst);
  futexWakeAll(generation_);
  for (std::thread &worker : workers_) worker.join();
}

void PersistentPool::parallelFor(int64_t tiles, absl::FunctionRef<void(int64_t, int)> body) {
  if (tiles <= 1 || workers_.empty()) {
    for (int64_t tile = 0; tile < tiles; ++tile) body(tile, 0);
    return;
  }
  body_ = &body;
  tiles_ = tiles;
  nextTile_.store(0, std::memory_order_relaxed);
  gate_.store(1, std::memory_order_release);
  generation_.fetch_add(1, std::memory_order_seq_cst);
  if (sleeping_.load(std::memory_order_seq_cst) > 0) futexWakeAll(generation_);

  takeTiles(0);
  gate_.fetch_sub(1, std::memory_order_acq_rel);  // closed: who is inside finishes its tile
  for (int spins = 0; gate_.load(std::memory_order_acquire) != 0; ++spins) {
    if (spinNanos_ > 0 || spins < 64) {
      pauseThread();
    } else {
      std::this_thread::yield();
    }
  }
}

void PersistentPool::takeTiles(int worker) {
  const int64_t tiles = tiles_;
  const auto &body = *body_;
  for (int64_t tile; (tile = nextTile_.fetch_add(1, std::memory_order_relaxed)) < tiles;) body(tile, worker);
}

bool PersistentPool::awaitJob(uint32_t &served) {
  const auto isNew = [&] { return generation_.load(std::memory_order_seq_cst) != served; };
  if (spinNanos_ > 0) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::nanoseconds(spinNanos_);
    while (!isNew() && std::chrono::steady_clock::now() < end)
      for (int i = 0; i < 32 && !isNew(); ++i) pauseThread();
  }
  if (!isNew()) {
    sleeping_.fetch_add(1, std::memory_order_seq_cst);
    while (!isNew()) futexWait(generation_, served);
    sleeping_.fetch_sub(1, std::memory_order_seq_cst);
  }
  served = generation_.load(std::memory_order_seq_cst);
  return !isClosing_;
}

void PersistentPool::serve(int worker) {
  for (uint32_t served = 0; awaitJob(served);) {
    uint64_t gate = gate_.load(std::memory_order_acquire);
    while ((gate & 1) && !gate_.compare_exchange_weak(gate, gate + 2, std::memory_order_acq_rel)) {
    }
    if (!(gate & 1)) continue;
    takeTiles(worker);
    gate_.fetch_sub(2, std::memory_order_acq_rel);
  }
}

absl::StatusOr<std::unique_ptr<KernelSite>> KernelSite::create(int threads, int64_t spinNanos) {
  absl::StatusOr<Memory> scratch = Memory::allocate(threads * kWorkspaceBytes);
  if (!scratch.ok()) return scratch.status();
  return std::unique_ptr<KernelSite>(new KernelSite(threads, spinNanos, *std::move(scratch)));
}

KernelSite::KernelSite(int threads, int64_t spinNanos, Memory scratch)
    : scratch_(std::move(scratch)), pool_(threads, spinNanos), context_{pool_, {}} {
  for (int worker = 0; worker < threads; ++worker) workspaces_.push_back(scratch_.data() + worker * kWorkspaceBytes);
  context_.workspaces = workspaces_;
}

}  // namespace cleave
