#include "runtime/plan/prove_sharing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/runtime/plan/model_builder.h"

namespace cleave {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr int kCompute = 0, kCommunicate = 1;

class ProveSharing : public testing::Test {
 protected:
  std::string error() { return std::string(proveSharing(modelOf({program_})).message()); }

  ProgramBuilder program_{{0, 1}};
  const int x_ = program_.addInput("x");
};

TEST_F(ProveSharing, ValuesOneAfterTheOtherShareBytes) {
  const int a = program_.add("a", 0), b = program_.add("b"), c = program_.add("c", 0);
  program_.task(kCompute, "make_a", {x_}, {a});
  program_.task(kCompute, "make_b", {a}, {b});
  program_.task(kCompute, "make_c", {b}, {c});
  EXPECT_EQ(error(), "");
}

TEST_F(ProveSharing, AValueMayNotBeOverwrittenBeforeItsLastReader) {
  const int a = program_.add("a", 0), c = program_.add("c", 0);
  program_.task(kCompute, "make_a", {x_}, {a});
  program_.task(kCompute, "make_c", {x_}, {c});
  program_.task(kCompute, "read_a", {a}, {program_.add("b")});
  EXPECT_THAT(error(), AllOf(HasSubstr("requires registers that share bytes to be apart in time"),
                             HasSubstr("'c', written by op 'make_c' of rank 0 compute, over 'a', used by op 'read_a'"),
                             HasSubstr("(bytes 0 to 64)")));
}

TEST_F(ProveSharing, BytesSharedInPartCount) {
  const int a = program_.add("a", 0, 128), c = program_.add("c", 64, 128);
  program_.task(kCompute, "make_a", {x_}, {a});
  program_.task(kCompute, "make_c", {x_}, {c});
  program_.task(kCompute, "read_a", {a}, {program_.add("b")});
  EXPECT_THAT(error(), HasSubstr("(bytes 64 to 128)"));
}

TEST_F(ProveSharing, ATaskMayNotReadWhatItOverwritesUnlessInPlace) {
  const int a = program_.add("a", 0, 128), b = program_.add("b", 64, 64);
  program_.task(kCompute, "make_a", {x_}, {a});
  program_.task(kCompute, "shift", {a}, {b});
  EXPECT_THAT(error(), HasSubstr("'b', written by op 'shift' of rank 0 compute, over 'a', used by op 'shift'"));
}

TEST_F(ProveSharing, ATaskWorksInPlaceOnExactlyItsInput) {
  const int a = program_.add("a", 0), b = program_.add("b", 0);
  program_.task(kCompute, "make_a", {x_}, {a});
  program_.task(kCompute, "in_place", {a}, {b});
  program_.task(kCompute, "read_b", {b}, {program_.add("c")});
  EXPECT_EQ(error(), "");
}

TEST_F(ProveSharing, WorkInPlaceNeedsTheLastReader) {
  const int a = program_.add("a", 0), b = program_.add("b", 0);
  program_.task(kCompute, "make_a", {x_}, {a});
  program_.task(kCompute, "in_place", {a}, {b});
  program_.task(kCompute, "read_a", {a}, {program_.add("c")});
  EXPECT_THAT(error(), HasSubstr("'b', written by op 'in_place' of rank 0 compute, over 'a', used by op 'read_a'"));
}

TEST_F(ProveSharing, WorkInPlaceIsOfOneElementSize) {
  const int a = program_.add("a", 0), b = program_.add("b", 0);
  program_.get().values[b].elementBytes = 2;
  program_.task(kCompute, "make_a", {x_}, {a});
  program_.task(kCompute, "narrow", {a}, {b});
  EXPECT_THAT(error(), HasSubstr("over 'a', used by op 'narrow'"));
}

TEST_F(ProveSharing, ReadersOnAnotherStreamCountUntilTheyAreWaitedFor) {
  const int a = program_.add("a", 0), sent = program_.add("sent"), c = program_.add("c", 0);
  program_.task(kCompute, "make_a", {x_}, {a});
  program_.task(kCommunicate, "send", {a}, {sent});
  const int overwrite = program_.task(kCompute, "make_c", {x_}, {c});
  EXPECT_THAT(
      error(),
      HasSubstr("'c', written by op 'make_c' of rank 0 compute, over 'a', used by op 'send' of rank 0 communicate"));

  program_.get().tasks[overwrite].after = {1};  // a planned edge
  EXPECT_EQ(error(), "");
  program_.get().tasks[overwrite].after.clear();
  program_.get().tasks[overwrite].reads.push_back(sent);  // or data
  EXPECT_EQ(error(), "");
}

TEST_F(ProveSharing, TheOrderIsFollowedThroughSeveralStreams) {
  const int a = program_.add("a", 0), b = program_.add("b"), c = program_.add("c"), d = program_.add("d", 0);
  program_.task(kCompute, "make_a", {x_}, {a});
  program_.task(kCommunicate, "send", {a}, {b});
  program_.task(kCompute, "use", {b}, {c});
  program_.task(kCommunicate, "make_d", {c}, {d});
  program_.task(kCompute, "read_d", {d}, {program_.add("e")});
  EXPECT_EQ(error(), "");
}

TEST_F(ProveSharing, TwoWritersOnTwoStreamsMeet) {
  const int a = program_.add("a", 0), b = program_.add("b", 0);
  program_.task(kCompute, "make_a", {x_}, {a});
  program_.task(kCommunicate, "make_b", {x_}, {b});
  EXPECT_THAT(error(), HasSubstr("requires registers that share bytes to be apart in time"));
}

TEST_F(ProveSharing, AnInputIsThereFromTheStart) {
  const int a = program_.add("a", 0), late = program_.addInput("late", 0);
  program_.task(kCompute, "make_a", {x_}, {a});
  program_.task(kCompute, "read_late", {late}, {program_.add("b")});
  EXPECT_THAT(error(), HasSubstr("'a', written by op 'make_a' of rank 0 compute, over 'late', used by op 'read_late'"));
}

TEST_F(ProveSharing, AnInputsBytesAreFreeAfterItsLastReader) {
  const int early = program_.addInput("early", 0), a = program_.add("a"), b = program_.add("b", 0);
  program_.task(kCompute, "read_early", {early}, {a});
  program_.task(kCompute, "make_b", {a}, {b});
  EXPECT_EQ(error(), "");
}

TEST_F(ProveSharing, TwoInputsNeverShareBytes) {
  program_.addInput("one", 0);
  program_.addInput("two", 32);
  EXPECT_THAT(error(), HasSubstr("'two', an input, over 'one'"));
}

TEST_F(ProveSharing, AnOutputKeepsItsBytesToTheEnd) {
  const int loss = program_.addOutput("loss", 0), a = program_.add("a", 0);
  program_.task(kCompute, "make_loss", {x_}, {loss});
  program_.task(kCompute, "make_a", {x_}, {a});
  EXPECT_THAT(error(), HasSubstr("over 'loss', an output, read after the step"));
}

TEST_F(ProveSharing, AnOutputMustBeWritten) {
  program_.addOutput("loss");
  EXPECT_THAT(error(), HasSubstr("requires output register 'loss' to be written, got no task that does, on rank 0"));
}

TEST_F(ProveSharing, ARegisterIsWrittenBeforeItIsRead) {
  program_.task(kCompute, "read", {program_.add("a")}, {program_.add("b")});
  EXPECT_THAT(
      error(),
      HasSubstr("op 'read' of rank 0 compute requires register 'a' to be written before it is read, got 0 of 64 "
                "bytes written"));
}

TEST_F(ProveSharing, ARegisterWrittenInPartsIsReadWhenAllAreThere) {
  const int whole = program_.add("whole");
  const int left = program_.addView("left", whole, 0, 32), right = program_.addView("right", whole, 32, 32);
  program_.task(kCompute, "make_left", {x_}, {left});
  program_.task(kCompute, "read_left", {left}, {program_.add("a")});
  program_.task(kCompute, "read_whole", {whole}, {program_.add("b")});
  EXPECT_THAT(
      error(),
      HasSubstr("op 'read_whole' of rank 0 compute requires register 'whole' to be written before it is read, got "
                "32 of 64 bytes written"));
  program_.get().tasks[1].writes.push_back(right);
  EXPECT_EQ(error(), "");
}

TEST_F(ProveSharing, PartsOnAnotherStreamOwnTheWholesBytes) {
  const int before = program_.add("before", 0), whole = program_.add("whole", 0), kept = program_.add("kept");
  const int left = program_.addView("left", whole, 0, 32), right = program_.addView("right", whole, 32, 32);
  program_.task(kCompute, "make_before", {x_}, {before});
  program_.task(kCompute, "read_before", {before}, {kept});
  program_.task(kCompute, "make_left", {kept}, {left});
  const int other = program_.task(kCommunicate, "make_right", {x_}, {right});
  EXPECT_THAT(error(), HasSubstr("written by op 'make_right' of rank 0 communicate"));
  program_.get().tasks[other].reads.push_back(kept);
  EXPECT_EQ(error(), "");
}

TEST_F(ProveSharing, CopiesOfALoopsRegisterHaveBytesOfTheirOwn) {
  // Two copies of 64 bytes at 0: another register in the second copy's bytes meets it.
  const int value = program_.add("value", 0), other = program_.add("other", 64);
  program_.get().values[value].count = 2;
  program_.task(kCompute, "make_other", {x_}, {other});
  const int make = program_.task(kCompute, "make", {x_}, {value});
  const int use = program_.task(kCompute, "use", {value}, {program_.add("used")});
  program_.get().tasks[make].repeat = program_.get().tasks[use].repeat = 2;
  program_.task(kCompute, "read_other", {other}, {program_.add("b")});
  EXPECT_THAT(error(),
              HasSubstr("'value', written by op 'make' of rank 0 compute, over 'other', used by op 'read_other'"));
}

TEST_F(ProveSharing, ALoopAccumulatesInPlace) {
  const int zero = program_.add("zero", 0), sum = program_.add("sum", 0), result = program_.addOutput("result");
  program_.task(kCompute, "clear", {x_}, {zero});
  const int add = program_.task(kCompute, "add", {zero}, {sum});
  program_.task(kCompute, "read_sum", {sum}, {result});
  program_.get().tasks[add].repeat = 3;
  EXPECT_EQ(error(), "");
}

TEST_F(ProveSharing, AnAccumulatorIsNotOverwrittenInsideItsLoop) {
  const int zero = program_.add("zero", 0), sum = program_.add("sum", 0), intruder = program_.add("intruder", 0);
  program_.task(kCompute, "clear", {x_}, {zero});
  const int add = program_.task(kCompute, "add", {zero}, {sum});
  const int intrude = program_.task(kCompute, "intrude", {x_}, {intruder});
  program_.get().tasks[add].repeat = program_.get().tasks[intrude].repeat = 3;
  EXPECT_THAT(error(), HasSubstr("'intruder', written by op 'intrude'"));
}

}  // namespace
}  // namespace cleave
