// What a model's forward functions take and give, and how further entries are made of them.

#ifndef CLEAVE_PASSES_DIFFERENTIATE_ENTRIES_H
#define CLEAVE_PASSES_DIFFERENTIATE_ENTRIES_H

#include <optional>
#include <string>
#include <vector>

#include "ir/cleave.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/training_options.h"

namespace cleave {

struct Argument {
  std::string name;
  mlir::RankedTensorType type;
  mlir::DictionaryAttr attributes;
  mlir::Location location;
  unsigned number;  // in its function
};

struct Parameter : Argument {
  bool isTrainable = true;
  double lrFactor = 1, weightDecay = 0;
  LayerAttr layer;  // of all ops that use it, or null
};

struct ForwardFunction {
  mlir::func::FuncOp function;
  std::vector<Parameter> parameters;
  std::vector<Argument> inputs;     // of data: all but the random key
  std::optional<Argument> random;   // the key, where something is drawn
};

inline constexpr llvm::StringLiteral kRandomInput = "rng";
inline constexpr llvm::StringLiteral kRateInput = "lr";

// Reads the attributes of a forward function's arguments. An error names the argument and what is wrong with it.
mlir::FailureOr<ForwardFunction> readForward(mlir::func::FuncOp function);

// Says for each parameter whether and how it is trained.
mlir::LogicalResult applyGroups(const TrainingOptions &options, ForwardFunction &forward);

// Builds a function whose arguments and results have attributes.
class EntryBuilder {
 public:
  EntryBuilder(mlir::ModuleOp module, llvm::StringRef name, mlir::Location location);

  mlir::Value argument(mlir::Type type, mlir::DictionaryAttr attributes, mlir::Location location);
  mlir::Value argument(const Argument &argument) {
    return this->argument(argument.type, argument.attributes, argument.location);
  }
  // A result with one attribute: cleave.updates or cleave.output.
  void result(mlir::Value value, llvm::StringRef attribute, llvm::StringRef name);
  // All ops without a phase get this one.
  mlir::func::FuncOp finish(llvm::StringRef phase);

  mlir::OpBuilder &b() { return b_; }
  mlir::Location loc() { return function_.getLoc(); }

 private:
  mlir::func::FuncOp function_;
  mlir::OpBuilder b_;
  llvm::SmallVector<mlir::Attribute> argumentAttributes_, resultAttributes_;
  llvm::SmallVector<mlir::Value> results_;
};

mlir::RankedTensorType scalarType(mlir::MLIRContext *context);  // tensor<f32>
mlir::RankedTensorType keyType(mlir::MLIRContext *context);     // tensor<4xi32>

// A figure that the loss gives besides: results of it with cleave.output = "metrics.NAME" and, where that is a sum over
// what counts, "metrics.NAME.count". They stand behind the loss itself.
struct Metric {
  std::string name;
  unsigned value;                 // number of the result
  std::optional<unsigned> count;  // of its count
};
inline constexpr llvm::StringLiteral kMetricOutput = "metrics.";
std::vector<Metric> metricsOf(mlir::func::FuncOp loss);
// Results are one (a mean loss) or two (a sum of losses and their number), and then metrics.
mlir::LogicalResult checkMetrics(mlir::func::FuncOp loss);

// The loss's mean over a batch has no count of its own: each example counts as one.
bool givesMean(mlir::func::FuncOp loss);
int64_t examplesOf(const ForwardFunction &loss);

// The program as it is when nothing is trained: without dropout, and without a random key that nobody reads.
void freeze(mlir::func::FuncOp function);

// "evaluate" gives the sum of the losses and how many they are; "initialize" draws all parameters.
void buildEvaluate(mlir::ModuleOp module, ForwardFunction &loss);
mlir::LogicalResult buildInitialize(mlir::ModuleOp module, llvm::MutableArrayRef<ForwardFunction> forwards);

}  // namespace cleave

#endif  // CLEAVE_PASSES_DIFFERENTIATE_ENTRIES_H
