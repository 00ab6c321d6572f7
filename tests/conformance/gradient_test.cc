// Gradients of every op, and gradients of those: against finite differences on one device, and placed anyhow against
// one device. Generic forms against the ops that they stand for.

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "kernels/reference/register.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Pass/PassManager.h"
#include "passes/passes.h"
#include "tests/conformance/op_cases.h"
#include "tests/conformance/placements.h"
#include "tests/conformance/simulate.h"

namespace cleave {
namespace {

bool isFloat(mlir::Type type) { return mlir::isa<mlir::FloatType>(mlir::getElementTypeOrSelf(type)); }

// The gradients of a function (at first that of an op) as a function: its arguments, then a seed for each result that
// is differentiated, give the gradients of the arguments in `wrt`.
struct GradientFunction {
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::vector<size_t> seeded;  // results
  std::vector<size_t> wrt;     // arguments
};

class Gradients : public testing::Test {
 protected:
  Gradients() {
    context_.loadDialect<CleaveDialect, mlir::func::FuncDialect>();
    registerReferenceKernels(kernels_);
  }

  // Results through which the op is differentiated.
  static std::vector<size_t> seededResults(const OpCase &opCase, mlir::func::FuncOp function) {
    std::vector<size_t> seeded;
    for (auto [i, type] : llvm::enumerate(function.getResultTypes()))
      if (isFloat(type) && (opCase.gradient != Differentiable::kFirstResult || i == 0)) seeded.push_back(i);
    return seeded;
  }

