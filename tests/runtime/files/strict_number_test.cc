#include "runtime/files/strict_number.h"

#include <gtest/gtest.h>

namespace cleave {
namespace {

TEST(StrictInteger, IsReadInItsOneSpelling) {
  EXPECT_EQ(parseInteger("0"), 0);
  EXPECT_EQ(parseInteger("12"), 12);
  EXPECT_EQ(parseInteger("-305"), -305);
  EXPECT_EQ(parseInteger("9223372036854775807"), INT64_MAX);
  EXPECT_EQ(parseInteger("-9223372036854775808"), INT64_MIN);
}

TEST(StrictInteger, IsNothingElse) {
  for (const char *text : {"", "-", "+2", "02", "00", "-0", "-02", " 2", "2 ", "2\n", "1e3", "2.0", "2.", "0x2", "2k",
                           "2,", "--2", "two", "9223372036854775808", "-9223372036854775809"})
    EXPECT_EQ(parseInteger(text), absl::nullopt) << text;
}

TEST(StrictNumber, HasAFractionAndAnExponentIfItLikes) {
  EXPECT_EQ(parseNumber("0"), 0.0);
  EXPECT_EQ(parseNumber("-12"), -12.0);
  EXPECT_EQ(parseNumber("0.25"), 0.25);
  EXPECT_EQ(parseNumber(".25"), 0.25);
  EXPECT_EQ(parseNumber("1e-05"), 1e-5) << "as Python prints it";
  EXPECT_EQ(parseNumber("2.5E+3"), 2500.0);
  EXPECT_EQ(parseNumber("1e3"), 1000.0);
}

TEST(StrictNumber, IsNothingElse) {
  for (const char *text : {"", "-", ".", "e3", "+1", "01", "00.5", "-01", " 1", "1 ", "1\t", "1.", "1e", "1e+", "1.5.2",
                           "1e2.5", "0x1p3", "inf", "-inf", "nan", "1e400", "1f", "1_000", "1,5"})
    EXPECT_EQ(parseNumber(text), absl::nullopt) << text;
}

}  // namespace
}  // namespace cleave
