// Builds a model: C++ calls become cleave ops, one function an entry ("loss", "logits").
//
//   cleave::ModelBuilder model(context);
//   model.beginEntry("loss");
//   mlir::Value ids = model.input("input_ids", {8, 64}, ElementType::kInt32);
//   mlir::Value labels = model.input("labels", {8, 64}, ElementType::kInt32);
//   mlir::Value table = model.parameter("table", {256, 32}, Init::normal(0.02));
//   mlir::Value x = model.embedding("look_up", table, ids);
//   mlir::Value logits = model.linear("head", x, {256});
//   Loss loss = model.crossEntropy("loss", logits, labels);
//   model.endEntry({{"loss_sum", loss.sum}, {"tokens", loss.count}});
//   auto module = model.finish();
//
// Activations are [batch, sequence, features]; inside attention [batch, sequence, heads, features of a head]. A builder
// stays in one thread. It needs no care about errors on the way: the first one is kept, calls after it give null
// values, and `finish` returns it.

#ifndef CLEAVE_FRONTEND_BUILDER_H
#define CLEAVE_FRONTEND_BUILDER_H

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "frontend/family.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/IR/Value.h"

namespace mlir {
class MLIRContext;
class ModuleOp;
class OpBuilder;
class Operation;
}  // namespace mlir

namespace cleave {

enum class ElementType { kFloat32, kInt32 };

// How a parameter is drawn where no weight file gives it.
struct Init {
  static Init normal(double deviation) { return {"normal", 0, deviation, -1}; }
  static Init uniform(double deviation) { return {"uniform", 0, deviation, -1}; }  // in [-deviation, deviation)
  static Init constant(double value) { return {"constant", value, 0, -1}; }
  // The same, but for one row of dimension 0, which starts as zero (a padding token's); -1: no such row.
  Init withZeroRow(int64_t row) const { return {distribution, mean, deviation, row}; }

  const char *distribution = "normal";
  double mean = 0, deviation = 0;
  int64_t zeroRow = -1;
};

// A linear map with parameters "weight" and, where wanted, "bias".
struct LinearSpec {
  LinearSpec(int64_t features) : features(features) {}

  int64_t features;  // of the result
  bool hasBias = false;
  bool inputMajor = false;  // the weight is [in, out], as in GPT-2's Conv1D, and not [out, in]
  Init weight = Init::normal(0.02);
};

// Which rows of a table are looked up, and which of them learn.
struct LookUpSpec {
  int64_t paddingIndex = -1;  // this row gets no gradient; -1: none
  bool isOptional = false;    // an id of -1 stands for no row and gives zeros
};

struct NormSpec {
  double epsilon = 1e-5;
  bool hasParameters = true;  // "weight" and, of a layer norm, "bias"; else ones and zeros
  double weight = 1;          // that the weight starts with
};

struct RotarySpec {
  const char *layout = "halves";    // or "pairs"
  std::vector<double> frequencies;  // radians a position, one for each pair of features that turns
  double factor = 1;                // of sines and cosines
};

// Null values are absent. See cleave.attention in ir/ops/network.td.
struct AttentionSpec {
  mlir::Value query, keys, values;
  mlir::Value bias;                        // [heads, queries, keys]
  mlir::Value keyMask;                     // [batch, keys], 0 hides
  mlir::Value querySegments, keySegments;  // [batch, queries], [batch, keys]
  bool isCausal = false;
  int64_t window = 0;  // 0: none
  double scale = 1;
  double dropoutRate = 0;
};

struct Loss {
  mlir::Value sum, count;
};

struct Output {
  std::string name;
  mlir::Value value;
};

// A state that an optimizer keeps for each parameter, of its shape, and what it starts with.
struct StateSpec {
  std::string name;
  double value = 0;
};

// What an optimizer's update is made of. The gradient is that of the mean loss, after clipping; `step` counts updates from
// 1; rate and weight decay are those of the parameter's group. The last three are scalars.
struct Update {
  mlir::Value parameter, gradient;
  std::vector<mlir::Value> states;
  mlir::Value step, rate, weightDecay;
};

class ModelBuilder {
 public:
  // The context must outlive the builder and what it builds.
  explicit ModelBuilder(mlir::MLIRContext &context);
  ~ModelBuilder();
  ModelBuilder(const ModelBuilder &) = delete;
  ModelBuilder &operator=(const ModelBuilder &) = delete;

  // Where the ops come from, for messages: a line of the user's program or model file. Lines and columns count from 1.
  void setLocation(absl::string_view file, unsigned line, unsigned column);

