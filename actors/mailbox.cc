#include "actors/mailbox.h"

#include <algorithm>
#include <chrono>

#include "actors/futex.h"

namespace cleave {
namespace {

// Polls before the first pause, which takes longer than a message between two cores.
constexpr int kEagerPolls = 2000;

// Enough cells that a sender rarely has to look how far the receiver is.
size_t powerOfTwoFrom(size_t least) {
  size_t size = 64;
  while (size < least) size *= 2;
  return size;
}

}  // namespace

Mailbox::Mailbox(size_t capacity) : cells_(new Cell[powerOfTwoFrom(capacity)]), mask_(powerOfTwoFrom(capacity) - 1) {}

bool Mailbox::findRoom(uint64_t number) {
  const uint64_t head = sharedHead_.load(std::memory_order_acquire);
  knownHead_.store(head, std::memory_order_release);
  return hasRoom(number, head);
}

void Mailbox::wait(const std::atomic<bool> &stop, int64_t spinNanos, int64_t mostNanos) {
  if (mostNanos > 0) spinNanos = std::min(spinNanos, mostNanos);
  if (spinNanos > 0) {
    for (int i = 0; i < kEagerPolls; ++i)
      if (!isEmpty()) return;
    const auto end = std::chrono::steady_clock::now() + std::chrono::nanoseconds(spinNanos);
    do {
      for (int i = 0; i < 64; ++i) {
        if (!isEmpty()) return;
        pauseThread();
      }
      if (stop.load(std::memory_order_relaxed)) return;
    } while (std::chrono::steady_clock::now() < end);
  }
  if (mostNanos > 0 && mostNanos <= spinNanos) return;
  isParked_.store(true, std::memory_order_seq_cst);
  const uint32_t seen = signal_.load(std::memory_order_seq_cst);
  const bool isIdle = cells_[head_ & mask_].number.load(std::memory_order_seq_cst) != head_ + 1;
  if (isIdle && !stop.load(std::memory_order_seq_cst)) 
    futexWait(signal_, seen, mostNanos > 0 ? mostNanos - std::max<int64_t>(spinNanos, 0) : 0);
  isParked_.store(false, std::memory_order_relaxed);
}

void Mailbox::wake() {
  signal_.fetch_add(1, std::memory_order_seq_cst);
  futexWakeAll(signal_);
}

}  // namespace cleave
