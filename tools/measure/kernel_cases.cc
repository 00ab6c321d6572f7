#include "tools/measure/kernel_cases.h"

#include <algorithm>

namespace cleave {
namespace {

using Ints = std::vector<int64_t>;

constexpr int64_t kFeatures = 512;
const KernelOperand kScalar = {{}, DType::kF32, 0, 1};

int64_t elementsOf(const KernelOperand &operand) {
  int64_t count = 1;
  for (int64_t size : operand.shape) count *= size;
  return count;
}

class Cases {
 public:
  std::vector<KernelCase> all() {
    for (int64_t edge : {32, 64, 128, 256, 512, 1024}) products(edge);
    for (bool drops : {false, true}) {
      for (int64_t length : {64, 128, 256, 512}) attention(length, /*features=*/64, drops);
      attention(/*length=*/128, /*features=*/16, drops);  // what of it doesn't grow with the features
    }
    // From what a first-level cache holds to more than a core's share of the last one.
    for (int64_t rows : {16, 256, 2048, 16384}) {
      elementwise(rows);
      norms(rows);
      shapes(rows);
      tables(rows);
      updates(rows * kFeatures);
    }
    return std::move(cases_);
  }

 private:
  KernelCase &add(std::string kernel, Attributes attributes, std::vector<KernelOperand> inputs,
                  std::vector<KernelOperand> outputs) {
    KernelCase &made = cases_.emplace_back();
    made.kernel = std::move(kernel);
    made.attributes = std::move(attributes);
    made.inputs = std::move(inputs);
    made.outputs = std::move(outputs);
    return made;
  }

  void addProduct(std::string kernel, Attributes attributes, int64_t n) {
    KernelCase &product = add(std::move(kernel), std::move(attributes), {{{n, n}}, {{n, n}}}, {{{n, n}}});
    product.flops = 2.0 * double(n) * double(n) * double(n);
    product.lies = KernelCase::Lies::kBehindCaches;
  }

  void products(int64_t n) {
    for (int64_t transposed : {0, 1}) addProduct("matmul", {{"transpose_rhs", transposed}}, n);
    addProduct("outer", {}, n);
  }

  void attention(int64_t length, int64_t features, bool drops) {
    const int64_t batch = std::max<int64_t>(1, 256 / length), heads = 4;
    const Ints shape = {batch, length, heads, features}, lse = {batch, heads, length};
    const Attributes attributes = {{"causal", int64_t{1}},
                                   {"dropout_rate", drops ? 0.1 : 0.0},
                                   {"id", int64_t{7}},
                                   {"element_offset", int64_t{0}},
                                   {"scale", 0.125},
                                   {"global_shape", Ints{batch, heads, length, length}},
                                   {"batch_offset", int64_t{0}},
                                   {"query_offset", int64_t{0}},
                                   {"head_offset", int64_t{0}},
                                   {"group", int64_t{1}},
                                   {"kv_head_offset", int64_t{0}}};
    const double flops = 2.0 * double(batch * heads * length * length * features);  // half of two products
    const int64_t key = drops ? 1 : 0;
    auto addForm = [&](const char *kernel, std::vector<KernelOperand> inputs, std::vector<KernelOperand> outputs,
                       double formFlops) {
      Attributes all = attributes;
      Ints segments(inputs.size(), 1);
      segments.insert(segments.end(), {0, 0, 0, 0, key});  // neither bias nor masks
      all.set("segments", segments);
      if (drops) inputs.push_back({{4}, DType::kI32, 1000});
      KernelCase &form = add(kernel, std::move(all), std::move(inputs), std::move(outputs));
      form.flops = formFlops;
      form.lies = KernelCase::Lies::kBehindCaches;
      form.isShallow = features < 64;
      if (drops) form.variant = "/random";
    };
    addForm("attention", {{shape}, {shape}, {shape}}, {{shape}, {lse}}, flops);
    addForm("attention_gradient", {{shape}, {shape}, {shape}, {shape}, {lse, DType::kF32, 0, 1}, {shape}},
            {{shape}, {shape}, {shape}}, 2.5 * flops);
  }

  void elementwise(int64_t rows) {
    const KernelOperand x = {{rows, kFeatures}};
    for (const char *name : {"relu", "silu", "exp"}) add(name, {}, {x}, {x});
    add("gelu", {{"approximate", std::string("tanh")}}, {x}, {x});
    add("scale", {{"factor", 1.0}}, {x}, {x}).inPlace = {0};
    add("add", {}, {x, x}, {x}).inPlace = {0};
    add("mul", {}, {x, x}, {x});
    // Far above 0 slopes are 1: what is multiplied by them again and again stays a number of normal size.
    const KernelOperand above = {{rows, kFeatures}, DType::kF32, 0, 5};
    for (const char *name : {"relu_gradient", "silu_gradient"}) add(name, {}, {above, x}, {x}).inPlace = {1};
    add("gelu_gradient", {{"approximate", std::string("tanh")}}, {above, x}, {x}).inPlace = {1};
    add("add_n", {{"segments", Ints{3}}}, {x, x, x}, {x});
    add("dropout",
        {{"global_shape", Ints{rows, kFeatures}},
         {"offset", Ints{0, 0}},
         {"id", int64_t{7}},
         {"rate", 0.1},
         {"element_offset", int64_t{0}}},
        {x, {{4}, DType::kI32, 1000}}, {x});
  }

