// Builds models of schedules by hand, for tests of the proofs.

#ifndef CLEAVE_TESTS_RUNTIME_PLAN_MODEL_BUILDER_H
#define CLEAVE_TESTS_RUNTIME_PLAN_MODEL_BUILDER_H

#include <string>
#include <utility>
#include <vector>

#include "runtime/plan/schedule_model.h"

namespace cleave {

// One program that `ranks` run, with streams 0 "compute" and 1 "communicate".
class ProgramBuilder {
 public:
  explicit ProgramBuilder(std::vector<int> ranks) {
    program_.ranks = std::move(ranks);
    program_.streamNames = {"compute", "communicate"};
    program_.streams.resize(2);
  }

  // A register; with offset -1 in bytes of its own, far behind all others.
  int add(const std::string &name, int64_t offset = -1, int64_t bytes = 64) {
    ScheduleModel::Value value;
    value.name = name;
    value.offset = offset >= 0 ? offset : (1 << 20) + 4096 * static_cast<int64_t>(program_.values.size());
    value.bytes = value.copyBytes = bytes;
    program_.values.push_back(value);
    return static_cast<int>(program_.values.size()) - 1;
  }
  int addInput(const std::string &name, int64_t offset = -1) {
    const int index = add(name, offset);
    program_.values[index].isInput = true;
    return index;
  }
  int addOutput(const std::string &name, int64_t offset = -1) {
    const int index = add(name, offset);
    program_.values[index].isOutput = true;
    return index;
  }
  int addVariable(const std::string &name, int variable) {
    const int index = add(name, /*offset=*/(1 << 24) + 4096 * variable);
    program_.values[index].variable = variable;
    return index;
  }
  int addView(const std::string &name, int of, int64_t from, int64_t bytes) {
    ScheduleModel::Value view = program_.values[of];
    view.name = name;
    view.viewOf = of;
    view.offset += from;
    view.bytes = bytes;
    program_.values.push_back(view);
    return static_cast<int>(program_.values.size()) - 1;
  }
  int task(int stream, const std::string &op, std::vector<int> reads, std::vector<int> writes, int collective = -1) {
    ScheduleModel::Task made;
    made.op = op;
    made.stream = stream;
    made.reads = std::move(reads);
    made.writes = std::move(writes);
    made.collective = collective;
    program_.tasks.push_back(made);
    program_.streams[stream].push_back(static_cast<int>(program_.tasks.size()) - 1);
    return static_cast<int>(program_.tasks.size()) - 1;
  }
  ScheduleModel::Program &get() { return program_; }

 private:
  ScheduleModel::Program program_;
};

inline ScheduleModel modelOf(std::vector<ProgramBuilder> programs,
                             std::vector<ScheduleModel::Collective> collectives = {}) {
  ScheduleModel model;
  for (ProgramBuilder &program : programs) model.programs.push_back(std::move(program.get()));
  model.collectives = std::move(collectives);
  return model;
}

}  // namespace cleave

#endif  // CLEAVE_TESTS_RUNTIME_PLAN_MODEL_BUILDER_H
