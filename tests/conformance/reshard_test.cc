// Every reshard on a 2-D mesh, lowered to collectives, moves the value as it should, and by no detour.

#include <gtest/gtest.h>

#include <cstdio>

#include "kernels/api/registry.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Pass/PassManager.h"
#include "passes/cost/op_cost.h"
#include "passes/partition/reshard_path.h"
#include "passes/passes.h"
#include "tests/conformance/op_cases.h"
#include "tests/conformance/simulate.h"

namespace cleave {
namespace {

using Axes2 = std::vector<AxisPlacement>;

// S(0), S(1), B and P(sum) along both axes; both axes along one dimension in either order; and units of two.
std::vector<Axes2> placements() {
  const AxisPlacement choices[] = {AxisPlacement::split(0), AxisPlacement::split(1), AxisPlacement::broadcast(),
                                   AxisPlacement::partial(Combiner::Sum)};
  std::vector<Axes2> all;
  for (const AxisPlacement &first : choices)
    for (const AxisPlacement &second : choices) all.push_back({first, second});
  for (unsigned dim : {0, 1}) all.push_back({AxisPlacement::split(dim, 1, /*minor=*/true), AxisPlacement::split(dim)});
  return all;
}

class Reshard : public testing::TestWithParam<std::vector<int64_t>> {
 protected:
  Reshard() { context_.loadDialect<CleaveDialect, mlir::func::FuncDialect>(); }

  mlir::OwningOpRef<mlir::ModuleOp> build(mlir::RankedTensorType type, const Axes2 &from, const Axes2 &to) {
    mlir::OpBuilder b(&context_);
    mlir::Location loc = b.getUnknownLoc();
    auto mesh = mlir::FlatSymbolRefAttr::get(&context_, "mesh");
    mlir::Type before = placed(type, PlacementAttr::get(&context_, mesh, from));
    mlir::Type after = placed(type, PlacementAttr::get(&context_, mesh, to));
    mlir::OwningOpRef<mlir::ModuleOp> module = mlir::ModuleOp::create(loc);
    b.setInsertionPointToStart(module->getBody());
    MeshOp::create(b, loc, "mesh", b.getStrArrayAttr({"a", "b"}), b.getStrArrayAttr({"data", "model"}), GetParam());
    auto function = mlir::func::FuncOp::create(b, loc, "f", b.getFunctionType({before}, {after}));
    b.setInsertionPointToStart(function.addEntryBlock());
    mlir::Value moved = ReshardOp::create(b, loc, after, function.getArgument(0));
    mlir::func::ReturnOp::create(b, loc, moved);
    return module;
  }

  absl::Status check(mlir::RankedTensorType type, const Axes2 &from, const Axes2 &to) {
    auto module = build(type, from, to);
    mlir::PassManager passes(&context_);
    passes.addPass(createLowerReshardsPass());
    if (failed(mlir::verify(*module)) || failed(passes.run(*module))) return absl::InternalError("the lowering fails");
    mlir::func::FuncOp function = functionOf(*module);
    bool isLeft = false;
    function.walk([&](ReshardOp) { isLeft = true; });
    if (isLeft) return absl::InternalError("a reshard is left");
    std::mt19937 random(1);
    Tensor whole = Tensor::filled(DType::kF64, type.getShape().vec(), 0);
    for (double &value : whole.values) value = double(random() % 1000);
    auto results = evaluatePlaced(function, {whole}, GetParam(), Registry(), random);
    if (!results.ok()) return results.status();
    if (absl::Status status = expectClose((*results)[0], whole, 0); !status.ok()) return status;
    const auto machine = machineOf(*module, *module->getOps<MeshOp>().begin());
    if (failed(machine)) return absl::InternalError("the machine is unknown");
    const ReshardProblem problem{type.getShape(), 8, GetParam(), *machine};
    const double cost = cheapestReshard(problem, from, to).cost,
                 detour = reshardThroughReplication(problem, from, to).cost;
    if (cost > detour * (1 + 1e-9)) return absl::InternalError("it costs more than going through the whole value");
    return absl::OkStatus();
  }

  mlir::MLIRContext context_;
};

TEST_P(Reshard, OfEveryPairMovesTheValueAtNoMoreThanFullReplication) {
  int pairs = 0;
  for (const std::vector<int64_t> &shape : {std::vector<int64_t>{4, 6}, {5, 7}, {1, 3}, {3, 1}})
    for (const Axes2 &from : placements())
      for (const Axes2 &to : placements()) {
        auto type = mlir::RankedTensorType::get(shape, mlir::Float64Type::get(&context_));
        const absl::Status status = check(type, from, to);
        ++pairs;
        EXPECT_TRUE(status.ok()) << Strategy{{from[0], from[1]}, {to[0], to[1]}}.str() << " of " << shape[0] << "x"
                                 << shape[1] << ": " << status;
      }
  std::printf("%d pairs of placements on %d x %d\n", pairs, int(GetParam()[0]), int(GetParam()[1]));
}

INSTANTIATE_TEST_SUITE_P(OnMeshes, Reshard,
                         testing::Values(std::vector<int64_t>{2, 2}, std::vector<int64_t>{2, 3},
                                         std::vector<int64_t>{3, 2}));

}  // namespace
}  // namespace cleave
