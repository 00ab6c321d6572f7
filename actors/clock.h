// Time, so that tests can make their own.

#ifndef CLEAVE_ACTORS_CLOCK_H
#define CLEAVE_ACTORS_CLOCK_H

#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>

namespace cleave {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual int64_t nanos() = 0;            // never goes back; from any thread
  virtual void sleep(int64_t nanos) = 0;  // nothing can happen for so long
};

class SystemClock final : public Clock {
 public:
  int64_t nanos() final {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
  }
  void sleep(int64_t nanos) final { std::this_thread::sleep_for(std::chrono::nanoseconds(nanos)); }
};

// Stands still but for sleep() and advance().
class ManualClock final : public Clock {
 public:
  int64_t nanos() final { return nanos_.load(); }
  void sleep(int64_t nanos) final { advance(nanos); }
  void advance(int64_t nanos) { nanos_.fetch_add(nanos); }

 private:
  std::atomic<int64_t> nanos_{0};
};

}  // namespace cleave

#endif  // CLEAVE_ACTORS_CLOCK_H
