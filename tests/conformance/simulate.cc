#include "tests/conformance/simulate.h"

#include <cstring>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/TypeSwitch.h"
#include "passes/emit/kernel_attributes.h"

namespace cleave {
namespace {

Placement axesOf(mlir::Value value) {
  PlacementAttr placement = placementOf(value);
  return placement ? placement.getAxes() : Placement();
}

std::vector<int64_t> toVector(llvm::ArrayRef<int64_t> values) { return values.vec(); }

class Simulation {
 public:
  Simulation(Sizes mesh, const Registry &kernels) : mesh_(mesh.begin(), mesh.end()), kernels_(kernels) {}

  void set(mlir::Value value, PlacedValue held) { values_[value] = std::move(held); }
  const PlacedValue &get(mlir::Value value) { return values_[value]; }

  absl::Status run(mlir::Operation *op) {
    if (auto tensorOp = mlir::dyn_cast<TensorOpInterface>(op))
      return tensorOp.kernelName().empty() ? runView(op) : runKernels(tensorOp);
    if (auto collective = mlir::dyn_cast<CollectiveOpInterface>(op)) return runMove(op, collective.alongAxes());
    if (mlir::isa<ReshardOp>(op)) {
      llvm::SmallVector<int64_t> all(mesh_.size());
      std::iota(all.begin(), all.end(), 0);
      return runMove(op, all);
    }
    return absl::UnimplementedError("requires ops that have a kernel or move values");
  }

 private:
  absl::Status runView(mlir::Operation *op) {
    PlacedValue result = get(op->getOperand(0));
    for (int64_t rank = 0; rank < rankCount(mesh_); ++rank) {
      const Shard shard = shardOf(op->getResult(0), mesh_, coordinatesOf(rank, mesh_));
      if (shard.elements() != int64_t(result[rank].values.size()))
        return absl::InternalError(absl::StrCat("requires ", shard.elements(), " elements on rank ", rank, ", got ",
                                                result[rank].values.size()));
      result[rank].shape = toVector(shard.extent);
    }
    set(op->getResult(0), std::move(result));
    return absl::OkStatus();
  }

  absl::Status runMove(mlir::Operation *op, llvm::ArrayRef<int64_t> axes) {
    for (auto [operand, result] : llvm::zip(op->getOperands(), op->getResults())) {
      auto moved = move(get(operand), shapeOf(operand.getType()), axesOf(operand), axesOf(result), axes, mesh_);
      if (!moved.ok()) return moved.status();
      set(result, *std::move(moved));
    }
    return absl::OkStatus();
  }

  absl::Status runKernels(TensorOpInterface op) {
    std::vector<PlacedValue> results(op->getNumResults());
    for (int64_t rank = 0; rank < rankCount(mesh_); ++rank) {
      const LocalShards local = localShards(op, mesh_, coordinatesOf(rank, mesh_));
      std::vector<Tensor> inputs, outputs;
      for (mlir::Value operand : op->getOperands()) inputs.push_back(get(operand)[rank]);
      for (auto [result, shard] : llvm::zip(op->getResults(), local.results))
        outputs.push_back(Tensor::filled(dtypeOf(result.getType()), toVector(shard.extent), 0));
      if (absl::Status status = call(op.kernelName().str(), kernelAttributes(op, local), inputs, outputs); !status.ok())
        return absl::Status(status.code(), absl::StrCat("rank ", rank, ": ", status.message()));
      for (size_t i = 0; i < outputs.size(); ++i) results[i].push_back(std::move(outputs[i]));
    }
    for (auto [result, value] : llvm::zip(op->getResults(), results)) set(result, std::move(value));
    return absl::OkStatus();
  }

