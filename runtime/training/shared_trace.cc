#include "runtime/training/shared_trace.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <sstream>
#include <vector>

#include "runtime/files/new_file.h"

namespace cleave {
namespace {

std::string packed(int64_t value) { return {reinterpret_cast<const char *>(&value), sizeof(value)}; }

int64_t unpacked(const std::string &bytes) {
  int64_t value = 0;
  std::memcpy(&value, bytes.data(), std::min(bytes.size(), sizeof(value)));
  return value;
}

// When the first event of all is.
absl::StatusOr<int64_t> beginOfAll(Job &job, const TraceLog &log) {
  const auto begins = job.gather(packed(log.beginNanos()));
  if (!begins.ok()) return begins.status();
  int64_t begin = log.beginNanos();
  for (const std::string &one : *begins) begin = std::min(begin, unpacked(one));
  return begin;
}

absl::Status sendText(Job &job, const std::string &text) {
  if (auto status = job.send(0, packed(static_cast<int64_t>(text.size()))); !status.ok()) return status;
  return job.send(0, text);
}

absl::StatusOr<std::string> receiveText(Job &job, int process) {
  int64_t size = 0;
  if (auto status = job.receive(process, &size, sizeof(size)); !status.ok()) return status;
  std::string text(static_cast<size_t>(size), '\0');
  if (auto status = job.receive(process, text.data(), size); !status.ok()) return status;
  return text;
}

}  // namespace

absl::Status writeSharedTrace(Job &job, TraceLog log, const ClockReading &begin, const std::string &path) {
  SystemClock clock;
  const auto end = readFirstClock(job, clock);
  if (!end.ok()) return end.status();
  log.mapTimes([&](int64_t nanos) { return toFirstClock(begin, *end, nanos); });
  const auto start = beginOfAll(job, log);
  if (!start.ok()) return start.status();
  std::ostringstream events;
  writeTraceEvents(log, *start, events);
  if (!job.isFirst()) return sendText(job, events.str());
  std::vector<std::string> all = {events.str()};
  for (int process = 1; process < job.processes(); ++process) {
    auto text = receiveText(job, process);
    if (!text.ok()) return text.status();
    all.push_back(*std::move(text));
  }
  return writeFile(path, joinTraceEvents(all));
}

}  // namespace cleave
