#include "runtime/load_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "runtime/plan/plan_file.h"
#include "runtime/plan/plan_hash.h"
#include "runtime/plan/print_plan.h"
#include "tests/runtime/plan_builder.h"

namespace cleave {
namespace {

using testing::HasSubstr;

class LoadPlan : public testing::Test {
 protected:
  // The error of the example step after a change; empty if it still loads.
  std::string errorAfter(const std::function<void(PlanBuilder &)> &change) {
    PlanBuilder builder = makeExampleStep();
    change(builder);
    return std::string(loadPlan(builder.bytes(), registry_, options_).status().message());
  }
  static plan::Task &task(PlanBuilder &builder, int rankClass, int index) {
    return *builder.entry().mutable_programs(rankClass)->mutable_tasks(index);
  }

  const Registry registry_ = makeTestRegistry();
  LoadOptions options_;
};

TEST_F(LoadPlan, TheExampleLoads) {
  const auto plan = loadPlan(makeExampleStep().bytes(), registry_);
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->ranks(), 2);
  EXPECT_EQ(plan->hashHex().size(), 64u);
  EXPECT_EQ(plan->findVariable("weight"), 0);
}

TEST_F(LoadPlan, BytesThatAreNoPlanAreRefused) {
  EXPECT_THAT(loadPlan("", registry_).status().message(), HasSubstr("requires a plan, got an empty file"));
  EXPECT_THAT(loadPlan("GIF89a....", registry_).status().message(),
              HasSubstr("requires a plan, got 10 bytes that are none"));
  EXPECT_THAT(loadPlanFile("/no/such.plan", registry_).status().message(), HasSubstr("/no/such.plan"));
}

TEST_F(LoadPlan, ANewerFormatIsRefusedByNameAndNumber) {
  EXPECT_THAT(errorAfter([](PlanBuilder &b) {
                b.plan().set_format_version(7);
                b.plan().mutable_provenance()->set_compiler("cleave 9.9");
              }),
              HasSubstr("requires a plan of format version 2 or older, got version 7, made by 'cleave 9.9'"));
}

TEST_F(LoadPlan, APlanOfTheVersionBeforeIsRead) {
  PlanBuilder builder = makeExampleStep();
  builder.addView(0, "view", 0, 1, {1});
  builder.plan().set_format_version(1);
  const std::string bytes = builder.bytes();
  // Field 7, a varint: as version 1 wrote its one view offset.
  EXPECT_NE(bytes.find("\x38\x01"), std::string::npos);
  EXPECT_TRUE(loadPlan(bytes, registry_).ok());
}

TEST_F(LoadPlan, AChangedByteIsFoundByTheHash) {
  plan::Plan plan;
  ASSERT_TRUE(plan.ParseFromString(makeExampleStep().bytes()));
  plan.mutable_variables(0)->set_fill(2);
  EXPECT_THAT(loadPlan(plan.SerializeAsString(), registry_).status().message(),
              HasSubstr("the plan was changed or damaged"));
}

TEST_F(LoadPlan, TheHashLeavesOutLocationsAndExplanations) {
  plan::Plan plan = makeExampleStep().plan();
  const std::string before = computePlanHash(plan);
  plan.mutable_entries(0)->mutable_programs(0)->mutable_tasks(0)->set_location("elsewhere.mlir:1:1");
  plan.mutable_explanation()->add_values()->set_reason("because");
  EXPECT_EQ(computePlanHash(plan), before);
  plan.mutable_entries(0)->mutable_programs(0)->mutable_tasks(0)->set_layer("block 9");
  EXPECT_NE(computePlanHash(plan), before);
}

TEST_F(LoadPlan, ArenasMustFitTheMemory) {
  options_.availableBytes = 100;
  EXPECT_THAT(errorAfter([](PlanBuilder &) {}),
              HasSubstr("requires arenas that fit the available memory, 100 bytes, got 768 for 2 devices"));
}

TEST_F(LoadPlan, TheMachineHasMemoryLeft) {
  EXPECT_GT(availableMemory(), 1 << 20);
  EXPECT_LT(availableMemory(), int64_t{1} << 50);
}

TEST_F(LoadPlan, TextShowsTasksRegistersAndPlaces) {
  const std::string text = printPlan(makeExampleStep().plan());
  EXPECT_THAT(text, HasSubstr("%1 = scale %0 {factor = 2}  // double"));
  EXPECT_THAT(text, HasSubstr("= all_reduce %2 over "));
  EXPECT_THAT(text, HasSubstr("variable 'weight'"));
  EXPECT_THAT(text, HasSubstr("// update, block 3, model.mlir:7:3"));
}

// One broken plan and the message that it must give.
struct Broken {
  const char *name;
  std::function<void(PlanBuilder &)> change;
  const char *message;
};

class BrokenPlan : public LoadPlan, public testing::WithParamInterface<Broken> {};

TEST_P(BrokenPlan, IsRefusedWithAReason) { EXPECT_THAT(errorAfter(GetParam().change), HasSubstr(GetParam().message)); }

plan::Program &programOf(PlanBuilder &b) { return *b.entry().mutable_programs(0); }
plan::Task &taskOf(PlanBuilder &b, int index) { return *programOf(b).mutable_tasks(index); }

const Broken kBroken[] = {
    {"MeshOfNoDevices", [](PlanBuilder &b) { b.plan().mutable_mesh(0)->set_size(0); },
     "mesh axis 'data' requires a mesh of 1 to 4096"},
    {"MeshTooLarge", [](PlanBuilder &b) { b.plan().mutable_mesh(0)->set_size(int64_t{1} << 62); },
     "requires a mesh of 1 to 4096 devices"},
    {"RankInTwoClasses", [](PlanBuilder &b) { b.plan().mutable_classes(1)->set_ranks(0, 0); },
     "requires each rank to be in one class, got rank 0 twice"},
    {"RankInNoClass", [](PlanBuilder &b) { b.plan().mutable_mesh(0)->set_size(3); },
     "rank 2 requires to be in one class, got none"},
    {"RankOutsideTheMesh", [](PlanBuilder &b) { b.plan().mutable_classes(1)->set_ranks(0, -5); },
     "class 1 requires a rank below 2, got -5"},
    {"ClassWithoutRanks", [](PlanBuilder &b) { b.plan().mutable_classes(1)->clear_ranks(); },
     "class 1 requires at least one rank"},
    {"UnknownElementType", [](PlanBuilder &b) { b.held(0, 0).set_dtype(plan::DTYPE_UNSPECIFIED); },
     "register 'x' requires a known element type, got 0"},
    {"NegativeExtent", [](PlanBuilder &b) { b.held(0, 0).set_dims(0, -2); },
     "requires extents of at least 0, got [-2]"},
    {"ExtentsThatOverflow", [](PlanBuilder &b) { b.held(0, 0).set_dims(0, INT64_MAX); },
     "requires a tensor of at most"},
    {"TooManyDimensions",
     [](PlanBuilder &b) {
       for (int i = 0; i < 9; ++i) b.held(0, 0).add_dims(1);
     },
     "requires at most 8 dimensions"},
    {"RegisterTooSmall", [](PlanBuilder &b) { b.held(0, 0).set_bytes(4); },
     "register 'x' requires bytes for all elements of [2], got 4"},
    {"RegisterOutsideTheArena", [](PlanBuilder &b) { b.held(0, 0).set_offset(int64_t{1} << 40); },
     "requires to lie inside the arena of 384 bytes"},
    {"RegisterOffsetOverflows", [](PlanBuilder &b) { b.held(0, 0).set_offset(INT64_MAX - 63); },
     "requires to lie inside the arena"},
    {"RegisterNotAligned", [](PlanBuilder &b) { b.held(0, 0).set_offset(4); },
     "requires an offset that is a multiple of 64, got 4"},
    {"RegisterWithoutCopies", [](PlanBuilder &b) { b.held(0, 0).set_count(0); }, "requires at least one copy, got 0"},
    {"RegisterWithTooManyCopies",
     [](PlanBuilder &b) {
       b.held(0, 3).set_bytes(64);
       b.held(0, 3).set_count(INT64_MAX);
     },
     "requires to lie inside the arena"},
    {"StridesOfAnotherRank",
     [](PlanBuilder &b) {
       b.held(0, 0).add_strides(1);
       b.held(0, 0).add_strides(1);
     },
     "requires a stride for each dimension, got 2 for 1"},
    {"StridesThatReachTooFar", [](PlanBuilder &b) { b.held(0, 0).add_strides(1000); },
     "requires bytes for all elements"},
    {"NegativeStride", [](PlanBuilder &b) { b.held(0, 0).add_strides(-1); }, "requires strides of at least 0"},
    {"ViewOfNothing", [](PlanBuilder &b) { b.held(0, 3).set_view_of(77); },
     "requires a register to view below 7, got 77"},
    {"ViewOfAView",
     [](PlanBuilder &b) {
       const int v = b.addView(0, "v", 0, 0, {1});
       b.addView(0, "vv", v, 0, {1});
     },
     "register 'vv' requires to view a register that is no view, got 'v'"},
    {"ViewOutsideItsRegister", [](PlanBuilder &b) { b.addView(0, "v", 0, 1, {2}); },
     "register 'v' requires to lie inside the 2 elements that it views, got offset 1"},
    {"ViewWithBytesOfItsOwn", [](PlanBuilder &b) { b.held(0, b.addView(0, "v", 0, 0, {1})).set_bytes(4); },
     "requires a view to have no bytes of its own"},
    {"ViewOfAnotherType", [](PlanBuilder &b) { b.held(0, b.addView(0, "v", 0, 0, {1})).set_dtype(plan::I32); },
     "requires the element type of what it views, f32, got i32"},
    {"VariableOutOfRange", [](PlanBuilder &b) { b.held(0, 5).set_variable(9); }, "requires a variable below 2, got 9"},
    {"VariableElsewhere", [](PlanBuilder &b) { b.held(0, 5).set_offset(64); },
     "register 'weight' requires the place and shape of its variable"},
    {"RegisterInAVariablesBytes", [](PlanBuilder &b) { b.held(0, 0).set_offset(0); },
     "register 'x' requires no bytes of a variable"},
    {"VariableWithoutItsRegister", [](PlanBuilder &b) { b.plan().mutable_classes(0)->clear_variables(); },
     "class 0 requires a register for each of 1 variables, got 0"},
    {"VariableTwice",
     [](PlanBuilder &b) {
       *b.plan().add_variables() = b.plan().variables(0);
       for (int c = 0; c < 2; ++c) *b.plan().mutable_classes(c)->add_variables() = b.plan().classes(c).variables(0);
     },
     "variable 'weight' requires a name of its own"},
    {"StateOfNoParameter", [](PlanBuilder &b) { b.plan().mutable_variables(0)->set_parameter("ghost"); },
     "requires to belong to a parameter of the plan, got 'ghost'"},
    {"LayoutWithTooFewBoxes",
     [](PlanBuilder &b) { b.entry().mutable_inputs(0)->mutable_layout()->mutable_boxes()->RemoveLast(); },
     "input 'x' requires a box for each of 2 ranks, got 1"},
    {"LayoutWithAGap",
     [](PlanBuilder &b) { b.entry().mutable_inputs(0)->mutable_layout()->mutable_boxes(1)->set_extent(0, 2); },
     "input 'x' requires boxes that cover all 5 elements, got 4"},
    {"LayoutThatOverlaps",
     [](PlanBuilder &b) { b.entry().mutable_inputs(0)->mutable_layout()->mutable_boxes(1)->set_start(0, 1); },
     "requires boxes that are equal or disjoint, got [0:2] and [1:4]"},
    {"LayoutOutsideTheTensor",
     [](PlanBuilder &b) { b.entry().mutable_inputs(0)->mutable_layout()->mutable_boxes(1)->set_start(0, INT64_MAX); },
     "requires boxes inside [5]"},
    {"LayoutOfAnotherRank",
     [](PlanBuilder &b) { b.entry().mutable_inputs(0)->mutable_layout()->mutable_boxes(1)->add_start(0); },
     "requires boxes of rank 1, got 2 and 1"},
    {"PortOfAnotherShape", [](PlanBuilder &b) { b.entry().mutable_inputs(0)->set_registers(0, 2); },
     "register 'partial' to have the extents of rank 0's box, [2], got []"},
    {"PortOutOfRange", [](PlanBuilder &b) { b.entry().mutable_inputs(0)->set_registers(0, 99); },
     "input 'x' requires a register below 6, got 99"},
    {"PortWithoutAProgram", [](PlanBuilder &b) { b.entry().mutable_inputs(0)->mutable_registers()->RemoveLast(); },
     "requires a register in each of 2 programs, got 1"},
    {"PortTwice", [](PlanBuilder &b) { *b.entry().add_outputs() = b.entry().outputs(0); },
     "output 'doubled' requires a name of its own"},
    {"EntryTwice", [](PlanBuilder &b) { *b.plan().add_entries() = b.plan().entries(0); },
     "entry 'step' requires a name of its own"},
    {"EntryWithoutPrograms", [](PlanBuilder &b) { b.entry().clear_programs(); },
     "entry 'step' requires a program for each of 2 classes, got 0"},
    {"TaskInNoStream", [](PlanBuilder &b) { programOf(b).mutable_streams(0)->mutable_tasks()->RemoveLast(); },
     "op 'update' requires to be in one stream, got none"},
    {"TaskInTwoStreams", [](PlanBuilder &b) { programOf(b).mutable_streams(1)->add_tasks(0); },
     "requires op 'double' to be in one stream, got two"},
    {"StreamOfUnknownTasks", [](PlanBuilder &b) { programOf(b).mutable_streams(1)->add_tasks(1000); },
     "stream 'communicate' requires a task below 5, got 1000"},
    {"TooManyStreams",
     [](PlanBuilder &b) {
       for (int s = 0; s < 20; ++s) programOf(b).add_streams();
     },
     "requires at most 16 streams"},
    {"InputOutOfRange", [](PlanBuilder &b) { taskOf(b, 0).set_inputs(0, -1); },
     "op 'double' requires an input register below 6, got -1"},
    {"TaskWithoutRepeat", [](PlanBuilder &b) { taskOf(b, 0).set_repeat(0); },
     "op 'double' requires a repeat count of at least 1, got 0"},
    {"TaskAfterItself", [](PlanBuilder &b) { taskOf(b, 0).add_after(0); },
     "op 'double' requires to follow other tasks, got itself"},
    {"UnknownKernel", [](PlanBuilder &b) { taskOf(b, 0).set_kernel("scala"); },
     "op 'double' (kernel scala) on rank 0: requires a known kernel, got 'scala'; near: scale"},
    {"KernelWithoutItsAttribute", [](PlanBuilder &b) { taskOf(b, 0).clear_attributes(); },
     "requires attribute 'factor' (a number), got none"},
    {"AttributeOfTooManyValues",
     [](PlanBuilder &b) { *taskOf(b, 0).mutable_attributes(0)->add_values() = taskOf(b, 0).attributes(0).values(0); },
     "attribute 'factor' requires one value, or 1, got 2"},
    {"AttributeWithoutAValue",
     [](PlanBuilder &b) { taskOf(b, 0).mutable_attributes(0)->mutable_values(0)->clear_value(); },
     "attribute 'factor' requires a value, got none"},
    {"AttributeTwice", [](PlanBuilder &b) { *taskOf(b, 0).add_attributes() = taskOf(b, 0).attributes(0); },
     "attribute 'factor' requires to be given once"},
    {"KernelOnWrongShapes", [](PlanBuilder &b) { taskOf(b, 1).set_outputs(0, 1); },
     "op 'sum' (kernel total) on rank 0: total requires a scalar result"},
    {"CollectiveWithoutItsKernel", [](PlanBuilder &b) { taskOf(b, 2).set_kernel("copy"); },
     "requires kernel 'collective' and a collective to come together"},
    {"CollectiveOutOfRange", [](PlanBuilder &b) { taskOf(b, 2).set_collective(5); },
     "op 'reduce' requires a collective below 2, got 5"},
    {"CollectiveOnOneRankOnly",
     [](PlanBuilder &b) {
       taskOf(b, 2).set_kernel("copy");
       taskOf(b, 2).set_collective(0);
     },
     "collective 'reduce_total' requires one task on rank 0, got 0"},
    {"CollectiveOfUnknownCombiner", [](PlanBuilder &b) { b.entry().mutable_collectives(0)->set_combiner("product"); },
     "requires combiner 'sum', 'max', 'min' or none, got 'product'"},
    {"GroupWithARankTwice",
     [](PlanBuilder &b) { b.entry().mutable_collectives(0)->mutable_groups(0)->set_ranks(1, 0); },
     "requires disjoint groups, got rank 0 twice"},
    {"GroupWithoutBoxes", [](PlanBuilder &b) { b.entry().mutable_collectives(0)->mutable_groups(0)->clear_outputs(); },
     "requires an input and an output box for each of 2 ranks, got 2 and 0"},
    {"GroupWithoutRanks", [](PlanBuilder &b) { b.entry().mutable_collectives(0)->add_groups(); },
     "requires groups of at least one rank"},
    {"RankOutsideItsCollective",
     [](PlanBuilder &b) {
       auto *g = b.entry().mutable_collectives(0)->mutable_groups(0);
       g->mutable_ranks()->RemoveLast();
       g->mutable_inputs()->RemoveLast();
       g->mutable_outputs()->RemoveLast();
     },
     "op 'reduce' requires rank 1 to be in a group of its collective"},
    {"CollectiveOfAnotherShape", [](PlanBuilder &b) { taskOf(b, 2).set_inputs(0, 1); },
     "op 'reduce' requires register 'doubled' to have the extents of rank 0's box, [], got [2]"},
    {"CollectiveOfAnotherType", [](PlanBuilder &b) { b.entry().mutable_collectives(0)->set_dtype(plan::I32); },
     "requires register 'partial' to be of type i32, got f32"},
    {"RegisterNeverWritten",
     [](PlanBuilder &b) {
       taskOf(b, 4).set_inputs(0, 3);
       taskOf(b, 2).set_outputs(0, 2);
     },
     "requires"},
    {"SharedBytes", [](PlanBuilder &b) { b.held(0, 4).set_offset(b.held(0, 1).offset()); },
     "requires registers that share bytes to be apart in time"},
    {"OutputOverwritten", [](PlanBuilder &b) { b.held(0, 4).set_offset(b.held(0, 3).offset()); },
     "requires registers that share bytes to be apart in time"},
    {"CycleOfStreams", [](PlanBuilder &b) { taskOf(b, 0).add_after(2); },
     "requires a step without a cycle of waits, got"},
    {"RepeatsThatDontFit", [](PlanBuilder &b) { taskOf(b, 2).set_repeat(2); },
     "requires as many turns on rank 1 as on rank 0, 2, got 1"},
};

INSTANTIATE_TEST_SUITE_P(All, BrokenPlan, testing::ValuesIn(kBroken), [](const auto &info) { return info.param.name; });

TEST_F(LoadPlan, AnOutputThatNobodyHoldsIsFound) {
  EXPECT_THAT(
      errorAfter([](PlanBuilder &b) {
        auto *collective = b.entry().mutable_collectives(0);
        collective->add_dims(4);
        for (int m = 0; m < 2; ++m)
          for (auto *boxes :
               {collective->mutable_groups(0)->mutable_inputs(m), collective->mutable_groups(0)->mutable_outputs(m)}) {
            boxes->add_start(boxes == collective->mutable_groups(0)->mutable_outputs(m) ? 2 : 0);
            boxes->add_extent(2);
          }
      }),
      HasSubstr("requires every element of rank 0's output to be held by a member, got nobody who holds [2:4]"));
}

TEST_F(LoadPlan, AGatherMayFindItsShareInPlaceAndNowhereElseInItsOutput) {
  EXPECT_TRUE(loadPlan(makeSharedUpdate().bytes(), registry_).ok());
  const auto messageOf = [&](auto change) {
    PlanBuilder builder = makeSharedUpdate();
    change(builder.held(0, 1), builder);
    return std::string(loadPlan(builder.bytes(), registry_).status().message());
  };
  const auto rule = HasSubstr("or the input is the output's part that it brings, got input 'half' and output 'weight'");
  EXPECT_THAT(messageOf([](plan::Register &half, PlanBuilder &) { half.set_view_offset(1, 1); }), rule);
  EXPECT_THAT(messageOf([](plan::Register &half, PlanBuilder &) { half.mutable_view_offset()->SwapElements(0, 1); }),
              rule);
  // With a combiner, peers read what this rank overwrites.
  EXPECT_THAT(
      messageOf([](plan::Register &, PlanBuilder &b) { b.entry().mutable_collectives(0)->set_combiner("sum"); }), rule);
}

TEST_F(LoadPlan, AViewHasOneOffsetOrOneForEachRankAndIsWrittenAtSeveralOnlyInAVariable) {
  PlanBuilder builder = makeSharedUpdate();
  builder.held(0, 1).add_view_offset(1);
  EXPECT_THAT(loadPlan(builder.bytes(), registry_).status().message(),
              HasSubstr("register 'half' requires one view offset, or 2, got 3"));
  builder = makeSharedUpdate();
  builder.held(0, 1).set_view_offset(1, 3);
  EXPECT_THAT(loadPlan(builder.bytes(), registry_).status().message(),
              HasSubstr("register 'half' requires to lie inside the 4 elements that it views, got offset 3"));
  builder = makeSharedUpdate();
  const int other = builder.addRegister(0, "other", {4});
  builder.held(0, 1).set_view_of(other + 1);
  EXPECT_THAT(loadPlan(builder.bytes(), registry_).status().message(),
              HasSubstr("op 'update' requires a written view to lie at one offset on all ranks, or to show a variable"));
}

TEST_F(LoadPlan, EachSegmentOfABucketIsCheckedLikeACollective) {
  EXPECT_TRUE(loadPlan(makeBucketStep().bytes(), registry_).ok());
  const auto messageOf = [&](auto change) {
    PlanBuilder builder = makeBucketStep();
    plan::Collective &bucket = *builder.entry().mutable_collectives(0);
    change(builder, bucket, *bucket.mutable_further(0));
    return std::string(loadPlan(builder.bytes(), registry_).status().message());
  };
  EXPECT_THAT(messageOf([](PlanBuilder &, plan::Collective &bucket, plan::Segment &) { bucket.clear_further(); }),
              HasSubstr("op 'gather' requires an input and an output for each of 1 segments, got 2 and 2"));
  EXPECT_THAT(messageOf([](PlanBuilder &, plan::Collective &, plan::Segment &segment) { segment.clear_groups(); }),
              HasSubstr("requires boxes of each segment for each of 1 groups, got 0"));
  EXPECT_THAT(messageOf([](PlanBuilder &, plan::Collective &, plan::Segment &segment) {
                segment.mutable_groups(0)->mutable_inputs()->RemoveLast();
              }),
              HasSubstr("requires an input and an output box for each of 2 ranks, got 1 and 2"));
  EXPECT_THAT(messageOf([](PlanBuilder &, plan::Collective &, plan::Segment &segment) {
                segment.mutable_groups(0)->mutable_inputs(1)->set_start(0, 0);
              }),
              HasSubstr("requires every element of rank 0's output to be held by a member, got nobody who holds [1:2]"));
  EXPECT_THAT(messageOf([](PlanBuilder &, plan::Collective &, plan::Segment &segment) { segment.set_dims(0, 1); }),
              HasSubstr("requires boxes inside"));
}

TEST_F(LoadPlan, WhatOneSegmentWritesNoOtherTouches) {
  const auto messageAt = [&](int moved, int onto) {
    PlanBuilder builder = makeBucketStep();
    builder.held(0, moved).set_offset(builder.held(0, onto).offset());
    return std::string(loadPlan(builder.bytes(), registry_).status().message());
  };
  EXPECT_THAT(messageAt(3, 2), HasSubstr("requires outputs with bytes of their own, got 'all_a' and 'all_b' of rank 0"));
  EXPECT_THAT(messageAt(3, 0), HasSubstr("got input 'a' and output 'all_b' of rank 0"));
}

TEST_F(LoadPlan, ACollectiveInPlaceNeedsEqualBoxes) {
  PlanBuilder builder(2);
  builder.addClass({0, 1});
  builder.addEntry("step");
  const int x = builder.addRegister(0, "x", {2}), y = builder.addRegister(0, "y", {2});
  plan::Layout exchanged = makeLayout({4}, 2, 0);
  exchanged.mutable_boxes()->SwapElements(0, 1);
  const int permute = builder.addCollective("permute", "", {4}, makeLayout({4}, 2, 0), exchanged);
  builder.addCollectiveTask(0, 1, "permute", permute, x, y);
  builder.addPort(true, "x", {4}, 0, {x});
  builder.addPort(false, "y", {4}, 0, {y});
  EXPECT_TRUE(loadPlan(builder.bytes(), registry_).ok());
  builder.held(0, y).set_offset(builder.held(0, x).offset());
  EXPECT_THAT(loadPlan(builder.bytes(), registry_).status().message(),
              HasSubstr("requires an output in the input's bytes only where all boxes of the group are equal"));
}

}  // namespace
}  // namespace cleave