  absl::Status call(const std::string &name, const Attributes &attributes, const std::vector<Tensor> &inputs,
                    std::vector<Tensor> &outputs) {
    std::vector<std::vector<char>> bytes;
    std::vector<TensorView> inputViews, outputViews;
    auto add = [&](const Tensor &tensor, std::vector<TensorView> &views) {
      bytes.push_back(toBytes(tensor));
      views.push_back(TensorView::contiguous(bytes.back().data(), tensor.dtype, tensor.shape));
    };
    for (const Tensor &input : inputs) add(input, inputViews);
    for (const Tensor &output : outputs) {
      add(output, outputViews);
      std::memset(bytes.back().data(), 0x7f, bytes.back().size());  // an element that the kernel forgets stands out
    }
    const KernelCall call{attributes, inputViews, outputViews};
    auto kernel = kernels_.find(name, call);
    if (!kernel.ok()) return kernel.status();
    SerialPool pool;
    if (workspace_.empty()) workspace_.resize(kWorkspaceBytes + 64);
    char *aligned = workspace_.data() + (64 - reinterpret_cast<uintptr_t>(workspace_.data()) % 64);
    KernelContext context{pool, absl::MakeConstSpan(&aligned, 1)};
    if (absl::Status status = (*kernel)->run(call, context); !status.ok()) return status;
    for (size_t i = 0; i < outputs.size(); ++i) fromBytes(bytes[inputs.size() + i], outputs[i]);
    return absl::OkStatus();
  }

  llvm::SmallVector<int64_t> mesh_;
  const Registry &kernels_;
  llvm::DenseMap<mlir::Value, PlacedValue> values_;
  std::vector<char> workspace_;
};

std::string textOf(mlir::Operation *op) {
  std::string text;
  llvm::raw_string_ostream os(text);
  op->print(os);
  return text;
}

}  // namespace

absl::StatusOr<std::vector<PlacedValue>> simulate(mlir::func::FuncOp function, std::vector<PlacedValue> arguments,
                                                  Sizes mesh, const Registry &kernels) {
  Simulation simulation(mesh, kernels);
  for (auto [argument, value] : llvm::zip(function.getArguments(), arguments))
    simulation.set(argument, std::move(value));
  std::vector<PlacedValue> results;
  for (mlir::Operation &op : function.getBody().front()) {
    if (mlir::isa<mlir::func::ReturnOp>(op)) {
      for (mlir::Value result : op.getOperands()) results.push_back(simulation.get(result));
      continue;
    }
    if (absl::Status status = simulation.run(&op); !status.ok())
      return absl::Status(status.code(), absl::StrCat(status.message(), " in ", textOf(&op)));
  }
  return results;
}

absl::StatusOr<std::vector<Tensor>> evaluate(mlir::func::FuncOp function, const std::vector<Tensor> &arguments,
                                             const Registry &kernels) {
  std::vector<PlacedValue> values;
  for (const Tensor &argument : arguments) values.push_back({argument});
  auto results = simulate(function, std::move(values), {}, kernels);
  if (!results.ok()) return results.status();
  std::vector<Tensor> whole;
  for (PlacedValue &result : *results) whole.push_back(std::move(result[0]));
  return whole;
}

absl::StatusOr<std::vector<Tensor>> evaluatePlaced(mlir::func::FuncOp function, const std::vector<Tensor> &arguments,
                                                   Sizes mesh, const Registry &kernels, std::mt19937 &random) {
  std::vector<PlacedValue> values;
  for (auto [argument, whole] : llvm::zip(function.getArguments(), arguments))
    values.push_back(distribute(whole, axesOf(argument), mesh, random));
  auto results = simulate(function, std::move(values), mesh, kernels);
  if (!results.ok()) return results.status();
  std::vector<Tensor> whole;
  mlir::Operation *end = function.getBody().front().getTerminator();
  for (auto [value, result] : llvm::zip(end->getOperands(), *results)) {
    auto tensor = assemble(result, shapeOf(value.getType()), axesOf(value), mesh);
    if (!tensor.ok()) return tensor.status();
    whole.push_back(*std::move(tensor));
  }
  return whole;
}

}  // namespace cleave
