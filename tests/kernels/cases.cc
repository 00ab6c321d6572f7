#include "tests/kernels/cases.h"

#include <algorithm>
#include <array>

#include "absl/strings/str_cat.h"

namespace cleave::testing {
namespace {

using Ints = std::vector<int64_t>;

Shape append(Shape shape, std::initializer_list<int64_t> more) {
  shape.insert(shape.end(), more);
  return shape;
}

// Collects cases by family.
class Cases {
 public:
  explicit Cases(uint64_t seed) : draw_(seed) {}

  std::vector<Case> all() {
    elementwise();
    random();
    shapes();
    indices();
    reductions();
    dense();
    images();
    norms();
    loss();
    optimizer();
    for (bool isGradient : {false, true}) attention(isGradient);
    rotary();
    return std::move(cases_);
  }

 private:
  Case &add(const std::string &kernel, Attributes attributes, std::vector<Tensor> inputs, std::vector<Tensor> outputs,
            double tolerance = 2e-6) {
    std::string label = absl::StrCat(kernel, "(");
    for (const Tensor &input : inputs) absl::StrAppend(&label, input.view().str(), " ");
    for (const auto &[name, value] : attributes.all())
      if (const auto *number = std::get_if<int64_t>(&value)) absl::StrAppend(&label, name, "=", *number, " ");
    cases_.push_back({kernel, std::move(attributes), std::move(inputs), std::move(outputs), tolerance, label + ")"});
    return cases_.back();
  }

  void elementwise() {
    for (const Shape &s : std::vector<Shape>{{}, {0}, {1}, {7}, {3, 17}, {5, 33, 3}, {33001}}) {
      for (const char *name : {"add", "sub", "mul", "div", "maximum", "minimum", "relu_gradient", "silu_gradient"})
        add(name, {}, {draw_.normal(s), draw_.normal(s)}, {empty(s)});
      add("pow", {}, {draw_.integers(s, 1, 9).as(DType::kF32), draw_.normal(s)}, {empty(s)});
      for (const char *name : {"neg", "abs", "exp", "sin", "cos", "tanh", "sigmoid", "relu", "silu"})
        add(name, {}, {draw_.normal(s, 4)}, {empty(s)});
      for (const char *name : {"log", "sqrt", "rsqrt"})
        add(name, {}, {draw_.integers(s, 1, 99).as(DType::kF32)}, {empty(s)});
      add("scale", {{"factor", 0.37}}, {draw_.normal(s)}, {empty(s)});
      for (const char *form : {"none", "tanh"}) {
        add("gelu", {{"approximate", std::string(form)}}, {draw_.normal(s, 3)}, {empty(s)});
        add("gelu_gradient", {{"approximate", std::string(form)}}, {draw_.normal(s, 3), draw_.normal(s)}, {empty(s)});
      }
      add("add_n", {{"segments", Ints{3}}}, {draw_.normal(s), draw_.normal(s), draw_.normal(s)}, {empty(s)});
      add("select", {}, {draw_.bools(s), draw_.normal(s), draw_.normal(s)}, {empty(s)});
      for (const char *direction : {"eq", "ne", "lt", "le", "gt", "ge"}) {
        const Attributes attributes = {{"direction", std::string(direction)}};
        add("compare", attributes, {draw_.normal(s), draw_.normal(s)}, {empty(s, DType::kBool)});
        add("compare", attributes, {draw_.integers(s, -2, 3), draw_.integers(s, -2, 3)}, {empty(s, DType::kBool)});
      }
      add("logical_and", {}, {draw_.bools(s), draw_.bools(s)}, {empty(s, DType::kBool)});
      add("logical_or", {}, {draw_.bools(s), draw_.bools(s)}, {empty(s, DType::kBool)});
      add("logical_not", {}, {draw_.bools(s)}, {empty(s, DType::kBool)});
      for (DType to : {DType::kF32, DType::kI32, DType::kBool})
        for (const Tensor &from : {draw_.normal(s, 20), draw_.integers(s, -2, 3), draw_.bools(s)})
          add("convert", {}, {from}, {empty(s, to)});
    }
  }