  void norms(int64_t rows) {
    const KernelOperand x = {{rows, kFeatures}}, c = {{kFeatures}}, each = {{rows}};
    add("layer_norm", {{"epsilon", 1e-5}}, {x, c, c}, {x, each, each});
    add("layer_norm_gradient", {}, {x, x, c, each, each}, {x, c, c});
    add("rms_norm", {{"epsilon", 1e-5}}, {x, c}, {x, each});
    add("rms_norm_gradient", {}, {x, x, c, each}, {x, c});
    add("softmax", {}, {x}, {x});
    const KernelOperand labels = {{rows}, DType::kI32, kFeatures}, one = {{rows}, DType::kF32, 0, 1};
    add("cross_entropy", {}, {x, labels}, {kScalar, kScalar, each});
    add("cross_entropy_gradient", {{"index_offset", int64_t{0}}, {"index_size", kFeatures}}, {x, labels, one, kScalar}, {x})
        .inPlace = {0};
  }

  void shapes(int64_t rows) {
    const KernelOperand x = {{rows, kFeatures}}, c = {{kFeatures}};
    add("reduce", {{"kind", std::string("sum")}, {"dimensions", Ints{0}}, {"count", rows}}, {x}, {c});
    add("sum_squares", {}, {x}, {kScalar});
    add("broadcast", {{"dimensions", Ints{1}}}, {c}, {x});
    add("transpose", {{"permutation", Ints{1, 0}}}, {x}, {{{kFeatures, rows}}});
    KernelCase &slice = add("slice", {{"starts", Ints{0, kFeatures / 2}}, {"steps", Ints{1, 1}}}, {x},
                            {{{rows, kFeatures / 2}}});
    slice.bytes = 4.0 * double(rows * kFeatures);  // half of it read, and written
    add("rotary",
        {{"layout", std::string("halves")},
         {"inverse", int64_t{0}},
         {"factor", 1.0},
         {"frequencies", std::vector<double>(32, 0.1)}},
        {{{1, rows, kFeatures / 64, 64}}, {{1, rows}, DType::kI32, 1000}}, {{{1, rows, kFeatures / 64, 64}}});
  }

  void tables(int64_t rows) {
    constexpr int64_t kEntries = 8192;
    const KernelOperand x = {{rows, kFeatures}}, table = {{kEntries, kFeatures}}, ids = {{rows}, DType::kI32, kEntries};
    const Attributes where = {{"rows", kEntries}, {"row_offset", int64_t{0}}};
    add("embedding", where, {table, ids}, {x}).bytes = 8.0 * double(rows * kFeatures) + 4.0 * double(rows);
    KernelCase &gradient = add("embedding_gradient", where, {ids, x, table}, {table});
    gradient.inPlace = {2};
    gradient.bytes = 12.0 * double(rows * kFeatures) + 4.0 * double(rows);
  }

  void updates(int64_t elements) {
    const KernelOperand p = {{elements}}, flag = {{}, DType::kBool, 2};
    KernelCase &adamw =
        add("adamw", {{"beta1", 0.9}, {"beta2", 0.999}, {"epsilon", 1e-8}, {"weight_decay", 0.01}, {"lr_factor", 1.0}},
            {p, p, p, p, kScalar, kScalar, {{}, DType::kF32, 0, 3}, flag}, {p, p, p});
    adamw.inPlace = {0, 2, 3};
    adamw.lies = KernelCase::Lies::kFarAway;
    KernelCase &sgd = add("sgd", {{"momentum", 0.9}, {"weight_decay", 0.1}, {"lr_factor", 1.0}},
                          {p, p, p, kScalar, kScalar, flag}, {p, p});
    sgd.inPlace = {0, 2};
    sgd.lies = KernelCase::Lies::kFarAway;
  }

  std::vector<KernelCase> cases_;
};

}  // namespace

double KernelCase::depth() const {
  return inputs.empty() || inputs[0].shape.empty() ? 0 : double(inputs[0].shape.back());
}

double KernelCase::allBytes() const {
  if (bytes > 0) return bytes;
  double sum = 0;
  for (const auto *operands : {&inputs, &outputs})
    for (const KernelOperand &operand : *operands) sum += double(elementsOf(operand) * bytesOf(operand.dtype));
  return sum;
}

double KernelCase::elements() const {
  double sum = 0;
  for (const auto *operands : {&inputs, &outputs})
    for (const KernelOperand &operand : *operands) sum += double(elementsOf(operand));
  return sum;
}

std::vector<KernelCase> trainingCases() { return Cases().all(); }

}  // namespace cleave
