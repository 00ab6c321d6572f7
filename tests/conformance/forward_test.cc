// Every op under every legal placement computes what it computes on one device.

#include <gtest/gtest.h>

#include <cstdio>

#include "kernels/reference/register.h"
#include "mlir/IR/Verifier.h"
#include "tests/conformance/op_cases.h"
#include "tests/conformance/placements.h"
#include "tests/conformance/simulate.h"

namespace cleave {
namespace {

const std::vector<std::vector<int64_t>> kMeshes = {{1}, {2}, {3}, {4}, {2, 2}};

class Conformance : public testing::Test {
 protected:
  Conformance() {
    context_.loadDialect<CleaveDialect, mlir::func::FuncDialect>();
    registerReferenceKernels(kernels_);
  }

  // Types of the function's values as `placement` says, then what the mesh computes against what one device computes.
  absl::Status check(const OpCase &opCase, const Variant &variant, const std::vector<Tensor> &arguments,
                     const std::vector<Tensor> &expected, Sizes mesh, const OpPlacement &placement,
                     mlir::Type floatType) {
    auto module = buildModule(opCase, variant, floatType);
    mlir::func::FuncOp function = functionOf(*module);
    mlir::Operation *op = &function.getBody().front().front();
    for (mlir::BlockArgument argument : function.getArguments())
      argument.setType(placed(argument.getType(), operandPlacement(placement, argument.getArgNumber(), &context_)));
    for (mlir::OpResult result : op->getResults())
      result.setType(placed(result.getType(), resultPlacement(placement, result.getResultNumber(), &context_)));
    function.setType(mlir::FunctionType::get(&context_, op->getOperandTypes(), op->getResultTypes()));
    if (failed(mlir::verify(*module)))
      return absl::InternalError("the verifier rejects a placement that the rule allows");
    std::mt19937 random(7);
    auto actual = evaluatePlaced(function, arguments, mesh, kernels_, random);
    if (!actual.ok()) return actual.status();
    const double tolerance = opCase.isExact ? 0 : floatType.isF64() ? 1e-11 : 2e-5;
    for (size_t i = 0; i < expected.size(); ++i)
      if (absl::Status status = expectClose((*actual)[i], expected[i], tolerance); !status.ok()) return status;
    return absl::OkStatus();
  }

  mlir::MLIRContext context_;
  Registry kernels_;
  int64_t combinations_ = 0;
};

std::string describe(const OpCase &opCase, const Variant &variant, Sizes mesh, const OpPlacement &placement) {
  std::string text =
      std::string(opCase.op) + " " + opCase.values + " {" + opCase.attributes + "} " + variant.name + " on";
  for (int64_t size : mesh) text += " " + std::to_string(size);
  for (const Strategy &strategy : placement) text += " | " + strategy.str();
  return text;
}

TEST_F(Conformance, EveryOpUnderEveryLegalPlacementEqualsOneDevice) {
  for (mlir::Type floatType :
       {mlir::Type(mlir::Float64Type::get(&context_)), mlir::Type(mlir::Float32Type::get(&context_))}) {
    for (const OpCase &opCase : opCases()) {
      int failures = 0;
      for (const Variant &variant : variants()) {
        auto module = buildModule(opCase, variant, floatType);
        ASSERT_TRUE(module) << opCase.op << " {" << opCase.attributes << "}";
        ASSERT_TRUE(succeeded(mlir::verify(*module))) << opCase.op << " " << opCase.values << " " << variant.name;
        mlir::func::FuncOp function = functionOf(*module);
        std::mt19937 random(1);
        const auto arguments = drawArguments(opCase, variant, function, /*isSmooth=*/false, random);
        auto expected = evaluate(function, arguments, kernels_);
        ASSERT_TRUE(expected.ok()) << describe(opCase, variant, {}, {}) << ": " << expected.status();
        auto op = mlir::cast<TensorOpInterface>(function.getBody().front().front());
        for (const auto &mesh : kMeshes) {
          if (floatType.isF32() && mesh.size() == 1 && mesh[0] != 3) continue;
          for (const OpPlacement &placement : legalPlacements(op, mesh)) {
            ++combinations_;
            const absl::Status status = check(opCase, variant, arguments, *expected, mesh, placement, floatType);
            if (status.ok() || ++failures > 3) continue;
            ADD_FAILURE() << describe(opCase, variant, mesh, placement) << ": " << status;
          }
        }
      }
    }
  }
  std::printf("%lld combinations of op, shape, mesh and placement\n", static_cast<long long>(combinations_));
}

TEST_F(Conformance, EveryOpWithAKernelIsUnderTest) {
  for (mlir::RegisteredOperationName name : context_.getRegisteredOperations()) {
    if (name.getDialectNamespace() != "cleave" || !name.hasInterface<TensorOpInterface>()) continue;
    EXPECT_TRUE(llvm::any_of(opCases(), [&](const OpCase &opCase) { return name.stripDialect() == opCase.op; }))
        << name.getStringRef().str() << " has no line in op_cases.cc";
  }
}

}  // namespace
}  // namespace cleave
