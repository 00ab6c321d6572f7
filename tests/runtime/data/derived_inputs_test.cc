#include "runtime/data/derived_inputs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace cleave {
namespace {

using ::testing::ElementsAre;

program::DataInput madeBy(const std::string &otherwise) {
  program::DataInput input;
  input.otherwise = otherwise;
  return input;
}

std::vector<int64_t> derived(const std::string &otherwise, std::vector<int64_t> row) {
  program::ModelFamily family;
  family.decoderStartToken = 8;
  family.padToken = 7;
  family.documentEnd = 5;
  deriveRow(madeBy(otherwise), family, absl::MakeSpan(row));
  return row;
}

TEST(StandIns, AreOneNumberForAllThatAFileLacks) {
  EXPECT_EQ(standInOf(madeBy("ones")), 1);
  EXPECT_EQ(standInOf(madeBy("zeros")), 0);
  EXPECT_EQ(standInOf(madeBy("minus_ones")), -1);
  for (const char *otherwise : {"required", "shift_right", "segments", "positions", "twos", ""})
    EXPECT_EQ(standInOf(madeBy(otherwise)), absl::nullopt) << otherwise;
}

TEST(DerivedInputs, AreMadeOfTheirSourceInAnyCase) {
  for (const char *otherwise : {"shift_right", "segments", "positions"}) EXPECT_TRUE(isDerived(madeBy(otherwise)));
  for (const char *otherwise : {"required", "ones", "zeros", "minus_ones"}) EXPECT_FALSE(isDerived(madeBy(otherwise)));
}

TEST(DerivedInputs, ShiftLabelsRightBehindTheStart) {
  EXPECT_THAT(derived("shift_right", {1, 2, kIgnoredLabel, 3}), ElementsAre(8, 1, 2, 7));
  EXPECT_THAT(derived("shift_right", {1}), ElementsAre(8));
  EXPECT_THAT(derived("shift_right", {}), ElementsAre());
}

TEST(DerivedInputs, BeginAnewBehindTheEndOfADocument) {
  EXPECT_THAT(derived("segments", {5, 1, 2, 5, 5, 3}), ElementsAre(0, 1, 1, 1, 2, 3));
  EXPECT_THAT(derived("positions", {5, 1, 2, 5, 5, 3}), ElementsAre(0, 0, 1, 2, 0, 0));
}

TEST(DerivedInputs, LeaveOtherRowsAsTheyAre) { EXPECT_THAT(derived("required", {1, 5, 2}), ElementsAre(1, 5, 2)); }

}  // namespace
}  // namespace cleave
