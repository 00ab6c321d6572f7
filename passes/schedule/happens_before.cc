#include "passes/schedule/happens_before.h"

#include <algorithm>

namespace cleave {

HappensBefore::HappensBefore(const std::vector<TimedTask> &tasks, int registers, int streams) : positions_(streams) {
  const size_t width = streams;
  clocks_.assign(tasks.size() * width, -1);
  struct History {
    std::vector<int> writers, readers;  // the last of each stream
  };
  std::vector<History> history(registers, {std::vector<int>(width, -1), std::vector<int>(width, -1)});
  for (size_t t = 0; t < tasks.size(); ++t) {
    int *clock = &clocks_[t * width];
    const auto follow = [&](int before) {
      if (before < 0 || before == static_cast<int>(t)) return;
      for (size_t s = 0; s < width; ++s) clock[s] = std::max(clock[s], clocks_[before * width + s]);
      int &own = clock[streamOf_[before]];
      own = std::max(own, positionOf_[before]);
    };
    auto &stream = positions_[tasks[t].stream];
    streamOf_.push_back(tasks[t].stream);
    positionOf_.push_back(static_cast<int>(stream.size()));
    if (!stream.empty()) follow(stream.back());
    stream.push_back(static_cast<int>(t));
    for (int before : tasks[t].after) follow(before);
    for (int held : tasks[t].reads) {
      for (int writer : history[held].writers) follow(writer);
      history[held].readers[tasks[t].stream] = static_cast<int>(t);
    }
    for (int held : tasks[t].writes) {
      for (int reader : history[held].readers) follow(reader);
      for (int writer : history[held].writers) follow(writer);
      history[held].writers[tasks[t].stream] = static_cast<int>(t);
    }
  }
}

bool HappensBefore::isBefore(int a, int b) const { return endedAt(b, streamOf_[a]) >= positionOf_[a]; }

int HappensBefore::firstAfter(const std::vector<int> &tasks, int stream) const {
  const auto &own = positions_[stream];
  // What has ended before a task has ended before the later ones of its stream.
  const auto first = std::partition_point(own.begin(), own.end(), [&](int task) {
    return !std::all_of(tasks.begin(), tasks.end(), [&](int before) { return isBefore(before, task); });
  });
  return first == own.end() ? static_cast<int>(streamOf_.size()) : *first;
}

int HappensBefore::lastBelow(int limit, int stream) const {
  const auto &own = positions_[stream];
  const auto end = std::lower_bound(own.begin(), own.end(), limit);
  return end == own.begin() ? -1 : *std::prev(end);
}

}  // namespace cleave