  // Ops up to `endEntry` belong to the function of that name. Parameters of the same name are the same in all entries. The
  // outputs of "loss" are "loss" (a mean) or "loss_sum" and "tokens", and metrics behind them, which steps and evaluations
  // report: "metrics.NAME", a mean, or with "metrics.NAME.count" behind it a sum over what counts.
  void beginEntry(absl::string_view name);
  void endEntry(const std::vector<Output> &outputs);

  // An optimizer of one's own, for parameters of one shape: ops up to `endUpdate` make the new parameter and the new states,
  // in the order of `states`. TrainingOptions::optimizer gives it a name. Each shape of a trainable parameter needs one.
  Update beginUpdate(const std::vector<int64_t> &shape, const std::vector<StateSpec> &states);
  void endUpdate(mlir::Value parameter, const std::vector<mlir::Value> &states);

  // What data and weight files of the model look like.
  void setFamily(const FamilyDescription &family);

  // The module, verified; or the first error. Call it once, at the end.
  absl::StatusOr<mlir::OwningOpRef<mlir::ModuleOp>> finish();
  const absl::Status &status() const;
  // Keeps an error of the caller's, if it is the first.
  void fail(const absl::Status &error);

  // Names: all ops and parameters created inside a scope have its name and a dot before theirs. A name that an op of
  // the entry already has gets "_2", "_3", ... behind it. Use the classes Scope and LayerScope below where you can.
  void pushScope(absl::string_view name);
  void popScope();
  std::string pathOf(absl::string_view name) const;
  // Layers: ops are marked as belonging to instance `instance` of a class of layers that compute the same function.
  void pushLayer(absl::string_view layerClass, int64_t instance);
  void popLayer();

  // What the function takes. A parameter asked for again is the same value.
  mlir::Value parameter(absl::string_view name, const std::vector<int64_t> &shape, const Init &init,
                        bool isTrainable = true);
  mlir::Value input(absl::string_view name, const std::vector<int64_t> &shape,
                    ElementType type);  // no scope before the name

  // Layers with parameters: those lie in a scope of the layer's name.
  mlir::Value linear(absl::string_view name, mlir::Value x, const LinearSpec &spec);
  mlir::Value layerNorm(absl::string_view name, mlir::Value x, const NormSpec &spec);
  mlir::Value rmsNorm(absl::string_view name, mlir::Value x, const NormSpec &spec);

  // x [..., m, k] times w: [k, n], or [n, k] where it is transposed; or as many of them as x has [m, k]. `bias` [n] may
  // be null.
  mlir::Value matmul(absl::string_view name, mlir::Value x, mlir::Value w, bool isTransposed, mlir::Value bias = {});
  // Rows of `table`.
  mlir::Value embedding(absl::string_view name, mlir::Value table, mlir::Value ids, const LookUpSpec &spec = {});
  mlir::Value attention(absl::string_view name, const AttentionSpec &spec);
  mlir::Value rotary(absl::string_view name, mlir::Value x, mlir::Value positions, const RotarySpec &spec);
  mlir::Value splitHeads(absl::string_view name, mlir::Value x, int64_t heads);  // [b, s, h*d] -> [b, s, h, d]
  mlir::Value mergeHeads(absl::string_view name, mlir::Value x);                 // and back
  // x itself where the rate is 0. The entry gets an input "rng" where it isn't.
  mlir::Value dropout(absl::string_view name, mlir::Value x, double rate);
  // Sum over the labels that count, and their number; -100 doesn't count.
  Loss crossEntropy(absl::string_view name, mlir::Value logits, mlir::Value labels);

  // Element by element.
  mlir::Value add(absl::string_view name, mlir::Value a, mlir::Value b);
  mlir::Value subtract(absl::string_view name, mlir::Value a, mlir::Value b);
  mlir::Value multiply(absl::string_view name, mlir::Value a, mlir::Value b);
  mlir::Value divide(absl::string_view name, mlir::Value a, mlir::Value b);
  mlir::Value scale(absl::string_view name, mlir::Value x, double factor);
  mlir::Value gelu(absl::string_view name, mlir::Value x, bool isTanhForm);
  mlir::Value relu(absl::string_view name, mlir::Value x);
  mlir::Value silu(absl::string_view name, mlir::Value x);
  mlir::Value tanh(absl::string_view name, mlir::Value x);
  mlir::Value sigmoid(absl::string_view name, mlir::Value x);
  mlir::Value exp(absl::string_view name, mlir::Value x);
  mlir::Value log(absl::string_view name, mlir::Value x);
  mlir::Value sqrt(absl::string_view name, mlir::Value x);
  mlir::Value sin(absl::string_view name, mlir::Value x);
  mlir::Value cos(absl::string_view name, mlir::Value x);
  mlir::Value power(absl::string_view name, mlir::Value a, mlir::Value b);
  mlir::Value softmax(absl::string_view name, mlir::Value x);  // along the last dimension

