// Binds the builder of models, the description of Hugging Face families, and the compiler.

#include <nanobind/stl/array.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "frontend/config.h"
#include "frontend/image_layers.h"
#include "frontend/models/layers.h"
#include "frontend/models/models.h"
#include "frontend/models/rope.h"
#include "python_bindings/bind.h"
#include "python_bindings/model_build.h"
#include "python_bindings/status_error.h"

namespace cleave::python {
namespace {

namespace nb = nanobind;
using namespace nanobind::literals;
using Handle = std::shared_ptr<Build>;
using Shape = std::vector<int64_t>;
using Value = ValueHandle;
using Maybe = std::optional<ValueHandle>;
using Builder = nb::class_<Build>;

std::vector<Value> handles(const Handle &build, const std::vector<mlir::Value> &values) {
  check(build->builder.status());
  std::vector<Value> handed;
  for (const mlir::Value value : values) handed.push_back(handle(build, value));
  return handed;
}

void bindUnary(Builder &builder) {
  using Unary = mlir::Value (ModelBuilder::*)(absl::string_view, mlir::Value);
  static constexpr std::pair<const char *, Unary> kUnary[] = {
      {"relu", &ModelBuilder::relu},       {"silu", &ModelBuilder::silu},
      {"tanh", &ModelBuilder::tanh},       {"sigmoid", &ModelBuilder::sigmoid},
      {"exp", &ModelBuilder::exp},         {"log", &ModelBuilder::log},
      {"sqrt", &ModelBuilder::sqrt},       {"sin", &ModelBuilder::sin},
      {"cos", &ModelBuilder::cos},         {"softmax", &ModelBuilder::softmax},
      {"merge_heads", &ModelBuilder::mergeHeads}, {"cumulative_sum", &ModelBuilder::cumulativeSum},
      {"abs", &ModelBuilder::abs},         {"sign", &ModelBuilder::sign},
      {"to_float", &ModelBuilder::toFloat}};
  for (const auto &[pythonName, method] : kUnary)
    builder.def(pythonName, [call = method](const Handle &build, const std::string &name, const Value &x) {
      return handle(build, (builderOf(build).*call)(name, own(build, x)));
    }, "name"_a, "x"_a);
}

void bindBinary(Builder &builder) {
  using Binary = mlir::Value (ModelBuilder::*)(absl::string_view, mlir::Value, mlir::Value);
  static constexpr std::pair<const char *, Binary> kBinary[] = {{"add", &ModelBuilder::add},
                                                                {"subtract", &ModelBuilder::subtract},
                                                                {"multiply", &ModelBuilder::multiply},
                                                                {"divide", &ModelBuilder::divide},
                                                                {"power", &ModelBuilder::power},
                                                                {"maximum", &ModelBuilder::maximum},
                                                                {"minimum", &ModelBuilder::minimum}};
  for (const auto &[pythonName, method] : kBinary)
    builder.def(pythonName, [call = method](const Handle &build, const std::string &name, const Value &a,
                                            const Value &b) {
      return handle(build, (builderOf(build).*call)(name, own(build, a), own(build, b)));
    }, "name"_a, "a"_a, "b"_a);
}

const char *distributionOf(const std::string &name) {
  for (const char *known : {"normal", "uniform", "constant"})
    if (name == known) return known;
  throw StatusError(absl::InvalidArgumentError(
      absl::StrCat("parameter: requires a distribution out of normal, uniform, constant, got \"", name, "\"")));
}

void bindArguments(Builder &builder) {
  builder
      .def("parameter", [](const Handle &build, const std::string &name, const Shape &shape, const std::string &drawn,
                           double mean, double deviation, int64_t zeroRow, bool isTrainable) {
        const char *distribution = distributionOf(drawn);
        const Init init{distribution, mean, deviation, zeroRow};
        return handle(build, builderOf(build).parameter(name, shape, init, isTrainable));
      }, "name"_a, "shape"_a, "distribution"_a, "mean"_a, "deviation"_a, "zero_row"_a, "trainable"_a)
      .def("input", [](const Handle &build, const std::string &name, const Shape &shape, bool isFloat) {
        const ElementType type = isFloat ? ElementType::kFloat32 : ElementType::kInt32;
        return handle(build, builderOf(build).input(name, shape, type));
      }, "name"_a, "shape"_a, "is_float"_a)
      .def("iota", [](const Handle &build, const std::string &name, const Shape &shape, int64_t dimension) {
        return handle(build, builderOf(build).iota(name, shape, dimension));
      }, "name"_a, "shape"_a, "dimension"_a)
      .def("fill", [](const Handle &build, const std::string &name, const Shape &shape, bool isFloat, double value) {
        const ElementType type = isFloat ? ElementType::kFloat32 : ElementType::kInt32;
        return handle(build, builderOf(build).fill(name, shape, type, value));
      }, "name"_a, "shape"_a, "is_float"_a, "value"_a)
      .def("constant", [](const Handle &build, const std::string &name, const std::vector<int32_t> &values) {
        return handle(build, builderOf(build).constant(name, values));
      }, "name"_a, "values"_a);
}

void bindNetwork(Builder &builder) {
  builder
      .def("matmul", [](const Handle &build, const std::string &name, const Value &x, const Value &w, bool isTransposed,
                        const Maybe &bias) {
        ModelBuilder &model = builderOf(build);
        return handle(build, model.matmul(name, own(build, x), own(build, w), isTransposed, own(build, bias)));
      }, "name"_a, "x"_a, "w"_a, "transposed"_a, "bias"_a.none())
      .def("embedding", [](const Handle &build, const std::string &name, const Value &table, const Value &ids,
                           int64_t paddingIndex, bool isOptional) {
        return handle(build, builderOf(build).embedding(name, own(build, table), own(build, ids),
                                                        {paddingIndex, isOptional}));
      }, "name"_a, "table"_a, "ids"_a, "padding_index"_a, "optional"_a)
      .def("layer_norm", [](const Handle &build, const std::string &name, const Value &x, double epsilon,
                            bool hasParameters) {
        return handle(build, builderOf(build).layerNorm(name, own(build, x), {epsilon, hasParameters, 1}));
      }, "name"_a, "x"_a, "epsilon"_a, "has_parameters"_a)
      .def("rms_norm", [](const Handle &build, const std::string &name, const Value &x, double epsilon,
                          bool hasParameters, double weight) {
        return handle(build, builderOf(build).rmsNorm(name, own(build, x), {epsilon, hasParameters, weight}));
      }, "name"_a, "x"_a, "epsilon"_a, "has_parameters"_a, "weight"_a)
      .def("attention", [](const Handle &build, const std::string &name, const Value &q, const Value &k, const Value &v,
                           const Maybe &bias, const Maybe &keyMask, const Maybe &segments, bool isCausal,
                           int64_t window, double scale, double dropout) {
        AttentionSpec spec;
        spec.query = own(build, q);
        spec.keys = own(build, k);
        spec.values = own(build, v);
        spec.bias = own(build, bias);
        spec.keyMask = own(build, keyMask);
        spec.querySegments = spec.keySegments = own(build, segments);
        spec.isCausal = isCausal;
        spec.window = window;
        spec.scale = scale;
        spec.dropoutRate = dropout;
        return handle(build, builderOf(build).attention(name, spec));
      }, "name"_a, "query"_a, "keys"_a, "values"_a, "bias"_a.none(), "key_mask"_a.none(), "segments"_a.none(),
           "causal"_a, "window"_a, "scale"_a, "dropout"_a)
      .def("rotary", [](const Handle &build, const std::string &name, const Value &x, const Value &positions,
                        const std::vector<double> &frequencies, double factor, bool isPairs) {
        const RotarySpec spec{isPairs ? "pairs" : "halves", frequencies, factor};
        return handle(build, builderOf(build).rotary(name, own(build, x), own(build, positions), spec));
      }, "name"_a, "x"_a, "positions"_a, "frequencies"_a, "factor"_a, "pairs"_a)
      .def("split_heads", [](const Handle &build, const std::string &name, const Value &x, int64_t heads) {
        return handle(build, builderOf(build).splitHeads(name, own(build, x), heads));
      }, "name"_a, "x"_a, "heads"_a)
      .def("dropout", [](const Handle &build, const std::string &name, const Value &x, double rate) {
        return handle(build, builderOf(build).dropout(name, own(build, x), rate));
      }, "name"_a, "x"_a, "rate"_a)
      .def("activate", [](const Handle &build, const std::string &name, const std::string &activation, const Value &x) {
        return handle(build, activate(builderOf(build), name, activation, own(build, x)));
      }, "name"_a, "activation"_a, "x"_a)
      .def("cross_entropy", [](const Handle &build, const std::string &name, const Value &logits, const Value &labels) {
        const Loss loss = builderOf(build).crossEntropy(name, own(build, logits), own(build, labels));
        return std::make_pair(handle(build, loss.sum), handle(build, loss.count));
      }, "name"_a, "logits"_a, "labels"_a);
}

void bindShapes(Builder &builder) {
  builder
      .def("scale", [](const Handle &build, const std::string &name, const Value &x, double factor) {
        return handle(build, builderOf(build).scale(name, own(build, x), factor));
      }, "name"_a, "x"_a, "factor"_a)
      .def("reshape", [](const Handle &build, const std::string &name, const Value &x, const Shape &shape) {
        return handle(build, builderOf(build).reshape(name, own(build, x), shape));
      }, "name"_a, "x"_a, "shape"_a)
      .def("transpose", [](const Handle &build, const std::string &name, const Value &x, const Shape &permutation) {
        return handle(build, builderOf(build).transpose(name, own(build, x), permutation));
      }, "name"_a, "x"_a, "permutation"_a)
      .def("slice", [](const Handle &build, const std::string &name, const Value &x, const Shape &starts,
                       const Shape &limits) {
        return handle(build, builderOf(build).slice(name, own(build, x), starts, limits));
      }, "name"_a, "x"_a, "starts"_a, "limits"_a)
      .def("broadcast", [](const Handle &build, const std::string &name, const Value &x, const Shape &shape,
                           const Shape &dimensions) {
        return handle(build, builderOf(build).broadcast(name, own(build, x), shape, dimensions));
      }, "name"_a, "x"_a, "shape"_a, "dimensions"_a)
      .def("broadcast_to", [](const Handle &build, const std::string &name, const Value &x, const Shape &shape) {
        return handle(build, builderOf(build).broadcastTo(name, own(build, x), shape));
      }, "name"_a, "x"_a, "shape"_a)
      .def("reduce", [](const Handle &build, const std::string &name, const Value &x, const std::string &kind,
                        const Shape &dimensions) {
        return handle(build, builderOf(build).reduce(name, own(build, x), kind, dimensions));
      }, "name"_a, "x"_a, "kind"_a, "dimensions"_a)
      .def("concat", [](const Handle &build, const std::string &name, const std::vector<Value> &values,
                        int64_t dimension) {
        std::vector<mlir::Value> owned;
        for (const Value &value : values) owned.push_back(own(build, value));
        return handle(build, builderOf(build).concat(name, owned, dimension));
      }, "name"_a, "values"_a, "dimension"_a);
}

void bindChoices(Builder &builder) {
  builder
      .def("compare", [](const Handle &build, const std::string &name, const Value &a, const Value &b,
                         const std::string &direction) {
        return handle(build, builderOf(build).compare(name, own(build, a), own(build, b), direction));
      }, "name"_a, "a"_a, "b"_a, "direction"_a)
      .def("select", [](const Handle &build, const std::string &name, const Value &condition, const Value &a,
                        const Value &b) {
        return handle(build, builderOf(build).select(name, own(build, condition), own(build, a), own(build, b)));
      }, "name"_a, "condition"_a, "a"_a, "b"_a);
}

using States = std::vector<std::pair<std::string, double>>;

// Parameter, gradient, states, step, rate, weight decay.
std::tuple<Value, Value, std::vector<Value>, Value, Value, Value> beginUpdate(const Handle &build, const Shape &shape,
                                                                              const States &states) {
  std::vector<StateSpec> specs;
  for (const auto &[name, value] : states) specs.push_back({name, value});
  const Update update = builderOf(build).beginUpdate(shape, specs);
  std::vector<Value> owned;
  for (mlir::Value state : update.states) owned.push_back(handle(build, state));
  return {handle(build, update.parameter), handle(build, update.gradient), owned, handle(build, update.step),
          handle(build, update.rate), handle(build, update.weightDecay)};
}

void endUpdate(const Handle &build, const Value &parameter, const std::vector<Value> &states) {
  std::vector<mlir::Value> owned;
  for (const Value &state : states) owned.push_back(own(build, state));
  builderOf(build).endUpdate(own(build, parameter), owned);
  check(build->builder.status());
}

void bindImages(Builder &builder) {
  using Pool = mlir::Value (*)(ModelBuilder &, absl::string_view, mlir::Value, const RowsAndColumns &,
                               const WindowSpec &);
  static constexpr std::pair<const char *, Pool> kPools[] = {{"max_pool2d", &maxPool}, {"avg_pool2d", &averagePool}};
  for (const auto &[pythonName, pool] : kPools)
    builder.def(pythonName, [call = pool](const Handle &build, const std::string &name, const Value &x,
                                          const RowsAndColumns &kernel, const RowsAndColumns &stride,
                                          const RowsAndColumns &padding) {
      return handle(build, call(builderOf(build), name, own(build, x), kernel, {stride, padding}));
    }, "name"_a, "x"_a, "kernel"_a, "stride"_a, "padding"_a);
  builder
      .def("conv2d", [](const Handle &build, const std::string &name, const Value &x, const Value &weight,
                        const Maybe &bias, const RowsAndColumns &stride, const RowsAndColumns &padding,
                        const RowsAndColumns &dilation, int64_t groups) {
        return handle(build, convolution(builderOf(build), name, own(build, x), own(build, weight), own(build, bias),
                                         {stride, padding, dilation}, groups));
      }, "name"_a, "x"_a, "weight"_a, "bias"_a.none(), "stride"_a, "padding"_a, "dilation"_a, "groups"_a)
      .def("group_norm", [](const Handle &build, const std::string &name, const Value &x, int64_t groups,
                            const Value &weight, const Value &bias, double epsilon) {
        return handle(build, groupNorm(builderOf(build), name, own(build, x), groups, own(build, weight),
                                       own(build, bias), epsilon));
      }, "name"_a, "x"_a, "groups"_a, "weight"_a, "bias"_a, "epsilon"_a);
}

void bindStructure(Builder &builder) {
  builder
      .def("set_location", [](const Handle &build, const std::string &file, unsigned line) {
        builderOf(build).setLocation(file, line, 1);
      })
      .def("begin_entry", [](const Handle &build, const std::string &name) {
        builderOf(build).beginEntry(name);
        check(build->builder.status());
      })
      .def("end_entry", [](const Handle &build, const std::vector<std::pair<std::string, Value>> &outputs) {
        std::vector<Output> owned;
        for (const auto &[name, value] : outputs) owned.push_back({name, own(build, value)});
        builderOf(build).endEntry(owned);
        check(build->builder.status());
      })
      .def("begin_update", &beginUpdate, "shape"_a, "states"_a)
      .def("end_update", &endUpdate, "parameter"_a, "states"_a)
      .def("begin_gradient", [](const Handle &build, const std::string &name, const std::vector<Value> &inputs) {
        std::vector<mlir::Value> owned;
        for (const Value &input : inputs) owned.push_back(own(build, input));
        return handles(build, builderOf(build).beginGradient(name, owned));
      }, "name"_a, "inputs"_a)
      .def("end_gradient", [](const Handle &build, const std::string &name, const Value &loss) {
        return handles(build, builderOf(build).endGradient(name, own(build, loss)));
      }, "name"_a, "loss"_a)
      .def("push_scope", [](const Handle &build, const std::string &name) { build->builder.pushScope(name); })
      .def("pop_scope", [](const Handle &build) { build->builder.popScope(); })
      .def("push_layer", [](const Handle &build, const std::string &layerClass, int64_t instance) {
        build->builder.pushLayer(layerClass, instance);
      })
      .def("pop_layer", [](const Handle &build) { build->builder.popLayer(); })
      .def("set_family", [](const Handle &build, const FamilyDescription &family) {
        builderOf(build).setFamily(family);
      })
      .def("finish", &finish);
}

using AxisRow = std::tuple<std::string, std::string, int64_t>;
using PinRow = std::pair<std::string, std::vector<std::pair<std::string, std::string>>>;

std::pair<nb::bytes, std::vector<std::string>> compile(const ModuleHandle &module, const std::vector<AxisRow> &mesh,
                                                       const CompileRequest &request, const std::string &modelName,
                                                       const std::string &modelText) {
  std::vector<MeshAxis> axes;
  for (const auto &[name, kind, size] : mesh) axes.push_back({name, kind, size});
  std::vector<std::string> warnings;
  std::string bytes;
  {
    nb::gil_scoped_release released;
    bytes = module.compile(axes, request, {modelName, modelText, {}}, &warnings);
  }
  return {nb::bytes(bytes.data(), bytes.size()), warnings};
}

void bindRequest(nb::module_ &module) {
  nb::class_<TrainingOptions>(module, "TrainingOptions")
      .def(nb::init<>())
      .def_rw("optimizer", &TrainingOptions::optimizer)
      .def_rw("lr", &TrainingOptions::learningRate)
      .def_rw("weight_decay", &TrainingOptions::weightDecay)
      .def_rw("beta1", &TrainingOptions::beta1)
      .def_rw("beta2", &TrainingOptions::beta2)
      .def_rw("eps", &TrainingOptions::epsilon)
      .def_rw("momentum", &TrainingOptions::momentum)
      .def_rw("clip_norm", &TrainingOptions::clipNorm)
      .def_rw("microbatches", &TrainingOptions::microbatches)
      .def_rw("schedule", &TrainingOptions::schedule)
      .def_rw("warmup", &TrainingOptions::warmup)
      .def_rw("total_steps", &TrainingOptions::totalSteps)
      .def_rw("min_lr", &TrainingOptions::minLearningRate)
      .def_rw("batch", &TrainingOptions::batch)
      .def_rw("seq", &TrainingOptions::seq)
      .def_rw("target_seq", &TrainingOptions::targetSeq)
      .def("add_group", [](TrainingOptions &options, const std::string &match, std::optional<double> lr,
                           std::optional<double> weightDecay, std::optional<bool> trainable) {
        options.groups.push_back({match, lr, weightDecay, trainable});
      }, "match"_a, "lr"_a.none(), "weight_decay"_a.none(), "trainable"_a.none());
  nb::class_<CompileRequest>(module, "CompileRequest")
      .def(nb::init<>())
      .def_rw("training", &CompileRequest::training)
      .def_rw("strategy", &CompileRequest::strategy)
      .def_rw("overlap", &CompileRequest::overlap)
      .def_rw("zero", &CompileRequest::zeroStage)
      .def_rw("memory", &CompileRequest::memoryBudget)
      .def_rw("cluster", &CompileRequest::cluster)
      .def("add_link", [](CompileRequest &request, const std::string &axis, const std::string &speed) {
        request.links.push_back({axis, speed});
      })
      .def("add_pin", [](CompileRequest &request, const PinRow &pin) {
        request.pins.push_back({pin.first, pin.second});
      });
}

void bindFamilies(nb::module_ &module) {
  nb::class_<FamilyDescription>(module, "Family");
  module.def("describe_config", [](const std::string &text, const std::string &path, int64_t batch, int64_t seq,
                                   int64_t targetSeq, std::optional<double> dropout) {
    ModelOptions options;
    options.batch = batch;
    options.seq = seq;
    options.targetSeq = targetSeq;
    options.dropout = dropout;
    std::vector<std::string> warnings;
    return std::make_pair(valueOf(describeModel(valueOf(parseConfig(text, path)), options, &warnings)), warnings);
  }, "text"_a, "path"_a, "batch"_a, "seq"_a, "target_seq"_a, "dropout"_a = nb::none());
  module.def("resolve_config", [](const std::string &text, const std::string &path) {
    std::vector<std::string> warnings;
    return std::make_pair(valueOf(resolveConfig(valueOf(parseConfig(text, path)), &warnings)).dump(), warnings);
  }, "text"_a, "path"_a, "JSON of all fields with their defaults, and warnings.");
  module.def("build_config", &moduleOfConfig, "text"_a, "path"_a, "batch"_a, "seq"_a, "target_seq"_a,
             "dropout"_a = nb::none(), "The module that C++ builds of a Hugging Face config.");
  module.def("rotary_of_config", [](const std::string &text, const std::string &path, int64_t headSize,
                                    int64_t positions, int64_t seq) {
    const Config config = valueOf(parseConfig(text, path));
    ConfigReader reader(config);
    const RotarySpec spec = Rope(reader, headSize, positions).at(seq);
    return std::make_pair(spec.frequencies, spec.factor);
  }, "text"_a, "path"_a, "head_size"_a, "positions"_a, "seq"_a);
  module.def("relative_buckets", &relativeBuckets, "seq"_a, "both_directions"_a, "buckets"_a, "max_distance"_a);
  module.def("broadcast_shape", &broadcastShape, "a"_a, "b"_a);
}

}  // namespace

void bindCompiler(nb::module_ &module) {
  nb::class_<ValueHandle>(module, "Value")
      .def_prop_ro("shape", &ValueHandle::shape)
      .def_prop_ro("dtype", &ValueHandle::dtype)
      .def_prop_ro("name", &ValueHandle::name);
  bindFamilies(module);
  bindRequest(module);
  nb::class_<ModuleHandle>(module, "Module").def("text", &ModuleHandle::text).def("compile", &compile, "mesh"_a,
                                                                                   "request"_a, "model_name"_a,
                                                                                   "model_text"_a);
  Builder builder(module, "Builder");
  builder.def(nb::new_([] { return std::make_shared<Build>(); }));
  bindStructure(builder);
  bindArguments(builder);
  bindUnary(builder);
  bindBinary(builder);
  bindNetwork(builder);
  bindShapes(builder);
  bindChoices(builder);
  bindImages(builder);
}

}  // namespace cleave::python