  void random() {
    struct Part {
      Shape shape, whole, offset;
    };
    const std::vector<Part> parts = {{{}, {}, {}},
                                     {{6}, {11}, {3}},
                                     {{3, 5}, {7, 5}, {2, 0}},
                                     {{3, 5}, {7, 9}, {2, 4}},
                                     {{2, 0, 4}, {2, 3, 4}, {0, 1, 0}},
                                     {{2, 3, 4, 5}, {4, 3, 8, 5}, {1, 0, 4, 0}},
                                     {{3, 40000}, {5, 40001}, {1, 1}}};
    for (const Part &p : parts) {
      const Attributes place = {{"global_shape", Ints(p.whole)}, {"offset", Ints(p.offset)}, {"id", int64_t{7}}};
      Attributes dropout = place, normal = place, uniform = place;
      dropout.set("rate", 0.3);
      dropout.set("element_offset", int64_t{5});
      add("dropout", dropout, {draw_.normal(p.shape), draw_.key()}, {empty(p.shape)});
      for (Attributes *attributes : {&normal, &uniform}) {
        attributes->set("distribution", std::string(attributes == &normal ? "normal" : "uniform"));
        attributes->set("mean", 0.5);
        attributes->set("deviation", 0.02);
        attributes->set("zero_row", int64_t{3});
        add("random", *attributes, {draw_.key()}, {empty(p.shape)});
      }
    }
  }

  void shapes() {
    add("constant", {{"values", std::vector<double>{2.5}}}, {}, {empty({3, 5})});
    add("constant", {{"values", std::vector<double>{1, 2, 3, 4}}}, {}, {empty({2, 2})});
    for (const auto &[shape, dimension] : std::vector<std::pair<Shape, int64_t>>{
             {{2, 5}, 1}, {{2, 5}, 0}, {{3, 4, 7}, 1}, {{3, 0, 7}, 2}, {{2, 40000}, 1}, {{40000, 2}, 0}})
      for (DType dtype : {DType::kI32, DType::kF32})
        add("iota", {{"dimension", dimension}, {"start", int64_t{4}}}, {}, {empty(shape, dtype)});
    add("broadcast", {{"dimensions", Ints{}}}, {draw_.normal({})}, {empty({3, 17})});
    add("broadcast", {{"dimensions", Ints{1}}}, {draw_.normal({17})}, {empty({3, 17})});
    add("broadcast", {{"dimensions", Ints{0}}}, {draw_.normal({3})}, {empty({3, 70})});
    add("broadcast", {{"dimensions", Ints{0, 2}}}, {draw_.normal({3, 4})}, {empty({3, 2, 4})});
    add("broadcast", {{"dimensions", Ints{0}}}, {draw_.integers({0}, 0, 3)}, {empty({0, 2}, DType::kI32)});
    for (DType dtype : {DType::kF32, DType::kF64, DType::kBool, DType::kBF16})
      add("copy", {}, {Tensor(dtype, {4, 6})}, {empty({3, 8}, dtype)});
    add("copy", {}, {draw_.normal({300, 300})}, {empty({90000})});
    for (int64_t keep : {0, 1})
      for (const char *combiner : {"sum", "max", "min"})
        add("keep", {{"keep", keep}, {"combiner", std::string(combiner)}}, {draw_.normal({5, 3})}, {empty({5, 3})});
    const std::vector<std::pair<Shape, Ints>> permutations = {{{3, 5}, {1, 0}},
                                                              {{33, 70}, {1, 0}},
                                                              {{2, 3, 4}, {2, 0, 1}},
                                                              {{2, 3, 4}, {0, 2, 1}},
                                                              {{2, 0, 3}, {2, 1, 0}},
                                                              {{2, 5, 3, 4}, {0, 2, 1, 3}},
                                                              {{1, 5, 1}, {2, 1, 0}},
                                                              {{}, {}},
                                                              {{2, 17, 3, 19}, {3, 1, 2, 0}},
                                                              {{300, 400}, {1, 0}}};
    for (const auto &[shape, permutation] : permutations) {
      Shape result;
      for (int64_t d : permutation) result.push_back(shape[d]);
      add("transpose", {{"permutation", permutation}}, {draw_.normal(shape)}, {empty(result)});
    }
    add("slice", {{"starts", Ints{1, 2}}, {"steps", Ints{1, 3}}}, {draw_.normal({5, 12})}, {empty({4, 4})});
    add("slice", {{"starts", Ints{5, 0}}, {"steps", Ints{1, 1}}}, {draw_.normal({5, 12})}, {empty({0, 12})});
    add("slice", {{"starts", Ints{0, 3, 0}}, {"steps", Ints{1, 1, 1}}}, {draw_.normal({4, 9, 6})}, {empty({4, 1, 6})});
    add("pad", {{"low", Ints{1, 0}}, {"high", Ints{2, 3}}}, {draw_.normal({3, 4})}, {empty({6, 7})});
    add("pad", {{"low", Ints{1}}, {"high", Ints{1}}}, {draw_.normal({0})}, {empty({2})});
    add("concat", {{"dimension", int64_t{1}}, {"segments", Ints{3}}},
        {draw_.normal({2, 3}), draw_.normal({2, 0}), draw_.normal({2, 4})}, {empty({2, 7})});
    add("concat", {{"dimension", int64_t{0}}}, {draw_.integers({2, 3}, 0, 9)}, {empty({2, 3}, DType::kI32)});
    for (int64_t reverse : {0, 1})
      for (const Shape &s : std::vector<Shape>{{5}, {3, 5}, {0, 4}, {4, 0}, {2, 3, 20000}}) {
        add("cumulative_sum", {{"reverse", reverse}}, {draw_.integers(s, -4, 4)}, {empty(s, DType::kI32)});
        add("cumulative_sum", {{"reverse", reverse}}, {draw_.normal(s)}, {empty(s)});
      }
  }

