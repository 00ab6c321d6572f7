#include "passes/emit/emit_collective.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"

namespace cleave {
namespace {

using ::testing::ElementsAre;

// The collective of a function on a mesh of 2 x 2 devices.
class EmitCollective : public ::testing::Test {
 protected:
  EmitCollective() { context_.loadDialect<CleaveDialect, mlir::func::FuncDialect>(); }

  plan::Collective emit(const std::string &arguments, const std::string &op) {
    plan::Collective emitted;
    module_ = mlir::parseSourceString<mlir::ModuleOp>(
        "cleave.mesh @m <\"data\" = 2, \"model\" = 2>\nfunc.func @f(" + arguments + ") {\n  " + op + "\n  return\n}\n",
        &context_);
    if (!module_) return emitted;
    auto table = ShardTable::of(*module_);
    EXPECT_TRUE(succeeded(table));
    module_->walk([&](CollectiveOpInterface collective) {
      EXPECT_TRUE(succeeded(emitCollective(collective, *table, emitted)));
      combiner_ = combinerOf(collective);
    });
    return emitted;
  }

  mlir::MLIRContext context_;
  mlir::OwningOpRef<mlir::ModuleOp> module_;
  std::optional<Combiner> combiner_;
};

TEST_F(EmitCollective, GathersUnevenPartsInGroupsAlongItsAxis) {
  const plan::Collective gather = emit(
      "%x: tensor<3x4xf32, #cleave.placement<@m, [B, S(0)]>>",
      "%y = cleave.all_gather %x along [1] : tensor<3x4xf32, #cleave.placement<@m, [B, S(0)]>> -> "
      "tensor<3x4xf32, #cleave.placement<@m, [B, B]>>");
  EXPECT_EQ(gather.kind(), "all_gather");
  EXPECT_EQ(gather.combiner(), "");
  EXPECT_EQ(combiner_, std::nullopt);
  EXPECT_THAT(gather.axes(), ElementsAre("model"));
  EXPECT_THAT(gather.dims(), ElementsAre(3, 4));
  EXPECT_EQ(gather.bytes(), 3 * 4 * 4) << "of the whole";
  ASSERT_EQ(gather.groups_size(), 2);
  EXPECT_THAT(gather.groups(0).ranks(), ElementsAre(0, 1));
  EXPECT_THAT(gather.groups(1).ranks(), ElementsAre(2, 3));
  for (const plan::Group &group : gather.groups()) {
    EXPECT_THAT(group.inputs(0).extent(), ElementsAre(1, 4));
    EXPECT_THAT(group.inputs(1).start(), ElementsAre(1, 0));
    EXPECT_THAT(group.inputs(1).extent(), ElementsAre(2, 4));
    EXPECT_THAT(group.outputs(1).start(), ElementsAre(0, 0));
    EXPECT_THAT(group.outputs(1).extent(), ElementsAre(3, 4));
  }
}

TEST_F(EmitCollective, CombinesAlongSeveralAxesInOneGroup) {
  const plan::Collective sum = emit(
      "%x: tensor<4xf32, #cleave.placement<@m, [P(max), P(max)]>>",
      "%y = cleave.all_reduce %x along [0, 1] : tensor<4xf32, #cleave.placement<@m, [P(max), P(max)]>> -> "
      "tensor<4xf32, #cleave.placement<@m, [B, B]>>");
  EXPECT_EQ(sum.combiner(), "max");
  EXPECT_EQ(combiner_, Combiner::Max);
  EXPECT_THAT(sum.axes(), ElementsAre("data", "model"));
  ASSERT_EQ(sum.groups_size(), 1);
  EXPECT_THAT(sum.groups(0).ranks(), ElementsAre(0, 1, 2, 3));
}

TEST_F(EmitCollective, HasASegmentForEachValueOfABucket) {
  const plan::Collective bucket = emit(
      "%x: tensor<4xf32, #cleave.placement<@m, [P(sum), B]>>, %y: tensor<2x3xf32, #cleave.placement<@m, [P(sum), B]>>",
      "%z:2 = cleave.bucket \"all_reduce\"(%x, %y) along [0] : (tensor<4xf32, #cleave.placement<@m, [P(sum), B]>>, "
      "tensor<2x3xf32, #cleave.placement<@m, [P(sum), B]>>) -> (tensor<4xf32, #cleave.placement<@m, [B, B]>>, "
      "tensor<2x3xf32, #cleave.placement<@m, [B, B]>>)");
  EXPECT_THAT(bucket.dims(), ElementsAre(4));
  EXPECT_EQ(bucket.bytes(), (4 + 6) * 4);
  ASSERT_EQ(bucket.groups_size(), 2);
  EXPECT_THAT(bucket.groups(0).ranks(), ElementsAre(0, 2));
  ASSERT_EQ(bucket.further_size(), 1);
  EXPECT_THAT(bucket.further(0).dims(), ElementsAre(2, 3));
  ASSERT_EQ(bucket.further(0).groups_size(), 2);
  EXPECT_THAT(bucket.further(0).groups(1).inputs(1).extent(), ElementsAre(2, 3));
}

}  // namespace
}  // namespace cleave
