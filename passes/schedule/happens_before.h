// What is sure to have ended before what begins, in a program whose streams run on their own.

#ifndef CLEAVE_PASSES_SCHEDULE_HAPPENS_BEFORE_H
#define CLEAVE_PASSES_SCHEDULE_HAPPENS_BEFORE_H

#include <vector>

namespace cleave {

struct TimedTask {
  int stream = 0;
  std::vector<int> reads, writes;  // registers, views by what they show
  std::vector<int> after = {};     // tasks before in the list that must have ended first
};

// Tasks are in the order of the program's list; each stream runs its own in that order. A reader of a register waits
// for its writer; where a register has several writers (variables), each access waits for those before it of the other
// kind.
class HappensBefore {
 public:
  HappensBefore(const std::vector<TimedTask> &tasks, int registers, int streams);

  int streams() const { return static_cast<int>(positions_.size()); }
  int streamOf(int task) const { return streamOf_[task]; }
  bool isBefore(int a, int b) const;

  // The first task of `stream` (by its place in the list) that begins after all of `tasks` have ended; the number of
  // tasks if there is none.
  int firstAfter(const std::vector<int> &tasks, int stream) const;
  // The last task of `stream` before task `limit` in the list; -1 if there is none.
  int lastBelow(int limit, int stream) const;

 private:
  int endedAt(int task, int stream) const { return clocks_[task * positions_.size() + stream]; }

  std::vector<int> streamOf_, positionOf_;  // by task
  std::vector<std::vector<int>> positions_;  // by stream: tasks
  std::vector<int> clocks_;                  // by task and stream: the last position that has ended; -1: none
};

}  // namespace cleave

#endif  // CLEAVE_PASSES_SCHEDULE_HAPPENS_BEFORE_H