  void indices() {
    for (const auto &[offset, held] : std::vector<std::pair<int64_t, int64_t>>{{0, 11}, {3, 4}, {11, 0}, {0, 1}}) {
      const Attributes where = {{"index_offset", offset}, {"index_size", int64_t{11}}, {"size", int64_t{11}}};
      add("gather", where, {draw_.normal({4, 3, held}), draw_.integers({4, 3}, 0, 11)}, {empty({4, 3})});
      add("gather_gradient", where, {draw_.integers({4, 3}, 0, 11), draw_.normal({4, 3})}, {empty({4, 3, held})});
      const Attributes rows = {{"row_offset", offset}, {"rows", int64_t{11}}, {"padding_index", int64_t{5}}};
      for (int64_t features : {1, 7, 300}) {
        const Tensor ids = draw_.integers({4, 3}, 0, 11);
        add("embedding", rows, {draw_.normal({held, features}), ids}, {empty({4, 3, features})});
        add("embedding_gradient", rows, {ids, draw_.normal({4, 3, features})}, {empty({held, features})});
        add("embedding_gradient", rows, {ids, draw_.normal({4, 3, features}), draw_.normal({held, features})},
            {empty({held, features})});
        const Tensor someIds = draw_.integers({4, 3}, -1, 11);
        const Attributes some = {{"row_offset", offset}, {"rows", int64_t{11}}, {"optional", int64_t{1}}};
        add("embedding", some, {draw_.normal({held, features}), someIds}, {empty({4, 3, features})});
        add("embedding_gradient", some, {someIds, draw_.normal({4, 3, features})}, {empty({held, features})});
      }
    }
  }

