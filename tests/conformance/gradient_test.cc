// Gradients of every op: against finite differences on one device, and placed anyhow against one device. Generic forms
// against the ops that they stand for.

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>

#include "kernels/reference/register.h"
#include "mlir/IR/Verifier.h"
#include "tests/conformance/op_cases.h"
#include "tests/conformance/placements.h"
#include "tests/conformance/simulate.h"

namespace cleave {
namespace {

bool isFloat(mlir::Type type) { return mlir::isa<mlir::FloatType>(mlir::getElementTypeOrSelf(type)); }

// The gradients of an op as a function: its operands, then a seed for each result that is differentiated, give the
// gradients of the operands in `wrt`.
struct GradientFunction {
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::vector<size_t> seeded;  // results
  std::vector<size_t> wrt;     // operands
};

class Gradients : public testing::Test {
 protected:
  Gradients() {
    context_.loadDialect<CleaveDialect, mlir::func::FuncDialect>();
    registerReferenceKernels(kernels_);
  }

  // Null where the op has no gradient.
  std::optional<GradientFunction> build(const OpCase &opCase, const Variant &variant) {
    GradientFunction gradient{buildModule(opCase, variant, mlir::Float64Type::get(&context_)), {}, {}};
    mlir::func::FuncOp function = functionOf(*gradient.module);
    mlir::Block &block = function.getBody().front();
    mlir::Operation *op = &block.front();
    const size_t operands = op->getNumOperands();
    llvm::SmallVector<mlir::Value> seeds(op->getNumResults());
    for (auto [i, type] : llvm::enumerate(op->getResultTypes())) {
      if (!isFloat(type) || (opCase.gradient == Differentiable::kFirstResult && i > 0)) continue;
      seeds[i] = block.addArgument(type, op->getLoc());
      gradient.seeded.push_back(i);
    }
    if (gradient.seeded.empty()) return std::nullopt;
    mlir::OpBuilder b(block.getTerminator());
    auto built = mlir::cast<TensorOpInterface>(op).buildGradient(b, seeds);
    if (failed(built)) return std::nullopt;
    EXPECT_EQ(built->size(), operands) << opCase.op << " gives a gradient for each operand";
    llvm::SmallVector<mlir::Value> results;
    for (auto [i, value] : llvm::enumerate(*built)) {
      if (!value) continue;
      results.push_back(value);
      gradient.wrt.push_back(i);
    }
    block.getTerminator()->setOperands(results);
    function.setType(
        mlir::FunctionType::get(&context_, block.getArgumentTypes(), mlir::ValueRange(results).getTypes()));
    if (failed(mlir::verify(*gradient.module)))
      ADD_FAILURE() << opCase.op << " has a gradient that its verifier rejects";
    return gradient;
  }

  std::vector<Tensor> withSeeds(const GradientFunction &gradient, std::vector<Tensor> arguments, std::mt19937 &random) {
    mlir::func::FuncOp function = functionOf(*gradient.module);
    for (size_t i = arguments.size(); i < function.getNumArguments(); ++i) {
      Tensor seed = Tensor::filled(DType::kF64, shapeOf(function.getArgumentTypes()[i]), 0);
      for (double &value : seed.values) value = double(random() % 5) - 2;
      arguments.push_back(std::move(seed));
    }
    return arguments;
  }

  // Sum over the seeded results of seed times result.
  double objective(mlir::func::FuncOp forward, const GradientFunction &gradient, const std::vector<Tensor> &arguments) {
    auto results = evaluate(forward, {arguments.begin(), arguments.begin() + forward.getNumArguments()}, kernels_);
    EXPECT_TRUE(results.ok()) << results.status();
    double sum = 0;
    for (auto [i, result] : llvm::enumerate(gradient.seeded))
      for (auto [value, seed] : llvm::zip((*results)[result].values, arguments[forward.getNumArguments() + i].values))
        sum += value * seed;
    return sum;
  }

  // Along a random direction of each operand.
  void compareWithDifferences(const OpCase &opCase, const Variant &variant) {
    auto gradient = build(opCase, variant);
    ASSERT_TRUE(gradient) << opCase.op << " " << opCase.values;
    auto module = buildModule(opCase, variant, mlir::Float64Type::get(&context_));
    mlir::func::FuncOp forward = functionOf(*module);
    std::mt19937 random(3);
    const auto arguments =
        withSeeds(*gradient, drawArguments(opCase, variant, forward, /*isSmooth=*/true, random), random);
    auto analytic = evaluate(functionOf(*gradient->module), arguments, kernels_);
    ASSERT_TRUE(analytic.ok()) << opCase.op << ": " << analytic.status();
    for (auto [i, operand] : llvm::enumerate(gradient->wrt)) {
      if (arguments[operand].values.empty()) continue;
      constexpr double kStep = 1e-5;
      std::vector<Tensor> above = arguments, below = arguments;
      double expected = 0, scale = 1;
      for (size_t j = 0; j < arguments[operand].values.size(); ++j) {
        const double direction = double(random() % 5) - 2, slope = (*analytic)[i].values[j];
        above[operand].values[j] += kStep * direction;
        below[operand].values[j] -= kStep * direction;
        expected += direction * slope;
        scale += std::abs(direction * slope);
      }
      const double seen = (objective(forward, *gradient, above) - objective(forward, *gradient, below)) / (2 * kStep);
      EXPECT_NEAR(seen, expected, 1e-6 * scale) << opCase.op << " " << opCase.values << " {" << opCase.attributes
                                                << "} operand " << operand << " " << variant.name;
      ++differences_;
    }
  }

