#include "runtime/transport/clock_offset.h"

#include <limits>

namespace cleave {
namespace {

constexpr int kQuestions = 16;
constexpr int64_t kLeastSpan = 1'000'000'000;  // between readings that tell a drift

absl::string_view bytesOf(const int64_t &value) { return {reinterpret_cast<const char *>(&value), sizeof(value)}; }

absl::Status answer(Job &job, int process, Clock &clock) {
  for (int q = 0; q < kQuestions; ++q) {
    int64_t asked = 0;
    if (auto status = job.receive(process, &asked, sizeof(asked)); !status.ok()) return status;
    const int64_t now = clock.nanos();
    if (auto status = job.send(process, bytesOf(now)); !status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ClockReading> readFirstClock(Job &job, Clock &clock) {
  if (job.isFirst()) {
    for (int process = 1; process < job.processes(); ++process)
      if (auto status = answer(job, process, clock); !status.ok()) return status;
    return ClockReading{clock.nanos(), 0, 0};
  }
  ClockReading best;
  int64_t shortest = std::numeric_limits<int64_t>::max();
  for (int q = 0; q < kQuestions; ++q) {
    const int64_t begin = clock.nanos();
    int64_t theirs = 0;
    if (auto status = job.send(0, bytesOf(begin)); !status.ok()) return status;
    if (auto status = job.receive(0, &theirs, sizeof(theirs)); !status.ok()) return status;
    const int64_t end = clock.nanos();
    if (end - begin >= shortest) continue;
    shortest = end - begin;
    const int64_t middle = begin + (end - begin) / 2;
    best = {middle, theirs - middle, (end - begin + 1) / 2};
  }
  return best;
}

int64_t toFirstClock(const ClockReading &begin, const ClockReading &end, int64_t nanos) {
  const int64_t span = end.nanos - begin.nanos;
  if (span < kLeastSpan) return nanos + begin.offset;
  const double passed = static_cast<double>(nanos - begin.nanos) / static_cast<double>(span);
  return nanos + begin.offset + static_cast<int64_t>(static_cast<double>(end.offset - begin.offset) * passed);
}

}  // namespace cleave