  void reductions() {
    const std::vector<std::pair<Shape, Ints>> forms = {{{}, {}},
                                                       {{7}, {0}},
                                                       {{3, 17}, {0}},
                                                       {{3, 17}, {1}},
                                                       {{3, 17}, {0, 1}},
                                                       {{3, 17}, {}},
                                                       {{4, 5, 300}, {0, 1}},
                                                       {{4, 5, 6}, {1}},
                                                       {{4, 5, 6}, {0, 2}},
                                                       {{0, 5}, {0}},
                                                       {{5, 0}, {1}},
                                                       {{1, 9, 1}, {0, 2}},
                                                       {{2, 70000}, {1}},
                                                       {{70001}, {0}},
                                                       {{70, 900}, {0}}};
    for (const auto &[shape, dimensions] : forms) {
      Shape result;
      int64_t count = 2;
      for (size_t d = 0; d < shape.size(); ++d) {
        const bool goes = std::count(dimensions.begin(), dimensions.end(), int64_t(d)) > 0;
        if (goes)
          count *= shape[d];
        else
          result.push_back(shape[d]);
      }
      for (const char *kind : {"sum", "max", "min", "mean"})
        add("reduce", {{"kind", std::string(kind)}, {"dimensions", dimensions}, {"count", count}},
            {draw_.normal(shape)}, {empty(result)}, 1e-5);
    }
    for (const Shape &lead : std::vector<Shape>{{}, {5}, {2, 3}, {0}})
      for (int64_t n : {0, 1, 5, 16, 47, 300}) {
        const Shape s = append(lead, {n});
        add("exp_sum", {}, {draw_.normal(s), draw_.normal(lead)}, {empty(lead)});
        add("softmax", {}, {draw_.normal(s, 3)}, {empty(s)});
        add("softmax_gradient", {}, {draw_.normal(s), draw_.normal(s)}, {empty(s)}, 5e-6);
        add("sum_squares", {}, {draw_.normal(s)}, {empty({})});
      }
    add("sum_squares", {}, {draw_.normal({100003})}, {empty({})});
  }

  void dense() {
    struct Form {
      Shape lead;
      int64_t m, k, n;
      bool sharedRhs;
    };
    const std::vector<Form> forms = {{{}, 1, 1, 1, true},  {{}, 5, 7, 9, true},      {{}, 33, 64, 47, true},
                                     {{3}, 5, 7, 9, true}, {{2, 3}, 4, 5, 6, false}, {{4}, 17, 9, 33, false},
                                     {{}, 4, 0, 3, true},  {{0}, 4, 2, 3, false},    {{}, 0, 3, 4, true},
                                     {{}, 3, 4, 0, true},  {{2}, 65, 40, 130, true}};
    for (const Form &f : forms)
      for (int form = 0; form < 8; ++form) {
        const int64_t transposeLhs = form & 1, transposeRhs = form >> 1 & 1;
        std::vector<Tensor> inputs = {
            draw_.normal(append(f.lead, transposeLhs ? std::initializer_list<int64_t>{f.k, f.m}
                                                     : std::initializer_list<int64_t>{f.m, f.k})),
            draw_.normal(append(f.sharedRhs ? Shape{} : f.lead, transposeRhs
                                                                    ? std::initializer_list<int64_t>{f.n, f.k}
                                                                    : std::initializer_list<int64_t>{f.k, f.n}))};
        if (form & 4) inputs.push_back(draw_.normal({f.n}));
        add("matmul",
            {{"transpose_lhs", transposeLhs}, {"transpose_rhs", transposeRhs}, {"segments", Ints{1, 1, form >> 2 & 1}}},
            inputs, {empty(append(f.lead, {f.m, f.n}))}, 1e-5);
      }
    for (const Shape &lead : std::vector<Shape>{{}, {1}, {0}, {5}, {3, 7}, {2, 3, 4}})
      for (const auto &[m, n] : std::vector<std::pair<int64_t, int64_t>>{{1, 1}, {5, 9}, {33, 70}, {0, 4}})
        for (const bool accumulates : {false, true}) {
          std::vector<Tensor> inputs = {draw_.normal(append(lead, {m})), draw_.normal(append(lead, {n}))};
          if (accumulates) inputs.push_back(draw_.normal({m, n}));
          add("outer", {}, inputs, {empty({m, n})}, 1e-5);
        }
  }

  // Strides, padding and dilation of rows and columns; sizes of the image and of windows.
  struct WindowForm {
    Ints strides, padding, dilation, image, window;

    Attributes attributes() const { return {{"strides", strides}, {"padding", padding}, {"dilation", dilation}}; }
    int64_t count(size_t axis) const {
      return (image[axis] + 2 * padding[axis] - dilation[axis] * (window[axis] - 1) - 1) / strides[axis] + 1;
    }
  };

