// One step of a program, unfolded: every turn of every task, and what waits for what.

#ifndef CLEAVE_RUNTIME_PLAN_UNFOLD_H
#define CLEAVE_RUNTIME_PLAN_UNFOLD_H

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/plan/schedule_model.h"

namespace cleave {

struct Unfolding {
  struct Node {
    int task = 0;
    int64_t turn = 0;  // of the task, from 0
    int stream = 0;
    int position = 0;  // in the stream
  };
  enum class Reason { kFilled, kFreed, kAfter };
  // Beyond the order of streams: `to` waits for `from`. Of several edges from one stream the latest stands for all; but
  // what a link carries may end after what a later collective does, hence each collective has an edge of its own, even
  // to tasks of its own stream.
  struct Edge {
    int from = 0, to = 0;
    Reason reason = Reason::kFilled;
    int value = -1;  // the register, -1 for kAfter
  };

  std::vector<Node> nodes;                // in the order of the program's list
  std::vector<std::vector<int>> streams;  // nodes
  std::vector<Edge> edges;                // sorted by `to`

  // Which use of a register `node` has (the copy is that modulo the register's count).
  std::vector<int64_t> uses;  // by value: how often the register is used; views as what they view
  int64_t useOf(const ScheduleModel::Program &program, int node, int value) const;
};

// Fails where repeat counts don't fit together or the step has too many turns. Indices must be in range.
absl::StatusOr<Unfolding> unfold(const ScheduleModel::Program &program);

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_PLAN_UNFOLD_H
