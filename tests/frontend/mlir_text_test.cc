#include "frontend/mlir_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace cleave {
namespace {

using testing::HasSubstr;

std::string errorOf(const std::string &text) { return std::string(checkMlirText(text).message()); }

std::string repeated(const std::string &piece, int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += piece;
  return text;
}

TEST(MlirText, LetsModelsPass) {
  EXPECT_EQ(errorOf(""), "");
  EXPECT_EQ(errorOf(R"(
    // A comment with ( and "
    #part = #cleave.placement<@pod, [S(0), P(sum)]>
    func.func @loss(%x: tensor<4x8xf32, #part> {cleave.input = "a ) \" \\"}) -> (tensor<f32>, tensor<?xi32>) {
      %s = cleave.sum_squares %x : (tensor<4x8xf32>) -> tensor<f32>
      %c = "cleave.constant"() <{value = dense<"0x00FF"> : tensor<2xi8>}> : () -> tensor<2xi8>
      return %s : tensor<f32> loc(#loc1)
    }
    #loc1 = loc("model.py":3:4)
  )"),
            "");
}

TEST(MlirText, RefusesDeepNesting) {
  for (const char *opening : {"(", "[", "{", "<"})
    EXPECT_THAT(errorOf(repeated(opening, 1000000)), HasSubstr("line 1: requires at most 64 levels of brackets"))
        << opening;
  EXPECT_THAT(errorOf("\n\n" + repeated("tuple<", 100000)), HasSubstr("line 3"));
}

TEST(MlirText, RefusesBracketsThatDoNotMatch) {
  EXPECT_THAT(errorOf("(]"), HasSubstr("requires brackets that match, got ]"));
  EXPECT_THAT(errorOf("}"), HasSubstr("got }"));
  EXPECT_THAT(errorOf("{ ( )"), HasSubstr("got an open {"));
}

TEST(MlirText, RefusesChainsOfAliases) {
  std::string chain = "#a0 = 1\n";
  for (int i = 1; i < 100000; ++i) chain += "#a" + std::to_string(i) + " = [#a" + std::to_string(i - 1) + "]\n";
  EXPECT_THAT(errorOf(chain), HasSubstr("line 33: requires aliases that refer to each other at most 32 deep"));
  std::string types = "!t0 = i32\n";
  for (int i = 1; i < 1000; ++i) types += "!t" + std::to_string(i) + "\n=\ntuple\n<!t" + std::to_string(i - 1) + ">\n";
  EXPECT_THAT(errorOf(types), HasSubstr("aliases"));
}

TEST(MlirText, RefusesTypesThatOverflow) {
  EXPECT_THAT(errorOf("tensor<4294967296x4294967296xf32>"), HasSubstr("2^46 elements"));
  EXPECT_THAT(errorOf("tensor<9223372036854775808xf32>"), HasSubstr("2^46 elements"));
  EXPECT_THAT(errorOf("tensor< 4294967296x\n4294967296xf32>"), HasSubstr("2^46 elements"));
  EXPECT_THAT(errorOf("tensor<?x99999999999999999x2xf32>"), HasSubstr("2^46 elements"));
  EXPECT_THAT(errorOf("tensor<" + repeated("1x", 100) + "f32>"), HasSubstr("16 dimensions"));
  EXPECT_EQ(errorOf("tensor<0x70368744177664xf32>"), "");
}

TEST(MlirText, RefusesNumbersWithoutEnd) {
  EXPECT_THAT(errorOf("{a = 1" + repeated("0", 100000) + "}"), HasSubstr("64 digits"));
  EXPECT_THAT(errorOf("{a = 0x" + repeated("f", 100000) + "}"), HasSubstr("64 digits"));
}

TEST(MlirText, RefusesWhatNoModelNeeds) {
  EXPECT_THAT(errorOf("#m = affine_map<() -> (" + repeated("-", 1000) + "1)>"), HasSubstr("affine maps"));
  EXPECT_THAT(errorOf("{-# dialect_resources: {} #-}"), HasSubstr("without resources"));
  EXPECT_THAT(errorOf(std::string("a\0b", 3)), HasSubstr("zero byte"));
  EXPECT_THAT(errorOf("\"abc"), HasSubstr("strings that end"));
  EXPECT_THAT(errorOf("\"abc\\"), HasSubstr("strings that end"));
  EXPECT_THAT(errorOf("\"abc\n\""), HasSubstr("strings that end"));
  EXPECT_THAT(errorOf(std::string(kMaxMlirBytes + 1, ' ')), HasSubstr("bytes"));
}

}  // namespace
}  // namespace cleave