  void images() {
    const std::vector<WindowForm> forms = {{{1, 1}, {0, 0}, {1, 1}, {5, 6}, {1, 1}},
                                           {{1, 1}, {1, 1}, {1, 1}, {6, 5}, {3, 3}},
                                           {{2, 3}, {2, 0}, {1, 2}, {9, 8}, {5, 2}},
                                           {{2, 2}, {1, 1}, {2, 1}, {7, 19}, {3, 3}},
                                           {{4, 4}, {0, 0}, {1, 1}, {8, 9}, {4, 4}}};
    for (const WindowForm &form : forms) {
      for (const auto &[batch, groups, in, out] : std::vector<std::array<int64_t, 4>>{
               {2, 1, 3, 4}, {1, 2, 3, 2}, {3, 5, 1, 1}, {2, 1, 0, 3}, {2, 1, 2, 0}, {0, 1, 2, 2}, {17, 1, 16, 33}})
        convolutions(form, batch, groups, in, out);
      for (const auto &[batch, channels] : std::vector<std::pair<int64_t, int64_t>>{{2, 3}, {1, 1}, {0, 2}})
        pools(form, batch, channels);
    }
  }

  void convolutions(const WindowForm &form, int64_t batch, int64_t groups, int64_t in, int64_t out) {
    const Shape image = {batch, groups * in, form.image[0], form.image[1]};
    const Shape weight = {groups * out, in, form.window[0], form.window[1]};
    const Shape result = {batch, groups * out, form.count(0), form.count(1)};
    add("convolution", form.attributes(), {draw_.normal(image), draw_.normal(weight)}, {empty(result)}, 1e-5);
    add("convolution", form.attributes(), {draw_.normal(image), draw_.normal(weight), draw_.normal({groups * out})},
        {empty(result)}, 1e-5);
    add("convolution_input_gradient", form.attributes(), {draw_.normal(result), draw_.normal(weight)}, {empty(image)},
        1e-5);
    add("convolution_weight_gradient", form.attributes(), {draw_.normal(image), draw_.normal(result)}, {empty(weight)},
        1e-5);
  }

  void pools(const WindowForm &form, int64_t batch, int64_t channels) {
    const Shape image = {batch, channels, form.image[0], form.image[1]};
    const Shape result = {batch, channels, form.count(0), form.count(1)};
    Attributes attributes = form.attributes();
    attributes.set("window", form.window);
    // Small integers tie.
    const Tensor x = draw_.integers(image, 0, 4).as(DType::kF32), dy = draw_.normal(result);
    Case largest = add("max_pool", attributes, {x}, {empty(result)});
    (void)call(referenceRegistry(), largest);
    add("max_pool_gradient", attributes, {x, largest.outputs[0], dy}, {empty(image)});
    add("average_pool", attributes, {x}, {empty(result)});
    add("average_pool_gradient", attributes, {dy}, {empty(image)});
  }

  void norms() {
    for (const Shape &lead : std::vector<Shape>{{}, {1}, {0}, {37}, {3, 50}})
      for (int64_t c : {1, 5, 16, 100, 771}) {
        const Shape s = append(lead, {c});
        const Attributes epsilon = {{"epsilon", 1e-3}};
        const double tolerance = 2e-5;
        const Tensor x = draw_.normal(s, 2, 1), gamma = draw_.normal({c}), dy = draw_.normal(s);
        add("layer_norm", epsilon, {x, gamma, draw_.normal({c})}, {empty(s), empty(lead), empty(lead)}, tolerance);
        add("layer_norm_gradient", {}, {dy, x, gamma, draw_.normal(lead), draw_.normal(lead, 0.1, 1)},
            {empty(s), empty({c}), empty({c})}, c == 1 ? 1e-4 : tolerance);  // of one feature all cancels
        add("rms_norm", epsilon, {x, gamma}, {empty(s), empty(lead)}, tolerance);
        add("rms_norm_gradient", {}, {dy, x, gamma, draw_.normal(lead, 0.1, 1)}, {empty(s), empty({c})}, tolerance);
      }
  }

