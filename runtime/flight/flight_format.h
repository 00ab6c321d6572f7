// How a flight record lies in its file: a head, a ring of events, a text that says whose it is. Fields are of the
// machine's byte order; readers take files of machines like theirs.

#ifndef CLEAVE_RUNTIME_FLIGHT_FLIGHT_FORMAT_H
#define CLEAVE_RUNTIME_FLIGHT_FLIGHT_FORMAT_H

#include <atomic>
#include <cstdint>

namespace cleave::flight {

constexpr char kMagic[8] = {'c', 'l', 'v', 'f', 'l', 't', '0', '1'};
constexpr int64_t kSilenceNanos = 500'000'000;  // between two signs of life: more is remarkable
constexpr int64_t kMostWhy = 4000;  // bytes of an error that are kept

struct Head {
  char magic[8];
  int64_t capacity;                 // events of the ring
  int64_t textBytes;                // of the text behind the ring
  std::atomic<int64_t> written;     // events so far; the ring holds the last ones
  std::atomic<int64_t> aliveNanos;  // the last sign of life
  std::atomic<int64_t> pauseBegin, pauseEnd;  // the last long time without one
  std::atomic<int64_t> step;
  std::atomic<int32_t> phase, outcome;
  char why[kMostWhy];               // behind `outcome`: an error, zero-terminated
};

// Whole where `number` is its number from 1; a process that dies may leave one half written.
struct Slot {
  std::atomic<int64_t> number;
  int64_t nanos, step, sequence, bytes;
  int32_t kind, rank, subject, unused;
};

static_assert(std::atomic<int64_t>::is_always_lock_free && sizeof(std::atomic<int64_t>) == sizeof(int64_t),
              "what is mapped holds plain integers");
static_assert(sizeof(Slot) == 56 && sizeof(Head) % 8 == 0, "files of the same version have the same layout");

}  // namespace cleave::flight

#endif  // CLEAVE_RUNTIME_FLIGHT_FLIGHT_FORMAT_H
