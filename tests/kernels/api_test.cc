#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "kernels/api/registry.h"

namespace cleave {
namespace {

using ::testing::ElementsAre;

TEST(TensorView, IsContiguousOnlyWithoutGaps) {
  TensorView view = TensorView::contiguous(nullptr, DType::kF32, {2, 3, 4});
  EXPECT_TRUE(view.isContiguous());
  EXPECT_EQ(view.bytes(), 96);
  EXPECT_EQ(view.str(), "2x3x4xf32");
  view.strides[0] = 24;
  EXPECT_FALSE(view.isContiguous());
  view.shape[0] = 1;  // the stride of a single element means nothing
  EXPECT_TRUE(view.isContiguous());
  view.shape[2] = 0;
  EXPECT_TRUE(view.isContiguous());
  EXPECT_EQ(TensorView::contiguous(nullptr, DType::kBool, {}).elements(), 1);
}

TEST(TensorView, NamesAndMeasuresEveryType) {
  const std::pair<DType, std::pair<const char *, int>> types[] = {
      {DType::kF32, {"f32", 4}}, {DType::kF64, {"f64", 8}},   {DType::kI32, {"i32", 4}}, {DType::kI64, {"i64", 8}},
      {DType::kBool, {"i1", 1}}, {DType::kBF16, {"bf16", 2}}, {DType::kF16, {"f16", 2}}};
  for (const auto &[dtype, expected] : types) {
    EXPECT_STREQ(nameOf(dtype), expected.first);
    EXPECT_EQ(bytesOf(dtype), expected.second);
  }
}

TEST(Attributes, SayWhatIsMissingOrOfAnotherType) {
  Attributes attributes = {{"n", int64_t{3}}, {"x", 0.5}, {"name", std::string("a")}, {"none", std::vector<int64_t>{}}};
  EXPECT_EQ(*attributes.findInt("n"), 3);
  EXPECT_EQ(attributes.findInt("m").status().message(), "requires attribute 'm' (an integer), got none");
  EXPECT_EQ(attributes.findInt("x").status().message(), "requires attribute 'x' to be an integer, got a number");
  EXPECT_EQ(attributes.findInts("n").status().message(),
            "requires attribute 'n' to be a list of integers, got an integer");
  EXPECT_TRUE(attributes.findDoubles("none")->empty());
  EXPECT_EQ(attributes.getInt("x", 7), 7);
  EXPECT_EQ(attributes.getString("n"), "");
  attributes.set("n", 2.5);
  EXPECT_EQ(*attributes.findDouble("n"), 2.5);
  EXPECT_EQ(attributes.all().size(), 4u);
}

absl::Status accept(const KernelCall &) { return absl::OkStatus(); }
absl::Status refuse(const KernelCall &) { return absl::InvalidArgumentError("requires peace, got war"); }
absl::Status run(const KernelCall &, KernelContext &) { return absl::OkStatus(); }
bool never(const KernelCall &) { return false; }

TEST(Registry, AsksBackendsInTheOrderOfTheirAddition) {
  const Attributes attributes;
  const KernelCall call = {attributes, {}, {}};
  Registry registry;
  registry.add("fast", "add", {accept, run, never});
  registry.add("reference", "add", {accept, run, nullptr});
  registry.add("reference", "matmul", {refuse, run, nullptr});
  registry.add("fast", "outer", {accept, run, never});
  EXPECT_EQ((*registry.find("add", call))->takes, nullptr);
  EXPECT_EQ(registry.find("matmul", call).status().message(), "matmul requires peace, got war");
  EXPECT_EQ(registry.find("outer", call).status().code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(registry.names(), ElementsAre("add", "matmul", "outer"));
  EXPECT_TRUE(registry.knows("add"));
  EXPECT_FALSE(registry.knows("sub"));
}

TEST(Registry, SuggestsNamesNearAnUnknownOne) {
  const Attributes attributes;
  Registry registry;
  registry.add("reference", "matmul", {accept, run, nullptr});
  const absl::Status status = registry.find("matmull", {attributes, {}, {}}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(status.message(), "requires a known kernel, got 'matmull'; near: matmul");
  EXPECT_FALSE(absl::StrContains(registry.find("zzzzzzzzz", {attributes, {}, {}}).status().message(), "near"));
}

}  // namespace
}  // namespace cleave