  void loss() {
    for (const Shape &lead : std::vector<Shape>{{}, {5}, {2, 3}, {0}})
      for (int64_t v : {1, 5, 47, 300}) {
        const Shape s = append(lead, {v});
        Tensor labels = draw_.integers(lead, 0, v);
        if (labels.size() > 2) labels.set(1, -100);
        add("cross_entropy", {{"ignore_index", int64_t{-100}}}, {draw_.normal(s, 3), labels},
            {empty({}), empty({}), empty(lead)}, 1e-5);
        for (const auto &[offset, size] : std::vector<std::pair<int64_t, int64_t>>{{0, v}, {2, v + 4}}) {
          Tensor global = draw_.integers(lead, 0, size);
          if (global.size() > 2) global.set(1, -100);
          add("cross_entropy_gradient",
              {{"ignore_index", int64_t{-100}}, {"index_offset", offset}, {"index_size", size}},
              {draw_.normal(s), global, draw_.normal(lead, 0.3, 3), draw_.scalar(0.125)}, {empty(s)}, 1e-5);
        }
      }
  }

  void optimizer() {
    for (double norm : {0.0, 0.5, 4.0}) add("clip_scale", {{"max_norm", 1.0}}, {draw_.scalar(norm)}, {empty({})});
    for (const Shape &s : std::vector<Shape>{{}, {0}, {5}, {3, 17}, {70001}})
      for (double active : {0.0, 1.0}) {
        const Tensor isActive = Tensor::of(DType::kBool, {}, {active});
        Tensor v = draw_.normal(s, 0.1);
        for (int64_t i = 0; i < v.size(); ++i) v.set(i, v.get(i) * v.get(i));
        add("adamw", {{"beta1", 0.9}, {"beta2", 0.95}, {"epsilon", 1e-6}, {"weight_decay", 0.1}, {"lr_factor", 0.5}},
            {draw_.normal(s), draw_.normal(s, 0.1), draw_.normal(s, 0.1), v, draw_.scalar(0.01), draw_.scalar(0.7),
             draw_.scalar(3), isActive},
            {empty(s), empty(s), empty(s)}, 1e-5);
        const Attributes sgd = {{"momentum", 0.9}, {"weight_decay", 0.1}, {"lr_factor", 0.5}};
        add("sgd", sgd,
            {draw_.normal(s), draw_.normal(s), draw_.normal(s), draw_.scalar(0.1), draw_.scalar(0.7), isActive},
            {empty(s), empty(s)}, 3e-5);
        Attributes plain = sgd;
        plain.set("momentum", 0.0);
        plain.set("segments", Ints{1, 1, 0, 1, 1, 1});
        add("sgd", plain, {draw_.normal(s), draw_.normal(s), draw_.scalar(0.1), draw_.scalar(0.7), isActive},
            {empty(s)}, 3e-5);
      }
  }

  // Shapes [b, s, h, d] of queries and [b, t, g, d] of keys, here a shard of a whole.
  struct Attend {
    int64_t b, s, h, d, t, g;
    int64_t group, headOffset, kvHeadOffset, wholeHeads, queryOffset, wholeQueries;
  };

  void attention(bool isGradient) {
    const std::vector<Attend> forms = {{2, 7, 3, 4, 7, 3, 1, 0, 0, 3, 0, 7}, {1, 70, 2, 16, 70, 2, 1, 0, 0, 2, 0, 70},
                                       {2, 5, 4, 3, 9, 2, 2, 0, 0, 4, 0, 5}, {2, 3, 2, 8, 9, 2, 3, 2, 0, 6, 4, 9},
                                       {1, 4, 3, 5, 6, 2, 2, 3, 1, 8, 2, 6}, {2, 0, 2, 4, 3, 2, 1, 0, 0, 2, 1, 3},
                                       {1, 4, 0, 4, 4, 0, 1, 2, 2, 2, 0, 4}, {1, 1, 1, 1, 1, 1, 1, 0, 0, 1, 0, 1}};
    for (const Attend &f : forms)
      for (int options = 0; options < 64; ++options) addAttention(isGradient, f, options);
  }

