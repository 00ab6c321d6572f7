// Random programs whose values share bytes at random: what the proofs let pass gives the numbers of a run task by task,
// whatever the order of events.

#include <gtest/gtest.h>

#include <cstdio>
#include <random>
#include <vector>

#include "runtime/load_plan.h"
#include "runtime/session.h"
#include "tests/runtime/plan_builder.h"

namespace cleave {
namespace {

constexpr int kElements = 4;
using Values = std::vector<std::vector<float>>;  // by rank

// A program of adds, doublings and all-reduces on two streams, and what it computes.
class RandomProgram {
 public:
  explicit RandomProgram(uint64_t seed)
      : random_(seed), ranks_(static_cast<int>(1 + random_() % 3)), builder_(ranks_),
        whole_(makeLayout({kElements}, ranks_, -1)) {
    std::vector<int64_t> ranks(ranks_);
    for (int r = 0; r < ranks_; ++r) ranks[r] = r;
    builder_.addClass(ranks);
    builder_.addEntry("step");
    addInput();
    const int tasks = static_cast<int>(3 + random_() % 12);
    for (int t = 0; t < tasks; ++t) addTask(t);
    builder_.addPort(false, "result", {kElements * ranks_}, 0, {registers_.back()});
  }

  PlanBuilder &builder() { return builder_; }
  HostTensor input() const { return flatten(values_.front()); }
  HostTensor result() const { return flatten(values_.back()); }

 private:
  size_t pick(size_t count) { return random_() % count; }

  HostTensor flatten(const Values &values) const {
    HostTensor tensor(DType::kF32, {kElements * ranks_});
    for (int r = 0; r < ranks_; ++r)
      for (int i = 0; i < kElements; ++i) tensor.as<float>()[r * kElements + i] = values[r][i];
    return tensor;
  }

  void addInput() {
    registers_.push_back(builder_.addRegister(0, "x", {kElements}));
    builder_.addPort(true, "x", {kElements * ranks_}, 0, {registers_[0]});
    Values &x = values_.emplace_back(ranks_, std::vector<float>(kElements));
    for (auto &row : x)
      for (float &value : row) value = static_cast<float>(random_() % 7);
  }

  // A register for the next value, often in the bytes of an earlier one.
  int addRegister(int task) {
    const int made = builder_.addRegister(0, "v" + std::to_string(task), {kElements});
    if (pick(3) == 0)
      builder_.held(0, made).set_offset(
          builder_.held(0, static_cast<int>(registers_[pick(registers_.size())])).offset());
    return made;
  }

  // Reads are mostly of late values, so that early ones die.
  size_t pickValue() {
    const size_t back = pick(std::min<size_t>(registers_.size(), 3));
    return registers_.size() - 1 - back;
  }

  void addTask(int t) {
    const int stream = static_cast<int>(pick(2));
    const std::string op = "op" + std::to_string(t);
    const size_t a = pickValue(), b = pickValue();
    const int made = addRegister(t);
    Values result = values_[a];
    plan::Task *task = nullptr;
    const size_t kind = pick(3);
    if (kind == 0) {
      task = &builder_.addTask(0, stream, op, "add", {registers_[a], registers_[b]}, {made});
      for (int r = 0; r < ranks_; ++r)
        for (int i = 0; i < kElements; ++i) result[r][i] += values_[b][r][i];
    } else if (kind == 1) {
      task = &builder_.addTask(0, stream, op, "scale", {registers_[a]}, {made});
      plan::Attribute *factor = task->add_attributes();
      factor->set_name("factor");
      factor->add_values()->set_number(2);
      for (auto &row : result)
        for (float &value : row) value *= 2;
    } else {
      const int collective = builder_.addCollective(op, "sum", {kElements}, whole_, whole_);
      task = &builder_.addCollectiveTask(0, stream, op, collective, registers_[a], made);
      for (int r = 1; r < ranks_; ++r)
        for (int i = 0; i < kElements; ++i) result[0][i] += values_[a][r][i];
      for (int r = 1; r < ranks_; ++r) result[r] = result[0];
    }
    if (t > 0 && pick(4) == 0) task->add_after(static_cast<int64_t>(pick(t)));
    registers_.push_back(made);
    values_.push_back(std::move(result));
  }

  std::mt19937_64 random_;
  const int ranks_;
  PlanBuilder builder_;
  const plan::Layout whole_;
  std::vector<int64_t> registers_;  // by value
  std::vector<Values> values_;
};

void expectEqual(HostTensor &got, const HostTensor &expected, uint64_t seed) {
  ASSERT_EQ(got.dims(), expected.dims());
  for (int64_t i = 0; i < got.elements(); ++i)
    ASSERT_EQ(got.as<float>()[i], expected.as<float>()[i]) << "program " << seed << ", element " << i;
}

TEST(RandomSchedule, WhatTheProofsAcceptComputesWhatTheListSays) {
  const Registry registry = makeTestRegistry();
  constexpr uint64_t kPrograms = 1500;
  int accepted = 0, shared = 0, refused = 0;
  for (uint64_t seed = 0; seed < kPrograms; ++seed) {
    RandomProgram program(seed);
    const auto plan = loadPlan(program.builder().bytes(), registry);
    if (!plan.ok()) {
      EXPECT_NE(plan.status().message().find("share bytes"), std::string::npos)
          << "program " << seed << ": " << plan.status();
      ++refused;
      continue;
    }
    ++accepted;
    for (int run = 0; run < 4; ++run) {
      SessionOptions options;
      options.deterministic = run > 0;
      options.seed = seed * 10 + run;
      const auto session = Session::create(*plan, options);
      ASSERT_TRUE(session.ok()) << session.status();
      HostTensor input = program.input();
      for (int step = 0; step < 2; ++step) {
        auto outputs = (*session)->run("step", {{"x", input.view()}});
        ASSERT_TRUE(outputs.ok()) << "program " << seed << ": " << outputs.status();
        expectEqual(outputs->at("result"), program.result(), seed);
      }
    }
    const auto &held = plan->entries[0].programs[0].registers;
    for (size_t a = 0; a < held.size(); ++a)
      for (size_t b = 0; b < a; ++b) shared += held[a].offset == held[b].offset;
  }
  std::printf("%d programs accepted, with %d pairs of values in the same bytes; %d refused\n", accepted, shared,
              refused);
  EXPECT_GT(accepted, 100);
  EXPECT_GT(shared, 100);
  EXPECT_GT(refused, 100);
}

}  // namespace
}  // namespace cleave
