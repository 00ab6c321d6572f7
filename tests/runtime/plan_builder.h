// Builds small plans by hand.

#ifndef CLEAVE_TESTS_RUNTIME_PLAN_BUILDER_H
#define CLEAVE_TESTS_RUNTIME_PLAN_BUILDER_H

#include <cstdint>
#include <string>
#include <vector>

#include "kernels/api/registry.h"
#include "runtime/plan/plan.pb.h"

namespace cleave {

using Dims = std::vector<int64_t>;

// A layout that splits dimension `dim` evenly over `ranks` (shard i begins at floor(i * size / ranks)), or -1: whole on
// all.
plan::Layout makeLayout(const Dims &dims, int64_t ranks, int dim);

// Registers get bytes of their own, one after the other. Every method returns an index to use in later calls.
class PlanBuilder {
 public:
  explicit PlanBuilder(int64_t ranks);

  // A class of ranks; without any, finish() makes one of all ranks.
  int addClass(const std::vector<int64_t> &ranks);
  int addVariable(const std::string &name, const Dims &dims, int splitDim, double fill = 0);
  plan::Entry &addEntry(const std::string &name);  // with an empty program a class, of streams "compute", "communicate"

  // A register of the last entry in the program of `rankClass`.
  int addRegister(int rankClass, const std::string &name, const Dims &dims, plan::DType dtype = plan::F32);
  int addVariableRegister(int rankClass, int variable);
  int addView(int rankClass, const std::string &name, int of, int64_t offset, const Dims &dims,
              const Dims &strides = {});
  plan::Task &addTask(int rankClass, int stream, const std::string &op, const std::string &kernel,
                      const std::vector<int64_t> &inputs, const std::vector<int64_t> &outputs);
  void addPort(bool isInput, const std::string &name, const Dims &dims, int splitDim,
               const std::vector<int64_t> &registers, plan::DType dtype = plan::F32);
  // All ranks in one group, with the boxes of two layouts. Returns the number for Task.collective.
  int addCollective(const std::string &name, const std::string &combiner, const Dims &dims, const plan::Layout &inputs,
                    const plan::Layout &outputs);
  // Makes it a bucket: one more value, with the boxes of two layouts.
  void addSegment(int collective, const Dims &dims, const plan::Layout &inputs, const plan::Layout &outputs);
  plan::Task &addCollectiveTask(int rankClass, int stream, const std::string &op, int collective, int64_t input,
                                int64_t output);

  plan::Plan &plan() { return plan_; }
  plan::Entry &entry() { return *plan_.mutable_entries(plan_.entries_size() - 1); }
  plan::Register &held(int rankClass, int index) {
    return *entry().mutable_programs(rankClass)->mutable_registers(index);
  }
  std::string bytes() const;  // a plan file, with version and hash

 private:
  int64_t allocate(int rankClass, int64_t bytes);

  plan::Plan plan_;
  int64_t ranks_;
};

// A step of two ranks that uses what there is: an uneven split (two classes), a variable that is updated in place, an
// all-reduce on a stream of its own, and work that overlaps it.
//   takes x: f32[5] split;  gives doubled: f32[5] split, total: f32
//   doubled = 2 * x;  total = sum of doubled over all ranks;  weight (f32[3], whole) += total
PlanBuilder makeExampleStep();

// A step of two ranks in which each updates its half of a variable in place, then gathers the other's:
//   half = view of weight (f32[4], whole), from element 0 on rank 0 and 2 on rank 1
//   half = 3 * half;  weight = all halves
// Registers of the one class: weight, half.
PlanBuilder makeSharedUpdate();

// A step of two ranks that gathers two inputs in one meeting: a (f32[4]) and b (f32[2]), split, become outputs all_a
// and all_b. Registers of the one class: a, b, all_a, all_b.
PlanBuilder makeBucketStep();

// Kernels on f32: "scale" (attribute factor), "add", "add_to_all" (a, scalar b), "total" (to a scalar), "copy", and
// "check_positive" (copies; fails on a value below 0).
Registry makeTestRegistry();

}  // namespace cleave

#endif  // CLEAVE_TESTS_RUNTIME_PLAN_BUILDER_H