  // Options by bit: causal, window, bias, key mask, segments, dropout.
  void addAttention(bool isGradient, const Attend &f, int options) {
    auto has = [&](int bit) { return int64_t{options >> bit & 1}; };
    const Shape q = {f.b, f.s, f.h, f.d}, k = {f.b, f.t, f.g, f.d}, bias = {f.h, f.s, f.t}, lse = {f.b, f.h, f.s};
    std::vector<Tensor> inputs = {draw_.normal(q), draw_.normal(k), draw_.normal(k)};
    std::vector<Tensor> outputs = {empty(q), empty(lse)};
    Ints segments = {1, 1, 1};
    if (isGradient) {
      inputs.insert(inputs.end(), {draw_.normal(q), draw_.normal(lse, 0.3, 3), draw_.normal(q)});
      outputs = {empty(q), empty(k), empty(k)};
      if (has(2)) outputs.push_back(empty(bias));
      segments.insert(segments.end(), {1, 1, 1});
    }
    segments.insert(segments.end(), {has(2), has(3), has(4), has(4), has(5)});
    if (has(2)) inputs.push_back(draw_.normal(bias));
    if (has(3)) inputs.push_back(draw_.integers({f.b, f.t}, 0, 2));
    if (has(4)) inputs.push_back(draw_.integers({f.b, f.s}, 0, 2));
    if (has(4)) inputs.push_back(draw_.integers({f.b, f.t}, 0, 2));
    if (has(5)) inputs.push_back(draw_.key());
    add(isGradient ? "attention_gradient" : "attention",
        {{"segments", segments},
         {"causal", has(0)},
         {"window", 3 * has(1)},
         {"scale", 0.4},
         {"dropout_rate", 0.25 * has(5)},
         {"id", int64_t{9}},
         {"element_offset", int64_t{2}},
         {"batch_offset", int64_t{1}},
         {"query_offset", f.queryOffset},
         {"head_offset", f.headOffset},
         {"group", f.group},
         {"kv_head_offset", f.kvHeadOffset},
         {"global_shape", Ints{f.b + 1, f.wholeHeads, f.wholeQueries, f.t}}},
        inputs, outputs, 1e-5);
  }

  void rotary() {
    for (const char *layout : {"halves", "pairs"})
      for (int64_t inverse : {0, 1})
        for (int64_t heads : {0, 1, 3})
          add("rotary",
              {{"layout", std::string(layout)},
               {"inverse", inverse},
               {"factor", 1.1},
               {"frequencies", std::vector<double>{1, 0.3, 0.01}}},
              {draw_.normal({2, 5, heads, 7}), draw_.integers({2, 5}, 0, 900)}, {empty({2, 5, heads, 7})});
  }

  Draw draw_;
  std::vector<Case> cases_;
};

}  // namespace

Tensor Draw::normal(Shape shape, double deviation, double mean) {
  Tensor tensor(DType::kF32, std::move(shape));
  std::normal_distribution<double> distribution(mean, deviation);
  for (int64_t i = 0; i < tensor.size(); ++i) tensor.set(i, distribution(random_));
  return tensor;
}

Tensor Draw::integers(Shape shape, int64_t low, int64_t end) {
  Tensor tensor(DType::kI32, std::move(shape));
  std::uniform_int_distribution<int64_t> distribution(low, end - 1);
  for (int64_t i = 0; i < tensor.size(); ++i) tensor.set(i, double(distribution(random_)));
  return tensor;
}

Tensor Draw::bools(Shape shape) {
  Tensor tensor(DType::kBool, std::move(shape));
  for (int64_t i = 0; i < tensor.size(); ++i) tensor.set(i, random_() % 2);
  return tensor;
}

Tensor Draw::key() { return integers({4}, 0, int64_t{1} << 31); }

Tensor empty(Shape shape, DType dtype) { return Tensor(dtype, std::move(shape)); }

std::vector<Case> allCases(uint64_t seed) { return Cases(seed).all(); }

}  // namespace cleave::testing
