#include "actors/mailbox.h"

#include <chrono>

#include "actors/futex.h"

namespace cleave {
namespace {

size_t powerOfTwoFrom(size_t least) {
  size_t size = 2;
  while (size < least) size *= 2;
  return size;
}

}  // namespace

Mailbox::Mailbox(size_t capacity) : cells_(new Cell[powerOfTwoFrom(capacity)]), mask_(powerOfTwoFrom(capacity) - 1) {
  for (uint64_t turn = 0; turn <= mask_; ++turn) cells_[turn].turn.store(turn, std::memory_order_relaxed);
}

void Mailbox::wait(const std::atomic<bool> &stop, int64_t spinNanos) {
  if (spinNanos > 0) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::nanoseconds(spinNanos);
    do {
      for (int i = 0; i < 64; ++i) {
        if (!isEmpty()) return;
        pauseThread();
      }
      if (stop.load(std::memory_order_relaxed)) return;
    } while (std::chrono::steady_clock::now() < end);
  }
  isParked_.store(true, std::memory_order_seq_cst);
  const uint32_t seen = signal_.load(std::memory_order_seq_cst);
  const bool isIdle = cells_[head_ & mask_].turn.load(std::memory_order_seq_cst) != head_ + 1;
  if (isIdle && !stop.load(std::memory_order_seq_cst)) futexWait(signal_, seen);
  isParked_.store(false, std::memory_order_relaxed);
}

void Mailbox::unpark() { wake(); }

void Mailbox::wake() {
  signal_.fetch_add(1, std::memory_order_seq_cst);
  futexWakeAll(signal_);
}

}  // namespace cleave
