// Gradient kernels against finite differences of the forward kernels, in f64.

#include <gtest/gtest.h>

#include <cmath>

#include "tests/kernels/cases.h"

namespace cleave::testing {
namespace {

using Ints = std::vector<int64_t>;

class Gradients : public ::testing::Test {
 protected:
  // d(sum of weights * outputs[output]) / d inputs[input][i], by central differences.
  double slope(Case forward, size_t output, const Tensor &weights, size_t input, int64_t i) {
    double sums[2];
    const double before = forward.inputs[input].get(i), step = 1e-5;
    for (int side : {0, 1}) {
      forward.inputs[input].set(i, before + (side ? step : -step));
      EXPECT_TRUE(call(reference_, forward).ok()) << call(reference_, forward);
      sums[side] = 0;
      for (int64_t j = 0; j < weights.size(); ++j) sums[side] += weights.get(j) * forward.outputs[output].get(j);
    }
    return (sums[1] - sums[0]) / (2 * step);
  }

  // `gradient.outputs[result]` is the gradient of `forward.inputs[input]`, where weights stand for the gradient of its
  // first output.
  void expectGradient(const Case &forward, const Tensor &weights, size_t input, Case &gradient, size_t result) {
    ASSERT_TRUE(call(reference_, gradient).ok()) << call(reference_, gradient);
    for (int64_t i = 0; i < forward.inputs[input].size(); ++i)
      EXPECT_NEAR(gradient.outputs[result].get(i), slope(forward, 0, weights, input, i), 2e-7)
          << gradient.kernel << " output " << result << " element " << i << ", seed " << testSeed();
  }

  Tensor normal(Shape shape, double deviation = 1) { return draw_.normal(std::move(shape), deviation).as(DType::kF64); }
  Tensor zeros(Shape shape) { return empty(std::move(shape), DType::kF64); }
  Case run(Case c) {
    EXPECT_TRUE(call(reference_, c).ok()) << call(reference_, c);
    return c;
  }

