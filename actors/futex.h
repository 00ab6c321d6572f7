// Sleeping on a word of memory, and the pause of a spinning thread.

#ifndef CLEAVE_ACTORS_FUTEX_H
#define CLEAVE_ACTORS_FUTEX_H

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <climits>
#include <cstdint>
#include <ctime>

namespace cleave {

// Sleeps while `word` holds `seen`, for at most `mostNanos` (0: for ever); may return for no reason.
inline void futexWait(std::atomic<uint32_t> &word, uint32_t seen, int64_t mostNanos = 0) {
  const timespec most{static_cast<time_t>(mostNanos / 1000000000), static_cast<long>(mostNanos % 1000000000)};
  syscall(SYS_futex, reinterpret_cast<uint32_t *>(&word), FUTEX_WAIT_PRIVATE, seen, mostNanos > 0 ? &most : nullptr,
          nullptr, 0);
}

inline void futexWakeAll(std::atomic<uint32_t> &word) {
  syscall(SYS_futex, reinterpret_cast<uint32_t *>(&word), FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0);
}

inline void pauseThread() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

}  // namespace cleave

#endif  // CLEAVE_ACTORS_FUTEX_H
