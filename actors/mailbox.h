// Messages on their way to one stream: any thread sends, the stream's thread receives.

#ifndef CLEAVE_ACTORS_MAILBOX_H
#define CLEAVE_ACTORS_MAILBOX_H

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "actors/message.h"

namespace cleave {

// A bounded lock-free queue (after Vyukov): a cell holds a message and the turn at which it may be written or read, in
// one cache line, so that a message costs a spinning receiver one transfer. The capacity follows from the credits of
// the graph.
class Mailbox {
 public:
  explicit Mailbox(size_t capacity);
  Mailbox(const Mailbox &) = delete;
  Mailbox &operator=(const Mailbox &) = delete;

  // Wakes the receiver if it is parked. False if the mailbox is full.
  bool push(const Message &message) {
    uint64_t turn = tail_.load(std::memory_order_relaxed);
    for (;;) {
      Cell &cell = cells_[turn & mask_];
      const uint64_t seen = cell.turn.load(std::memory_order_acquire);
      if (seen == turn) {
        if (!tail_.compare_exchange_weak(turn, turn + 1, std::memory_order_relaxed)) continue;
        cell.message = message;
        // Sequentially consistent with park(): either the receiver sees the message or the sender sees it parked.
        cell.turn.store(turn + 1, std::memory_order_seq_cst);
        if (isParked_.load(std::memory_order_seq_cst)) unpark();
        return true;
      }
      if (seen < turn) return false;
      turn = tail_.load(std::memory_order_relaxed);
    }
  }

  // Only the receiver's thread.
  bool pop(Message &message) {
    Cell &cell = cells_[head_ & mask_];
    if (cell.turn.load(std::memory_order_acquire) != head_ + 1) return false;
    message = cell.message;
    cell.turn.store(head_ + mask_ + 1, std::memory_order_release);
    ++head_;
    return true;
  }
  bool isEmpty() const { return cells_[head_ & mask_].turn.load(std::memory_order_acquire) != head_ + 1; }

  // Returns when there is a message, or `stop` is set and wake() was called, or for no reason. Spins for `spinNanos`
  // first. Only the receiver's thread.
  void wait(const std::atomic<bool> &stop, int64_t spinNanos);
  void wake();  // any thread

 private:
  struct alignas(64) Cell {
    std::atomic<uint64_t> turn{0};
    Message message;
  };
  static_assert(sizeof(Cell) == 64);

  void unpark();

  const std::unique_ptr<Cell[]> cells_;
  const uint64_t mask_;
  alignas(64) std::atomic<uint64_t> tail_{0};
  alignas(64) uint64_t head_ = 0;
  std::atomic<bool> isParked_{false};
  std::atomic<uint32_t> signal_{0};  // what a parked receiver sleeps on
};

}  // namespace cleave

#endif  // CLEAVE_ACTORS_MAILBOX_H