  // Null where the op has no gradient of its own.
  std::optional<GradientFunction> build(const OpCase &opCase, const Variant &variant) {
    GradientFunction gradient{buildModule(opCase, variant, mlir::Float64Type::get(&context_)), {}, {}};
    mlir::func::FuncOp function = functionOf(*gradient.module);
    mlir::Block &block = function.getBody().front();
    mlir::Operation *op = &block.front();
    const size_t operands = op->getNumOperands();
    llvm::SmallVector<mlir::Value> seeds(op->getNumResults());
    gradient.seeded = seededResults(opCase, function);
    for (size_t i : gradient.seeded) seeds[i] = block.addArgument(op->getResult(i).getType(), op->getLoc());
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

  // Along a random direction of each argument.
  void compareWithDifferences(mlir::func::FuncOp forward, const GradientFunction &gradient,
                              const std::vector<Tensor> &arguments, std::mt19937 &random, const std::string &label) {
    auto analytic = evaluate(functionOf(*gradient.module), arguments, kernels_);
    ASSERT_TRUE(analytic.ok()) << label << ": " << analytic.status();
    for (auto [i, argument] : llvm::enumerate(gradient.wrt)) {
      if (arguments[argument].values.empty()) continue;
      constexpr double kStep = 1e-5;
      std::vector<Tensor> above = arguments, below = arguments;
      double expected = 0, scale = 1;
      for (size_t j = 0; j < arguments[argument].values.size(); ++j) {
        const double direction = double(random() % 5) - 2, slope = (*analytic)[i].values[j];
        above[argument].values[j] += kStep * direction;
        below[argument].values[j] -= kStep * direction;
        expected += direction * slope;
        scale += std::abs(direction * slope);
      }
      const double seen = (objective(forward, gradient, above) - objective(forward, gradient, below)) / (2 * kStep);
      EXPECT_NEAR(seen, expected, 1e-6 * scale) << label << " argument " << argument;
      ++differences_;
    }
  }

  void compareWithDifferences(const OpCase &opCase, const Variant &variant) {
    auto gradient = build(opCase, variant);
    ASSERT_TRUE(gradient) << labelOf(opCase, variant);
    auto module = buildModule(opCase, variant, mlir::Float64Type::get(&context_));
    std::mt19937 random(3);
    auto arguments = drawArguments(opCase, variant, functionOf(*module), /*isSmooth=*/true, random);
    arguments = withSeeds(*gradient, std::move(arguments), random);
    compareWithDifferences(functionOf(*module), *gradient, arguments, random, labelOf(opCase, variant));
  }

  // The gradients of sum(seed * result) over the seeded results, in all float arguments, by a gradient op that is not
  // expanded. The function may be such gradients itself.
  GradientFunction differentiate(mlir::ModuleOp module, std::vector<size_t> seeded) {
    GradientFunction gradient{module.clone(), std::move(seeded), {}};
    mlir::func::FuncOp function = functionOf(*gradient.module);
    mlir::Block &block = function.getBody().front();
    mlir::Operation *end = block.getTerminator();
    mlir::Location loc = end->getLoc();
    llvm::SmallVector<mlir::Type> types{mlir::RankedTensorType::get({}, mlir::Float64Type::get(&context_))};
    llvm::SmallVector<int64_t> wrt;
    const size_t given = block.getNumArguments();
    for (auto [i, type] : llvm::enumerate(function.getArgumentTypes())) {
      if (!isFloat(type)) continue;
      gradient.wrt.push_back(i);
      wrt.push_back(i);
      types.push_back(type);
    }
    for (size_t result : gradient.seeded) block.addArgument(end->getOperand(result).getType(), loc);

    mlir::OpBuilder b(end);
    auto op = GradientOp::create(b, loc, types, block.getArguments(), wrt);
    const llvm::SmallVector<mlir::Location> locations(block.getNumArguments(), loc);
    mlir::Block *body = b.createBlock(&op.getBody(), {}, block.getArgumentTypes(), locations);
    body->getOperations().splice(body->end(), block.getOperations(), block.begin(), op->getIterator());
    for (auto [outside, inside] : llvm::zip(block.getArguments(), body->getArguments()))
      outside.replaceUsesWithIf(inside, [&](mlir::OpOperand &use) { return op->isProperAncestor(use.getOwner()); });
    mlir::Value sum;
    for (auto [i, result] : llvm::enumerate(gradient.seeded)) {
      mlir::Value seed = body->getArgument(given + i);
      mlir::Value term = MulOp::create(b, loc, end->getOperand(result), seed);
      term = ReduceOp::create(b, loc, term, "sum", otherDimensions(term, {}));
      sum = sum ? AddOp::create(b, loc, sum, term).getResult() : term;
    }
    YieldOp::create(b, loc, sum);
    end->setOperands(op.getResults().drop_front());
    function.setType(mlir::FunctionType::get(&context_, block.getArgumentTypes(), end->getOperandTypes()));
    return gradient;
  }

  void expand(GradientFunction &gradient) {
    mlir::PassManager passes(&context_);
    passes.addPass(createExpandGradientsPass());
    EXPECT_TRUE(succeeded(passes.run(*gradient.module)));
  }

  // Gradients of order 1, 2, ..., none of them expanded; empty where the op can't be differentiated.
  std::vector<GradientFunction> gradientsUpTo(int order, const OpCase &opCase, const Variant &variant) {
    auto module = buildModule(opCase, variant, mlir::Float64Type::get(&context_));
    std::vector<GradientFunction> gradients;
    if (opCase.gradient == Differentiable::kNo && !hasGenericForm(opCase, variant)) return gradients;
    gradients.push_back(differentiate(*module, seededResults(opCase, functionOf(*module))));
    while (int(gradients.size()) < order) {
      std::vector<size_t> all(gradients.back().wrt.size());
      std::iota(all.begin(), all.end(), 0);
      gradients.push_back(differentiate(*gradients.back().module, all));
    }
    return gradients;
  }

  bool hasGenericForm(const OpCase &opCase, const Variant &variant) {
    auto module = buildModule(opCase, variant, mlir::Float64Type::get(&context_));
    mlir::Operation *op = &functionOf(*module).getBody().front().front();
    mlir::OpBuilder b(op);
    auto tensorOp = mlir::dyn_cast<TensorOpInterface>(op);
    return tensorOp && !tensorOp.decompose(b).empty();
  }

  static std::string labelOf(const OpCase &opCase, const Variant &variant) {
    return absl::StrCat(opCase.op, " ", opCase.values, " {", opCase.attributes, "} ", variant.name);
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

// Those of an op that has only a generic form too. Of third order where values are small.
TEST_F(Gradients, OfGradientsEqualFiniteDifferences) {
  int64_t ops = 0;
  for (const OpCase &opCase : opCases()) {
    for (const Variant &variant : variants()) {
      const int order = variant.name == std::string("tiny") ? 3 : 2;
      auto gradients = gradientsUpTo(order, opCase, variant);
      if (gradients.empty()) continue;
      std::mt19937 random(3);
      auto module = buildModule(opCase, variant, mlir::Float64Type::get(&context_));
      auto arguments = drawArguments(opCase, variant, functionOf(*module), /*isSmooth=*/true, random);
      mlir::func::FuncOp forward = functionOf(*module);
      for (auto [i, gradient] : llvm::enumerate(gradients)) {
        expand(gradient);
        arguments = withSeeds(gradient, std::move(arguments), random);
        const std::string label = absl::StrCat(labelOf(opCase, variant), " order ", i + 1);
        compareWithDifferences(forward, gradient, arguments, random, label);
        forward = functionOf(*gradient.module);
      }
      ++ops;
    }
  }
  std::printf("%lld gradients up to the second and third order of %lld ops against finite differences\n",
              static_cast<long long>(differences_), static_cast<long long>(ops));
}

TEST_F(Gradients, OfGradientsEqualOneDeviceUnderRandomPlacements) {
  const std::vector<std::vector<int64_t>> meshes = {{2}, {3}, {2, 2}};
  std::mt19937 random(7);
  for (const OpCase &opCase : opCases()) {
    for (const Variant &variant : variants()) {
      auto gradients = gradientsUpTo(2, opCase, variant);
      if (gradients.empty()) continue;
      GradientFunction &second = gradients.back();
      expand(second);
      auto forward = buildModule(opCase, variant, mlir::Float64Type::get(&context_));
      const auto arguments =
          withSeeds(second, drawArguments(opCase, variant, functionOf(*forward), /*isSmooth=*/true, random), random);
      auto expected = evaluate(functionOf(*second.module), arguments, kernels_);
      ASSERT_TRUE(expected.ok()) << labelOf(opCase, variant) << ": " << expected.status();
      for (const auto &mesh : meshes) {
        mlir::OwningOpRef<mlir::ModuleOp> module = second.module->clone();
        placeAtRandom(functionOf(*module), mesh, random);
        ASSERT_TRUE(succeeded(mlir::verify(*module))) << labelOf(opCase, variant);
        auto actual = evaluatePlaced(functionOf(*module), arguments, mesh, kernels_, random);
        absl::Status status = actual.status();
        for (size_t i = 0; status.ok() && i < expected->size(); ++i)
          status = expectClose((*actual)[i], (*expected)[i], 1e-10);
        EXPECT_TRUE(status.ok()) << labelOf(opCase, variant) << ": " << status;
        ++placements_;
      }
    }
  }
  std::printf("%lld placements of second gradients\n", static_cast<long long>(placements_));
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
