#include "tests/conformance/random_graph.h"

#include <cmath>

#include "ir/cleave.h"
#include "llvm/ADT/DenseSet.h"
#include "mlir/IR/Verifier.h"
#include "tests/conformance/op_cases.h"
#include "tests/conformance/simulate.h"

namespace cleave {
namespace {

constexpr double kLargest = 1e4;

bool isLetter(const std::string &dim) { return dim.size() == 1 && std::isalpha(dim[0]); }

// A small change of an operand may change the result a lot.
bool jumps(const OpCase &opCase) {
  return llvm::is_contained({llvm::StringRef("compare"), llvm::StringRef("convert"), llvm::StringRef("relu_gradient")},
                            opCase.op);
}

bool isModerate(const Tensor &tensor) {
  return llvm::all_of(tensor.values, [&](double value) { return std::isfinite(value) && std::abs(value) <= kLargest; });
}

class Drawing {
 public:
  Drawing(mlir::MLIRContext &context, const Registry &kernels, std::mt19937 &random)
      : floatType_(mlir::Float64Type::get(&context)), kernels_(kernels), random_(random), b_(&context) {
    graph_.module = mlir::ModuleOp::create(b_.getUnknownLoc());
    b_.setInsertionPointToStart(graph_.module->getBody());
    function_ = mlir::func::FuncOp::create(b_, b_.getUnknownLoc(), "f", b_.getFunctionType({}, {}));
    block_ = function_.addEntryBlock();
    b_.setInsertionPointToStart(block_);
    end_ = mlir::func::ReturnOp::create(b_, b_.getUnknownLoc());
  }

  // Whether the op stays.
  bool add(const OpCase &opCase) {
    Variant variant{"random", {}};
    const OpFields fields = fieldsOf(opCase);
    const size_t known = graph_.arguments.size();
    llvm::SmallVector<mlir::Value> operands;
    bool isExact = opCase.isExact;
    for (const OpField &field : fields.operands) {
      operands.push_back(choose(field, variant, /*onlyExact=*/jumps(opCase)));
      isExact &= exact_.contains(operands.back());
    }
    for (const OpField &field : fields.results) bindLetters(field, variant);
    for (char letter : llvm::StringRef(opCase.attributes)) bindLetter(letter, variant);
    b_.setInsertionPoint(end_);
    mlir::Operation *op = buildOp(b_, opCase, variant, floatType_, operands);
    if (op && isGood(op)) {
      for (mlir::Value result : op->getResults()) {
        values_.push_back(result);
        if (isExact) exact_.insert(result);
      }
      return true;
    }
    if (op) op->erase();
    drop(known);
    return false;
  }

  RandomGraph finish() {
    llvm::SmallVector<mlir::Value> results;
    for (mlir::Operation &op : block_->without_terminator()) results.append(op.result_begin(), op.result_end());
    end_->setOperands(results);
    function_.setType(b_.getFunctionType(block_->getArgumentTypes(), mlir::ValueRange(results).getTypes()));
    graph_.results = *evaluate(function_, graph_.arguments, kernels_);
    return std::move(graph_);
  }

 private:
  void bindLetter(char letter, Variant &variant) {
    if (std::islower(letter)) variant.sizes.try_emplace(letter, 1 + random_() % 6);
  }

  void bindLetters(const OpField &field, Variant &variant) {
    for (const std::string &dim : field.dims)
      for (char letter : dim) bindLetter(letter, variant);
    if (field.bound) bindLetter(field.bound, variant);
  }

  // Whether a value may stand for the field, and which letters that binds.
  bool fits(const OpField &field, mlir::Value value, Variant &variant) const {
    auto type = mlir::cast<mlir::RankedTensorType>(value.getType());
    if (type.getRank() != int64_t(field.dims.size())) return false;
    for (auto [dim, size] : llvm::zip(field.dims, type.getShape()))
      if (isLetter(dim)) variant.sizes.try_emplace(dim[0], size);
    return llvm::all_of(field.dims, [&](const std::string &dim) {
             return llvm::all_of(dim, [&](char c) { return !std::isalpha(c) || variant.sizes.count(c); });
           }) && typeOf(field, variant, floatType_) == type;
  }

  mlir::Value choose(const OpField &field, Variant &variant, bool onlyExact) {
    const bool mayReuse = llvm::is_contained({'v', 'r', 'b', 'j'}, field.kind) && random_() % 4 != 0;
    std::vector<std::pair<mlir::Value, Variant>> candidates;
    for (mlir::Value value : values_) {
      Variant bound = variant;
      if (mayReuse && (!onlyExact || exact_.contains(value)) && fits(field, value, bound))
        candidates.push_back({value, bound});
    }
    if (!candidates.empty()) {
      auto &[value, bound] = candidates[random_() % candidates.size()];
      variant = bound;
      return value;
    }
    bindLetters(field, variant);
    mlir::Type type = typeOf(field, variant, floatType_);
    mlir::Value argument = block_->addArgument(type, b_.getUnknownLoc());
    graph_.arguments.push_back(drawValue(field, variant, type, /*isSmooth=*/false, random_));
    if (field.kind != 'r' && field.kind != 'p') exact_.insert(argument);
    if (llvm::is_contained({'v', 'r', 'b', 'j'}, field.kind)) values_.push_back(argument);
    return argument;
  }

  // It is an op at all, and its results are numbers to go on with.
  bool isGood(mlir::Operation *op) {
    mlir::ScopedDiagnosticHandler quiet(op->getContext(), [](mlir::Diagnostic &) { return mlir::success(); });
    if (failed(mlir::verify(op))) return false;
    end_->setOperands(op->getResults());
    auto results = evaluate(function_, graph_.arguments, kernels_);
    end_->setOperands({});
    return results.ok() && llvm::all_of(*results, isModerate);
  }

  // Takes back the arguments from `known` on.
  void drop(size_t known) {
    while (block_->getNumArguments() > known) {
      mlir::Value last = block_->getArguments().back();
      llvm::erase(values_, last);
      exact_.erase(last);
      block_->eraseArgument(block_->getNumArguments() - 1);
    }
    graph_.arguments.resize(known);
  }

  RandomGraph graph_;
  mlir::Type floatType_;
  const Registry &kernels_;
  std::mt19937 &random_;
  mlir::OpBuilder b_;
  mlir::func::FuncOp function_;
  mlir::Block *block_;
  mlir::Operation *end_;
  std::vector<mlir::Value> values_;       // those that ops may use
  llvm::DenseSet<mlir::Value> exact_;     // those without rounding errors
};

}  // namespace

RandomGraph drawGraph(mlir::MLIRContext &context, int ops, const Registry &kernels, std::mt19937 &random) {
  Drawing drawing(context, kernels, random);
  for (int added = 0, tries = 0; added < ops && tries < 20 * ops; ++tries)
    added += drawing.add(opCases()[random() % opCases().size()]);
  return drawing.finish();
}

}  // namespace cleave
