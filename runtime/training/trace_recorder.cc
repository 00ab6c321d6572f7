#include "runtime/training/trace_recorder.h"

#include <algorithm>
#include <sstream>

#include "runtime/files/new_file.h"

namespace cleave {

void TraceRecorder::add(const TraceLog &log) {
  int64_t more = 0;
  for (const TraceLog::Stream &stream : log.streams) more += int64_t(stream.events.size());
  isWhole_ = isWhole_ && events_ + more <= mostEvents_;
  if (!isWhole_) return;
  events_ += more;
  if (labels_.empty() || labels_.back() != log.labels) labels_.push_back(log.labels);
  for (const TraceLog::Stream &stream : log.streams) {
    auto known = std::find_if(all_.streams.begin(), all_.streams.end(), [&](const TraceLog::Stream &other) {
      return other.rank == stream.rank && other.name == stream.name;
    });
    if (known == all_.streams.end()) known = all_.streams.insert(all_.streams.end(), {stream.rank, stream.name, {}});
    known->events.insert(known->events.end(), stream.events.begin(), stream.events.end());
  }
}

absl::Status TraceRecorder::write(const std::string &path) const {
  std::ostringstream text;
  writeChromeTrace(all_, text);
  return writeFile(path, text.str());
}

}  // namespace cleave
