// What the proofs about a schedule need to know of it, and no more. The compiler fills it from what it has scheduled,
// the loader from a plan.
//
// The meaning of a program: its tasks are listed in an order that would be right if they ran one by one. A value that
// one task writes and that is no variable is read after that task, wherever the list has the readers. All other
// accesses to one register (several writers of parts, variables) keep the order of the list where one of the two
// writes; on different streams the runtime waits (kFilled, kFreed). Streams run their tasks in order, consecutive tasks
// with equal repeat > 1 as a loop (A B A B). Between two values with bytes in common nothing waits: proveSharing shows
// that nothing needs to.
//
// With repeats, a register is used as often as its writers run. A task that runs as often takes the copy of its own
// turn, a reader that runs once the last one; what is written once is read by all turns.

#ifndef CLEAVE_RUNTIME_PLAN_SCHEDULE_MODEL_H
#define CLEAVE_RUNTIME_PLAN_SCHEDULE_MODEL_H

#include <cstdint>
#include <string>
#include <vector>

namespace cleave {

struct ScheduleModel {
  // A register, or a view of one.
  struct Value {
    std::string name;
    int64_t offset = 0;     // in the arena: of the first byte
    int64_t bytes = 0;      // of one copy; of a view, from its first to behind its last byte
    int64_t count = 1;      // copies
    int64_t copyBytes = 0;  // from one copy to the next
    int viewOf = -1;        // the register; never itself a view
    int variable = -1;
    bool isInput = false;   // filled by the host before the step
    bool isOutput = false;  // read by the host after the step
    bool isDense = true;    // without gaps (a view may have some)
    int64_t elementBytes = 1;
  };
  struct Task {
    std::string op;
    int stream = 0;
    std::vector<int> reads, writes;  // values
    std::vector<int> after;          // tasks that must have ended first
    int collective = -1;
    int64_t repeat = 1;
  };
  // What the ranks of one class run.
  struct Program {
    std::vector<int> ranks;
    std::vector<Value> values;
    std::vector<Task> tasks;
    std::vector<std::vector<int>> streams;  // tasks in order; each task in one stream
    std::vector<std::string> streamNames;
  };
  struct Collective {
    std::string name;
    std::vector<std::vector<int>> groups;  // ranks
  };

  std::vector<Program> programs;
  std::vector<Collective> collectives;
};

// By value: the register that owns its bytes. A view's is what it views; of several registers of one variable, the
// first.
std::vector<int> rootsOf(const ScheduleModel::Program &program);

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_PLAN_SCHEDULE_MODEL_H