  Registry reference_ = referenceRegistry();
  Draw draw_{testSeed()};
};

TEST_F(Gradients, OfActivations) {
  for (const auto &[kernel, form] : std::vector<std::pair<std::string, std::string>>{
           {"relu", "none"}, {"silu", "none"}, {"gelu", "none"}, {"gelu", "tanh"}}) {
    const Tensor x = normal({9}, 2), dy = normal({9});
    const Attributes attributes = {{"approximate", form}};
    Case gradient = {kernel + "_gradient", attributes, {x, dy}, {zeros({9})}};
    expectGradient({kernel, attributes, {x}, {zeros({9})}}, dy, 0, gradient, 0);
  }
}

TEST_F(Gradients, OfSoftmax) {
  const Case forward = run({"softmax", {}, {normal({2, 5})}, {zeros({2, 5})}});
  const Tensor dy = normal({2, 5});
  Case gradient = {"softmax_gradient", {}, {forward.outputs[0], dy}, {zeros({2, 5})}};
  expectGradient(forward, dy, 0, gradient, 0);
}

TEST_F(Gradients, OfLayerNorm) {
  const Case forward = run({"layer_norm",
                            {{"epsilon", 1e-3}},
                            {normal({3, 5}), normal({5}), normal({5})},
                            {zeros({3, 5}), zeros({3}), zeros({3})}});
  const Tensor dy = normal({3, 5});
  Case gradient = {"layer_norm_gradient",
                   {},
                   {dy, forward.inputs[0], forward.inputs[1], forward.outputs[1], forward.outputs[2]},
                   {zeros({3, 5}), zeros({5}), zeros({5})}};
  for (size_t input : {0, 1, 2}) expectGradient(forward, dy, input, gradient, input);
}

TEST_F(Gradients, OfRmsNorm) {
  const Case forward =
      run({"rms_norm", {{"epsilon", 1e-3}}, {normal({3, 5}), normal({5})}, {zeros({3, 5}), zeros({3})}});
  const Tensor dy = normal({3, 5});
  Case gradient = {"rms_norm_gradient",
                   {},
                   {dy, forward.inputs[0], forward.inputs[1], forward.outputs[1]},
                   {zeros({3, 5}), zeros({5})}};
  for (size_t input : {0, 1}) expectGradient(forward, dy, input, gradient, input);
}

TEST_F(Gradients, OfCrossEntropy) {
  const Tensor labels = Tensor::of(DType::kI32, {3}, {4, -100, 0}), dloss = Tensor::of(DType::kF64, {}, {0.7});
  const Case forward = run({"cross_entropy", {}, {normal({3, 5}), labels}, {zeros({}), zeros({}), zeros({3})}});
  Case gradient = {"cross_entropy_gradient",
                   {{"index_offset", int64_t{0}}, {"index_size", int64_t{5}}},
                   {forward.inputs[0], labels, forward.outputs[2], dloss},
                   {zeros({3, 5})}};
  expectGradient(forward, dloss, 0, gradient, 0);
}

TEST_F(Gradients, OfRotary) {
  for (const char *layout : {"halves", "pairs"}) {
    Attributes attributes = {
        {"layout", std::string(layout)}, {"frequencies", std::vector<double>{1, 0.1}}, {"factor", 1.3}};
    const Tensor x = normal({1, 2, 2, 5}), dy = normal({1, 2, 2, 5}), positions = draw_.integers({1, 2}, 0, 50);
    Attributes inverse = attributes;
    inverse.set("inverse", int64_t{1});
    Case gradient = {"rotary", inverse, {dy, positions}, {zeros({1, 2, 2, 5})}};
    expectGradient({"rotary", attributes, {x, positions}, {zeros({1, 2, 2, 5})}}, dy, 0, gradient, 0);
  }
}

TEST_F(Gradients, OfEmbeddingAndGather) {
  const Tensor ids = Tensor::of(DType::kI32, {3}, {1, 3, 1}), dy = normal({3, 2});
  const Attributes rows = {{"rows", int64_t{4}}, {"row_offset", int64_t{0}}};
  Case gradient = {"embedding_gradient", rows, {ids, dy}, {zeros({4, 2})}};
  expectGradient({"embedding", rows, {normal({4, 2}), ids}, {zeros({3, 2})}}, dy, 0, gradient, 0);
  const Attributes columns = {{"index_offset", int64_t{0}}, {"index_size", int64_t{4}}};
  const Tensor each = normal({3});
  Case scatter = {"gather_gradient", columns, {ids, each}, {zeros({3, 4})}};
  expectGradient({"gather", columns, {normal({3, 4}), ids}, {zeros({3})}}, each, 0, scatter, 0);
}

TEST_F(Gradients, OfMatmulAreOuterProductAndTransposedMatmul) {
  const Tensor x = normal({2, 3, 4}), w = normal({4, 5}), dy = normal({2, 3, 5});
  const Case forward = {"matmul", {}, {x, w}, {zeros({2, 3, 5})}};
  Case dw = {"outer", {}, {x, dy}, {zeros({4, 5})}};
  expectGradient(forward, dy, 1, dw, 0);
  Case dx = {"matmul", {{"transpose_rhs", int64_t{1}}}, {dy, w}, {zeros({2, 3, 4})}};
  expectGradient(forward, dy, 0, dx, 0);
}

TEST_F(Gradients, OfConvolution) {
  const Attributes steps = {{"strides", std::vector<int64_t>{2, 1}},
                            {"padding", std::vector<int64_t>{1, 0}},
                            {"dilation", std::vector<int64_t>{1, 2}}};
  const Tensor x = normal({2, 4, 5, 6}), w = normal({6, 2, 3, 2}), bias = normal({6}), dy = normal({2, 6, 3, 4});
  const Case forward = {"convolution", steps, {x, w, bias}, {zeros({2, 6, 3, 4})}};
  Case dx = {"convolution_input_gradient", steps, {dy, w}, {zeros({2, 4, 5, 6})}};
  expectGradient(forward, dy, 0, dx, 0);
  Case dw = {"convolution_weight_gradient", steps, {x, dy}, {zeros({6, 2, 3, 2})}};
  expectGradient(forward, dy, 1, dw, 0);
}

TEST_F(Gradients, OfPooling) {
  const Attributes steps = {{"strides", std::vector<int64_t>{2, 1}},
                            {"padding", std::vector<int64_t>{1, 1}},
                            {"dilation", std::vector<int64_t>{1, 1}},
                            {"window", std::vector<int64_t>{3, 2}}};
  const Tensor x = normal({2, 2, 5, 4}), dy = normal({2, 2, 3, 5});
  const Case largest = run({"max_pool", steps, {x}, {zeros({2, 2, 3, 5})}});
  Case dx = {"max_pool_gradient", steps, {x, largest.outputs[0], dy}, {zeros({2, 2, 5, 4})}};
  expectGradient(largest, dy, 0, dx, 0);
  Case spread = {"average_pool_gradient", steps, {dy}, {zeros({2, 2, 5, 4})}};
  expectGradient({"average_pool", steps, {x}, {zeros({2, 2, 3, 5})}}, dy, 0, spread, 0);
}

// Every combination of causal, window, bias, key mask, segments and dropout; grouped heads, a shard of both heads and
// queries.
TEST_F(Gradients, OfAttention) {
  const Shape q = {2, 3, 2, 3}, k = {2, 4, 2, 3}, lse = {2, 2, 3}, bias = {2, 3, 4};
  for (int64_t options = 0; options < 64; ++options) {
    auto has = [&](int bit) { return options >> bit & 1; };
    std::vector<Tensor> optionals;
    if (has(2)) optionals.push_back(normal(bias));
    if (has(3)) optionals.push_back(draw_.integers({2, 4}, 0, 2));
    if (has(4)) optionals.push_back(draw_.integers({2, 3}, 0, 2));
    if (has(4)) optionals.push_back(draw_.integers({2, 4}, 0, 2));
    if (has(5)) optionals.push_back(draw_.key());
    Attributes attributes = {{"causal", has(0)},
                             {"window", 3 * has(1)},
                             {"scale", 0.6},
                             {"dropout_rate", 0.3 * double(has(5))},
                             {"id", int64_t{4}},
                             {"global_shape", Ints{2, 6, 4, 4}},
                             {"batch_offset", int64_t{0}},
                             {"query_offset", int64_t{1}},
                             {"head_offset", int64_t{3}},
                             {"group", int64_t{2}},
                             {"kv_head_offset", int64_t{1}}};
    const Ints present = {has(2), has(3), has(4), has(4), has(5)};
    auto segments = [&](size_t required) {
      Ints all(required, 1);
      all.insert(all.end(), present.begin(), present.end());
      return all;
    };
    Case forward = {"attention", attributes, {normal(q), normal(k), normal(k)}, {zeros(q), zeros(lse)}};
    forward.attributes.set("segments", segments(3));
    forward.inputs.insert(forward.inputs.end(), optionals.begin(), optionals.end());
    forward = run(forward);
    const Tensor dout = normal(q);
    Case gradient = {
        "attention_gradient",
        attributes,
        {forward.inputs[0], forward.inputs[1], forward.inputs[2], forward.outputs[0], forward.outputs[1], dout},
        {zeros(q), zeros(k), zeros(k)}};
    gradient.attributes.set("segments", segments(6));
    gradient.inputs.insert(gradient.inputs.end(), optionals.begin(), optionals.end());
    if (has(2)) gradient.outputs.push_back(zeros(bias));
    for (size_t input = 0; input < gradient.outputs.size(); ++input)
      expectGradient(forward, dout, input, gradient, input);
  }
}

}  // namespace
}  // namespace cleave::testing