  // Each op of the gradient by each of its legal placements in turn, the others at random.
  void compareWithPlaced(const OpCase &opCase, const Variant &variant, Sizes mesh) {
    auto truth = build(opCase, variant);
    std::mt19937 random(5);
    mlir::func::FuncOp function = functionOf(*truth->module);
    auto forward = buildModule(opCase, variant, mlir::Float64Type::get(&context_));
    const auto arguments =
        withSeeds(*truth, drawArguments(opCase, variant, functionOf(*forward), /*isSmooth=*/false, random), random);
    auto expected = evaluate(function, arguments, kernels_);
    ASSERT_TRUE(expected.ok()) << opCase.op << ": " << expected.status();
    int number = 0, failures = 0;
    for (mlir::Operation &op : function.getBody().front().without_terminator()) {
      for (const OpPlacement &placement : legalPlacements(mlir::cast<TensorOpInterface>(op), mesh)) {
        mlir::OwningOpRef<mlir::ModuleOp> module = truth->module->clone();
        mlir::func::FuncOp placedFunction = functionOf(*module);
        placeAtRandom(placedFunction, mesh, random, &*std::next(placedFunction.getBody().front().begin(), number),
                      placement);
        ASSERT_TRUE(succeeded(mlir::verify(*module)));
        auto actual = evaluatePlaced(placedFunction, arguments, mesh, kernels_, random);
        ++placements_;
        absl::Status status = actual.status();
        for (size_t i = 0; status.ok() && i < expected->size(); ++i)
          status = expectClose((*actual)[i], (*expected)[i], 1e-10);
        if (!status.ok() && ++failures <= 3) {
          module->dump();
          ADD_FAILURE() << opCase.op << " " << opCase.values << " " << variant.name << ": " << status;
        }
      }
      ++number;
    }
  }

  mlir::MLIRContext context_;
  Registry kernels_;
  int64_t differences_ = 0, placements_ = 0;
};

TEST_F(Gradients, EqualFiniteDifferences) {
  for (const OpCase &opCase : opCases())
    for (const Variant &variant : variants())
      if (opCase.gradient != Differentiable::kNo) compareWithDifferences(opCase, variant);
  std::printf("%lld gradients of operands against finite differences\n", static_cast<long long>(differences_));
}

TEST_F(Gradients, EqualOneDeviceUnderEveryLegalPlacement) {
  const std::vector<std::vector<int64_t>> meshes = {{1}, {2}, {3}, {4}, {2, 2}};
  for (const OpCase &opCase : opCases())
    for (const Variant &variant : variants())
      for (const auto &mesh : meshes)
        if (opCase.gradient != Differentiable::kNo && (mesh.size() == 1 || variant.name == std::string("uneven")))
          compareWithPlaced(opCase, variant, mesh);
  std::printf("%lld placements of gradients\n", static_cast<long long>(placements_));
}

TEST_F(Gradients, AreThereWhereTheTableSaysSo) {
  for (const OpCase &opCase : opCases()) {
    auto gradient = build(opCase, variants()[0]);
    const bool hasGradient = gradient && !gradient->wrt.empty();
    EXPECT_EQ(hasGradient, opCase.gradient != Differentiable::kNo) << opCase.op << " " << opCase.values;
  }
}

TEST_F(Gradients, OfGenericFormsBelongToTheSameFunction) {
  int compared = 0;
  for (const OpCase &opCase : opCases()) {
    for (const Variant &variant : variants()) {
      auto module = buildModule(opCase, variant, mlir::Float64Type::get(&context_));
      mlir::func::FuncOp function = functionOf(*module);
      mlir::Block &block = function.getBody().front();
      std::mt19937 random(11);
      const auto arguments = drawArguments(opCase, variant, function, /*isSmooth=*/true, random);
      auto expected = evaluate(function, arguments, kernels_);
      ASSERT_TRUE(expected.ok()) << expected.status();
      mlir::OpBuilder b(block.getTerminator());
      const auto generic = mlir::cast<TensorOpInterface>(block.front()).decompose(b);
      if (generic.empty()) continue;
      block.getTerminator()->setOperands(generic);
      ASSERT_TRUE(succeeded(mlir::verify(*module))) << opCase.op;
      auto actual = evaluate(function, arguments, kernels_);
      ASSERT_TRUE(actual.ok()) << opCase.op << ": " << actual.status();
      for (size_t i = 0; i < expected->size(); ++i)
        EXPECT_TRUE(expectClose((*actual)[i], (*expected)[i], 1e-11).ok())
            << opCase.op << " result " << i << " " << variant.name;
      ++compared;
    }
  }
  EXPECT_GT(compared, 0);
}

}  // namespace
}  // namespace cleave