  mlir::Value maximum(absl::string_view name, mlir::Value a, mlir::Value b);
  mlir::Value minimum(absl::string_view name, mlir::Value a, mlir::Value b);
  mlir::Value abs(absl::string_view name, mlir::Value x);
  mlir::Value sign(absl::string_view name, mlir::Value x);  // -1, 0 or 1
  // Bools; `direction` is "eq", "ne", "lt", "le", "gt" or "ge".
  mlir::Value compare(absl::string_view name, mlir::Value a, mlir::Value b, absl::string_view direction);
  // a where the condition is true, else b.
  mlir::Value select(absl::string_view name, mlir::Value condition, mlir::Value a, mlir::Value b);
  mlir::Value toFloat(absl::string_view name, mlir::Value x);

  // Dimensions (growing) are reduced away; `kind` is "sum", "mean", "max" or "min".
  mlir::Value reduce(absl::string_view name, mlir::Value x, absl::string_view kind,
                     const std::vector<int64_t> &dimensions);

  // Shape.
  mlir::Value reshape(absl::string_view name, mlir::Value x, const std::vector<int64_t> &shape);
  mlir::Value transpose(absl::string_view name, mlir::Value x, const std::vector<int64_t> &permutation);
  // Elements from starts up to limits, each or, with `steps`, every so many.
  mlir::Value slice(absl::string_view name, mlir::Value x, const std::vector<int64_t> &starts,
                    const std::vector<int64_t> &limits, const std::vector<int64_t> &steps = {});
  // x with so many zeros before and behind it in each dimension.
  mlir::Value pad(absl::string_view name, mlir::Value x, const std::vector<int64_t> &low,
                  const std::vector<int64_t> &high);
  // Dimension i of x becomes dimension `dimensions[i]` of the result.
  mlir::Value broadcast(absl::string_view name, mlir::Value x, const std::vector<int64_t> &shape,
                        const std::vector<int64_t> &dimensions);
  // x to `shape` as NumPy does it: sizes are matched from the last; where x has 1 or nothing, it is repeated.
  mlir::Value broadcastTo(absl::string_view name, mlir::Value x, const std::vector<int64_t> &shape);
  // Joins values along one dimension.
  mlir::Value concat(absl::string_view name, const std::vector<mlir::Value> &values, int64_t dimension);
  mlir::Value cumulativeSum(absl::string_view name, mlir::Value x);  // along the last dimension

  // A loss of values that may be parameters, and its gradients: ops between the two calls make the loss of what
  // `beginGradient` gives, which stands for `inputs`; `endGradient` gives the loss and the gradients of all inputs.
  // What was made in between stays there. The model's own loss may use the gradients: they are differentiated through.
  std::vector<mlir::Value> beginGradient(absl::string_view name, const std::vector<mlir::Value> &inputs);
  std::vector<mlir::Value> endGradient(absl::string_view name, mlir::Value loss);

  // Values known now.
  mlir::Value iota(absl::string_view name, const std::vector<int64_t> &shape, int64_t dimension);  // int32
  mlir::Value fill(absl::string_view name, const std::vector<int64_t> &shape, ElementType type, double value);
  mlir::Value constant(absl::string_view name, const std::vector<int32_t> &values);

  // The name by which pins and reports know a value: its parameter's, its input's or its op's; empty for another's.
  std::string nameOf(mlir::Value value) const;

  // For any other op of the dialect: create it with `opBuilder()` at `location()` inside an entry, then give it its name
  // and layer mark.
  mlir::OpBuilder &opBuilder();
  mlir::Location location() const;
  void mark(absl::string_view name, mlir::Operation *op);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Sizes of a value; empty for null.
std::vector<int64_t> shapeOf(mlir::Value value);

// The shape that both sizes broadcast to as NumPy does it; nothing if they don't.
std::optional<std::vector<int64_t>> broadcastShape(const std::vector<int64_t> &a, const std::vector<int64_t> &b);

class Scope {
 public:
  Scope(ModelBuilder &builder, absl::string_view name) : builder_(builder) { builder_.pushScope(name); }
  ~Scope() { builder_.popScope(); }
  Scope(const Scope &) = delete;

 private:
  ModelBuilder &builder_;
};

class LayerScope {
 public:
  LayerScope(ModelBuilder &builder, absl::string_view layerClass, int64_t instance) : builder_(builder) {
    builder_.pushLayer(layerClass, instance);
  }
  ~LayerScope() { builder_.popLayer(); }
  LayerScope(const LayerScope &) = delete;

 private:
  ModelBuilder &builder_;
};

}  // namespace cleave

#endif  // CLEAVE_FRONTEND_BUILDER_H
