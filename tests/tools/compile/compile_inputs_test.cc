#include "tools/compile/compile_inputs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cleave::cli {
namespace {

using ::testing::HasSubstr;

template <typename T>
std::string errorOf(const absl::StatusOr<T> &result) {
  return result.ok() ? "none" : std::string(result.status().message());
}

TEST(ParseMesh, ReadsNamesKindsAndSizes) {
  const auto mesh = parseMesh("data=2,x:model=4");
  ASSERT_TRUE(mesh.ok()) << mesh.status();
  ASSERT_EQ(mesh->size(), 2);
  EXPECT_EQ((*mesh)[0].name, "data");
  EXPECT_EQ((*mesh)[0].kind, "");
  EXPECT_EQ((*mesh)[0].size, 2);
  EXPECT_EQ((*mesh)[1].name, "x");
  EXPECT_EQ((*mesh)[1].kind, "model");
  EXPECT_EQ((*mesh)[1].size, 4);
}

TEST(ParseMesh, NamesThePartThatIsWrong) {
  EXPECT_THAT(errorOf(parseMesh("data")), HasSubstr("requires name=size or name:kind=size, got \"data\""));
  EXPECT_THAT(errorOf(parseMesh("data=2,")), HasSubstr("requires name=size"));
  EXPECT_THAT(errorOf(parseMesh("=2")), HasSubstr("requires a name"));
  EXPECT_THAT(errorOf(parseMesh("a b=2")), HasSubstr("requires a name"));
  EXPECT_THAT(errorOf(parseMesh("x:expert=2")), HasSubstr("requires kind data or model, got \"expert\""));
  EXPECT_THAT(errorOf(parseMesh("data:model=2")), HasSubstr("requires the kind that it is named after"));
  EXPECT_THAT(errorOf(parseMesh("x:data:model=2")), HasSubstr("requires a name"));
}

TEST(ParseMesh, RefusesImpossibleSizes) {
  for (const char *text : {"data=0", "data=-1", "data=two", "data=", "data=99999999999999999999", "data=5000",
                           "data=+2", "data=02", "data= 2", "data=2 ", "data=2.0", "data=2e0", "data=0x2"})
    EXPECT_THAT(errorOf(parseMesh(text)), HasSubstr("requires a size from 1 to 4096")) << text;
  EXPECT_THAT(errorOf(parseMesh("data=100,model=100")), HasSubstr("requires at most 4096 devices"));
}

TEST(ParseMesh, RefusesTwoAxesOfOneName) {
  EXPECT_THAT(errorOf(parseMesh("data=2,data=2")), HasSubstr("requires axes of different names, got \"data\" twice"));
}

TEST(ParsePins, ReadsPlacementsByAxis) {
  const auto pins = parsePins(R"json({"pins": {"h.*.weight": {"model": "S(0)", "data": "B"}}})json");
  ASSERT_TRUE(pins.ok()) << pins.status();
  ASSERT_EQ(pins->size(), 1);
  EXPECT_EQ((*pins)[0].match, "h.*.weight");
  ASSERT_EQ((*pins)[0].along.size(), 2);
}

TEST(ParsePins, NamesTheFieldThatIsWrong) {
  EXPECT_THAT(errorOf(parsePins("[]")), HasSubstr("requires one object {\"pins\": {...}}"));
  EXPECT_THAT(errorOf(parsePins("{\"pin\": {}}")), HasSubstr("requires one object {\"pins\": {...}}"));
  EXPECT_THAT(errorOf(parsePins("{\"pins\": {\"w\": \"S(0)\"}}")), HasSubstr("pin \"w\" requires an object"));
  EXPECT_THAT(errorOf(parsePins("{\"pins\": {\"w\": {\"model\": 0}}}")),
              HasSubstr("pin \"w\", axis \"model\" requires a placement"));
  EXPECT_THAT(errorOf(parsePins("{\"pins\": {\"\": {\"model\": \"B\"}}}")), HasSubstr("a pin requires a name or glob"));
  EXPECT_NE(errorOf(parsePins("{\"pins\": ")), "none");
}

TEST(ParseMemory, ReadsUnitsOfPowersOf1000And1024) {
  EXPECT_EQ(*parseMemory("1000000"), 1000000);
  EXPECT_EQ(*parseMemory("2GB"), 2000000000);
  EXPECT_EQ(*parseMemory("1.5MB"), 1500000);
  EXPECT_EQ(*parseMemory("3kB"), 3000);
  EXPECT_EQ(*parseMemory("512MiB"), int64_t{512} << 20);
  EXPECT_EQ(*parseMemory("2GiB"), int64_t{2} << 30);
}

TEST(ParseMemory, TakesNothingElse) {
  for (const char *text : {"", "GB", "2gb", "2 GB", "-1", "+1", "0", "0.5", "1e9", "nan", "inf", "1.2.3MB", "2TB",
                           "9999999999GB", "02GB", " 2GB"})
    EXPECT_THAT(errorOf(parseMemory(text)), HasSubstr("--memory requires bytes, such as 2GB, 512MiB or 1000000, got"))
        << text;
}

TEST(ParseGroups, KeepsOrderAndLeavesAbsentFieldsOut) {
  const auto groups = parseGroups(
      R"json({"groups": [{"match": "*.bias", "lr": 0.5},
                          {"match": "wte", "trainable": false, "weight_decay": 0}]})json");
  ASSERT_TRUE(groups.ok()) << groups.status();
  ASSERT_EQ(groups->size(), 2);
  EXPECT_EQ((*groups)[0].match, "*.bias");
  EXPECT_EQ((*groups)[0].lr, 0.5);
  EXPECT_FALSE((*groups)[0].weightDecay.has_value());
  EXPECT_EQ((*groups)[1].weightDecay, 0);
  EXPECT_EQ((*groups)[1].trainable, false);
}

TEST(ParseGroups, NamesGroupAndField) {
  EXPECT_THAT(errorOf(parseGroups("{\"groups\": {}}")), HasSubstr("requires one object {\"groups\": [...]}"));
  EXPECT_THAT(errorOf(parseGroups("{\"groups\": [1]}")), HasSubstr("group 0 requires an object"));
  EXPECT_THAT(errorOf(parseGroups("{\"groups\": [{}]}")), HasSubstr("group 0: \"match\" requires a name or glob"));
  EXPECT_THAT(errorOf(parseGroups("{\"groups\": [{\"match\": 1}]}")), HasSubstr("\"match\" requires a string"));
  EXPECT_THAT(errorOf(parseGroups("{\"groups\": [{\"match\": \"*\", \"lr\": -1}]}")),
              HasSubstr("\"lr\" requires a number of at least 0"));
  EXPECT_THAT(errorOf(parseGroups("{\"groups\": [{\"match\": \"*\", \"trainable\": 1}]}")),
              HasSubstr("requires true or false"));
  EXPECT_THAT(errorOf(parseGroups("{\"groups\": [{\"match\": \"*\", \"decay\": 1}]}")), HasSubstr("got \"decay\""));
}

}  // namespace
}  // namespace cleave::cli
