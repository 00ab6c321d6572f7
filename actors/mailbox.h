// Messages on their way to one stream: any thread sends, the stream's thread receives.

#ifndef CLEAVE_ACTORS_MAILBOX_H
#define CLEAVE_ACTORS_MAILBOX_H

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "actors/message.h"

namespace cleave {

// A bounded lock-free queue. A cell holds a message and its number, in one cache line that only senders write, so that
// a message costs a spinning receiver one transfer between cores and no more. Where a sender knows that there is room
// it touches nothing that the receiver writes. The capacity follows from the credits of the graph.
class Mailbox {
 public:
  explicit Mailbox(size_t capacity);
  Mailbox(const Mailbox &) = delete;
  Mailbox &operator=(const Mailbox &) = delete;

  // Wakes the receiver if it is parked. False if the mailbox is full.
  bool push(const Message &message) {
    uint64_t number = tail_.load(std::memory_order_relaxed);
    do {
      if (!hasRoom(number, knownHead_.load(std::memory_order_acquire)) && !findRoom(number)) return false;
    } while (!tail_.compare_exchange_weak(number, number + 1, std::memory_order_relaxed));
    Cell &cell = cells_[number & mask_];
    cell.message = message;
    // Sequentially consistent with wait(): either the receiver sees the message or the sender sees it parked.
    cell.number.store(number + 1, std::memory_order_seq_cst);
    if (isParked_.load(std::memory_order_seq_cst)) wake();
    return true;
  }

  // Only the receiver's thread.
  bool pop(Message &message) {
    if (isEmpty()) return false;
    message = cells_[head_ & mask_].message;
    ++head_;
    sharedHead_.store(head_, std::memory_order_release);
    return true;
  }
  bool isEmpty() const { return cells_[head_ & mask_].number.load(std::memory_order_acquire) != head_ + 1; }

  // Returns when there is a message, or `stop` is set and wake() was called, or after `mostNanos` (0: never), or for no
  // reason. Spins for `spinNanos` first. Only the receiver's thread.
  void wait(const std::atomic<bool> &stop, int64_t spinNanos, int64_t mostNanos = 0);
  void wake();  // any thread

 private:
  struct alignas(64) Cell {
    std::atomic<uint64_t> number{0};  // of the message, from 1
    Message message;
  };
  static_assert(sizeof(Cell) == 64);

  // A number that the receiver has passed is out of date: then the exchange above fails and brings the next one.
  bool hasRoom(uint64_t number, uint64_t head) const {
    return static_cast<int64_t>(number - head) <= static_cast<int64_t>(mask_);
  }
  bool findRoom(uint64_t number);  // looks again how far the receiver is

  const std::unique_ptr<Cell[]> cells_;
  const uint64_t mask_;
  // Of the senders.
  alignas(64) std::atomic<uint64_t> tail_{0};
  std::atomic<uint64_t> knownHead_{0};  // at most the receiver's
  // Of the receiver.
  alignas(64) uint64_t head_ = 0;
  std::atomic<uint64_t> sharedHead_{0};
  // Of both, but rarely written.
  alignas(64) std::atomic<bool> isParked_{false};
  std::atomic<uint32_t> signal_{0};  // what a parked receiver sleeps on
};

}  // namespace cleave

#endif  // CLEAVE_ACTORS_MAILBOX_H
