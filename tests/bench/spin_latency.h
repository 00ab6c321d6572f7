// What the machine itself needs to hand a word from one spinning thread to another: beside it stand latencies of ours.

#ifndef CLEAVE_TESTS_BENCH_SPIN_LATENCY_H
#define CLEAVE_TESTS_BENCH_SPIN_LATENCY_H

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>
#include <vector>

namespace cleave {

inline double nanosSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count();
}

// One way, in nanoseconds: half of a round trip of a counter between two threads.
inline double measureSpinLatency(int64_t rounds) {
  alignas(64) std::atomic<int64_t> there{0};
  alignas(64) std::atomic<int64_t> back{0};
  std::thread peer([&] {
    for (int64_t round = 1; round <= rounds; ++round) {
      while (there.load(std::memory_order_acquire) != round) {
      }
      back.store(round, std::memory_order_release);
    }
  });
  const auto start = std::chrono::steady_clock::now();
  for (int64_t round = 1; round <= rounds; ++round) {
    there.store(round, std::memory_order_release);
    while (back.load(std::memory_order_acquire) != round) {
    }
  }
  const double nanos = nanosSince(start) / (2.0 * static_cast<double>(rounds));
  peer.join();
  return nanos;
}

inline double medianOf(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<int64_t>(values.size()) / 2, values.end());
  return values[values.size() / 2];
}

}  // namespace cleave

#endif  // CLEAVE_TESTS_BENCH_SPIN_LATENCY_H
