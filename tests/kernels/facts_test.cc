// Reference kernels against numbers worked out by hand.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "kernels/api/random.h"
#include "tests/kernels/cases.h"

namespace cleave::testing {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::Pointwise;
using Ints = std::vector<int64_t>;
using Doubles = std::vector<double>;

constexpr DType kF64 = DType::kF64, kI32 = DType::kI32;

Tensor t(Shape shape, const Doubles &values, DType dtype = kF64) { return Tensor::of(dtype, std::move(shape), values); }

// The outputs of a call that must succeed.
std::vector<Doubles> outputsOf(const std::string &kernel, Attributes attributes, std::vector<Tensor> inputs,
                               std::vector<Tensor> outputs) {
  Case c = {kernel, std::move(attributes), std::move(inputs), std::move(outputs)};
  const absl::Status status = call(referenceRegistry(), c);
  EXPECT_TRUE(status.ok()) << kernel << ": " << status;
  std::vector<Doubles> values;
  for (const Tensor &output : c.outputs) values.push_back(output.values());
  return values;
}

Doubles valuesOf(const std::string &kernel, Attributes attributes, std::vector<Tensor> inputs, Tensor output) {
  return outputsOf(kernel, std::move(attributes), std::move(inputs), {std::move(output)})[0];
}

Doubles unaryOf(const std::string &kernel, const Doubles &x, Attributes attributes = {}) {
  return valuesOf(kernel, std::move(attributes), {t({int64_t(x.size())}, x)}, empty({int64_t(x.size())}, kF64));
}

Doubles binaryOf(const std::string &kernel, const Doubles &a, const Doubles &b, DType dtype = kF64) {
  const Shape shape = {int64_t(a.size())};
  return valuesOf(kernel, {}, {t(shape, a, dtype), t(shape, b, dtype)}, empty(shape, dtype));
}

auto near(const Doubles &expected, double tolerance = 1e-9) { return Pointwise(DoubleNear(tolerance), expected); }

TEST(Arithmetic, AddsSubtractsMultipliesDivides) {
  EXPECT_THAT(binaryOf("add", {1, 2}, {10, 20}), ElementsAre(11, 22));
  EXPECT_THAT(binaryOf("sub", {1, 2}, {10, 20}), ElementsAre(-9, -18));
  EXPECT_THAT(binaryOf("mul", {3, 2}, {10, 20}), ElementsAre(30, 40));
  EXPECT_THAT(binaryOf("div", {1, 5}, {4, -2}), ElementsAre(0.25, -2.5));
  EXPECT_THAT(binaryOf("pow", {2, 9}, {10, 0.5}), ElementsAre(1024, 3));
  EXPECT_THAT(binaryOf("maximum", {2, 9}, {10, 0.5}), ElementsAre(10, 9));
  EXPECT_THAT(binaryOf("minimum", {2, 9}, {10, 0.5}), ElementsAre(2, 0.5));
}

TEST(Arithmetic, WrapsIntegersAround) {
  EXPECT_THAT(binaryOf("add", {2147483647}, {1}, kI32), ElementsAre(-2147483648.0));
  EXPECT_THAT(binaryOf("mul", {65536}, {65536}, kI32), ElementsAre(0));
}

TEST(Arithmetic, ComparesAndSelects) {
  const Tensor a = t({3}, {1, 2, 3}), b = t({3}, {2, 2, 2});
  const std::vector<std::pair<const char *, Doubles>> expected = {
      {"eq", {0, 1, 0}}, {"ne", {1, 0, 1}}, {"lt", {1, 0, 0}}, {"le", {1, 1, 0}}, {"gt", {0, 0, 1}}, {"ge", {0, 1, 1}}};
  for (const auto &[direction, result] : expected)
    EXPECT_EQ(valuesOf("compare", {{"direction", std::string(direction)}}, {a, b}, empty({3}, DType::kBool)), result)
        << direction;
  EXPECT_THAT(valuesOf("select", {}, {t({3}, {1, 0, 1}, DType::kBool), a, b}, empty({3}, kF64)), ElementsAre(1, 2, 3));
  EXPECT_THAT(valuesOf("logical_and", {}, {t({3}, {1, 0, 1}, DType::kBool), t({3}, {1, 1, 0}, DType::kBool)},
                       empty({3}, DType::kBool)),
              ElementsAre(1, 0, 0));
  EXPECT_THAT(valuesOf("logical_or", {}, {t({2}, {0, 0}, DType::kBool), t({2}, {1, 0}, DType::kBool)},
                       empty({2}, DType::kBool)),
              ElementsAre(1, 0));
  EXPECT_THAT(valuesOf("logical_not", {}, {t({2}, {0, 1}, DType::kBool)}, empty({2}, DType::kBool)), ElementsAre(1, 0));
}

TEST(Arithmetic, ConvertsByTruncationWithinRange) {
  EXPECT_THAT(valuesOf("convert", {}, {t({5}, {1.9, -1.9, 1e20, -1e20, NAN})}, empty({5}, kI32)),
              ElementsAre(1, -1, 2147483647, -2147483648.0, 0));
  EXPECT_THAT(valuesOf("convert", {}, {t({2}, {0.5, 0})}, empty({2}, DType::kBool)), ElementsAre(1, 0));
}

TEST(Activations, FollowTheirDefinitions) {
  EXPECT_THAT(unaryOf("sigmoid", {0, 2}), near({0.5, 0.8807970779778823}));
  EXPECT_THAT(unaryOf("silu", {0, 2}), near({0, 1.7615941559557646}));
  EXPECT_THAT(unaryOf("gelu", {-1, 0, 2}, {{"approximate", std::string("none")}}),
              near({-0.15865525393145707, 0, 1.9544997361036416}));
  EXPECT_THAT(unaryOf("gelu", {-1, 0, 2}, {{"approximate", std::string("tanh")}}),
              near({-0.15880800939172324, 0, 1.954597694087775}));
  EXPECT_THAT(unaryOf("relu", {-1, 0, 2}), ElementsAre(0, 0, 2));
  EXPECT_THAT(unaryOf("rsqrt", {4, 0.25}), ElementsAre(0.5, 2));
}

TEST(Shapes, MoveElementsWhereTheyBelong) {
  const Tensor x = t({2, 3}, {1, 2, 3, 4, 5, 6});
  EXPECT_THAT(valuesOf("transpose", {{"permutation", Ints{1, 0}}}, {x}, empty({3, 2}, kF64)),
              ElementsAre(1, 4, 2, 5, 3, 6));
  EXPECT_THAT(valuesOf("slice", {{"starts", Ints{1, 0}}, {"steps", Ints{1, 2}}}, {x}, empty({1, 2}, kF64)),
              ElementsAre(4, 6));
  EXPECT_THAT(valuesOf("pad", {{"low", Ints{0, 1}}, {"high", Ints{1, 0}}}, {t({1, 2}, {7, 8})}, empty({2, 3}, kF64)),
              ElementsAre(0, 7, 8, 0, 0, 0));
  EXPECT_THAT(valuesOf("broadcast", {{"dimensions", Ints{1}}}, {t({2}, {7, 8})}, empty({2, 2}, kF64)),
              ElementsAre(7, 8, 7, 8));
  EXPECT_THAT(valuesOf("concat", {{"dimension", int64_t{1}}}, {t({2, 1}, {1, 2}), t({2, 2}, {3, 4, 5, 6})},
                       empty({2, 3}, kF64)),
              ElementsAre(1, 3, 4, 2, 5, 6));
  EXPECT_THAT(valuesOf("copy", {}, {x}, empty({3, 2}, kF64)), ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_THAT(valuesOf("iota", {{"dimension", int64_t{1}}, {"start", int64_t{5}}}, {}, empty({2, 2}, kI32)),
              ElementsAre(5, 6, 5, 6));
  EXPECT_THAT(valuesOf("cumulative_sum", {{"reverse", int64_t{1}}}, {x}, empty({2, 3}, kF64)),
              ElementsAre(6, 5, 3, 15, 11, 6));
  EXPECT_THAT(
      valuesOf("keep", {{"keep", int64_t{0}}, {"combiner", std::string("max")}}, {t({1}, {3})}, empty({1}, kF64)),
      ElementsAre(-HUGE_VAL));
}

TEST(Indices, ReachOnlyThisShardsRows) {
  const Tensor ids = t({3}, {0, 2, 3}, kI32);
  EXPECT_THAT(valuesOf("embedding", {{"row_offset", int64_t{2}}, {"rows", int64_t{4}}}, {t({2, 2}, {1, 2, 3, 4}), ids},
                       empty({3, 2}, kF64)),
              ElementsAre(0, 0, 1, 2, 3, 4));
  EXPECT_THAT(
      valuesOf("embedding_gradient", {{"row_offset", int64_t{0}}, {"rows", int64_t{4}}, {"padding_index", int64_t{3}}},
               {t({3}, {1, 1, 3}, kI32), t({3, 1}, {10, 20, 40})}, empty({4, 1}, kF64)),
      ElementsAre(0, 30, 0, 0));
  const Attributes optional = {{"row_offset", int64_t{0}}, {"rows", int64_t{2}}, {"optional", int64_t{1}}};
  const Tensor none = t({2}, {-1, 1}, kI32);
  EXPECT_THAT(valuesOf("embedding", optional, {t({2, 1}, {3, 4}), none}, empty({2, 1}, kF64)), ElementsAre(0, 4));
  EXPECT_THAT(valuesOf("embedding_gradient", optional, {none, t({2, 1}, {10, 20})}, empty({2, 1}, kF64)),
              ElementsAre(0, 20));
  EXPECT_THAT(valuesOf("gather", {{"index_offset", int64_t{2}}, {"index_size", int64_t{4}}},
                       {t({3, 2}, {1, 2, 3, 4, 5, 6}), ids}, empty({3}, kF64)),
              ElementsAre(0, 3, 6));
}

TEST(Reductions, GiveTheIdentityOfWhatIsEmpty) {
  const Tensor none = empty({0, 2}, kF64);
  auto reduce = [&](const char *kind) {
    return valuesOf("reduce", {{"kind", std::string(kind)}, {"dimensions", Ints{0}}, {"count", int64_t{4}}}, {none},
                    empty({2}, kF64));
  };
  EXPECT_THAT(reduce("sum"), ElementsAre(0, 0));
  EXPECT_THAT(reduce("mean"), ElementsAre(0, 0));
  EXPECT_THAT(reduce("max"), ElementsAre(-HUGE_VAL, -HUGE_VAL));
  EXPECT_THAT(reduce("min"), ElementsAre(HUGE_VAL, HUGE_VAL));
}

TEST(Reductions, DivideAMeanByTheGlobalCount) {
  EXPECT_THAT(valuesOf("reduce", {{"kind", std::string("mean")}, {"dimensions", Ints{0, 1}}, {"count", int64_t{8}}},
                       {t({2, 2}, {1, 2, 3, 10})}, empty({}, kF64)),
              ElementsAre(2));
}

TEST(Reductions, SoftmaxSumsToOneEvenOfLargeNumbers) {
  EXPECT_THAT(valuesOf("softmax", {}, {t({2}, {1000, 1000 + std::log(3)})}, empty({2}, kF64)), near({0.25, 0.75}));
  EXPECT_THAT(valuesOf("exp_sum", {}, {t({2}, {1, 1}), t({}, {1})}, empty({}, kF64)), ElementsAre(2));
  EXPECT_THAT(valuesOf("sum_squares", {}, {t({3}, {1, 2, 3})}, empty({}, kF64)), ElementsAre(14));
}

TEST(Products, MultiplyInEveryForm) {
  const Doubles a = {1, 2, 3, 4, 5, 6}, aT = {1, 4, 2, 5, 3, 6}, b = {1, 0, 2, 1, 0, 1}, bT = {1, 2, 0, 0, 1, 1};
  for (int64_t lhs : {0, 1})
    for (int64_t rhs : {0, 1})
      EXPECT_THAT(valuesOf("matmul", {{"transpose_lhs", lhs}, {"transpose_rhs", rhs}},
                           {lhs ? t({3, 2}, aT) : t({2, 3}, a), rhs ? t({2, 3}, bT) : t({3, 2}, b), t({2}, {100, 200})},
                           empty({2, 2}, kF64)),
                  ElementsAre(105, 205, 114, 211));
  EXPECT_THAT(valuesOf("outer", {}, {t({2, 2}, {1, 2, 3, 4}), t({2, 1}, {10, 100})}, empty({2, 1}, kF64)),
              ElementsAre(310, 420));
}

TEST(Norms, NormalizeEachRow) {
  const auto layer = outputsOf("layer_norm", {{"epsilon", 0.0}}, {t({2}, {1, 3}), t({2}, {2, 2}), t({2}, {10, 20})},
                               {empty({2}, kF64), empty({}, kF64), empty({}, kF64)});
  EXPECT_THAT(layer[0], ElementsAre(8, 22));
  EXPECT_THAT(layer[1], ElementsAre(2));
  EXPECT_THAT(layer[2], ElementsAre(1));
  const auto rms =
      outputsOf("rms_norm", {{"epsilon", 0.0}}, {t({2}, {1, 7}), t({2}, {1, 10})}, {empty({2}, kF64), empty({}, kF64)});
  EXPECT_THAT(rms[0], near({0.2, 14}));
}

Attributes attentionAttributes(bool causal, int64_t s, int64_t t) {
  return {{"causal", int64_t{causal}},
          {"scale", 1.0},
          {"global_shape", Ints{1, 1, s, t}},
          {"batch_offset", int64_t{0}},
          {"query_offset", int64_t{0}},
          {"head_offset", int64_t{0}},
          {"group", int64_t{1}},
          {"kv_head_offset", int64_t{0}}};
}

TEST(Attention, LetsAQuerySeeOnlyEarlierKeysWhenCausal) {
  const Tensor q = t({1, 2, 1, 1}, {0, 0}), v = t({1, 2, 1, 1}, {10, 20});
  const auto out = outputsOf("attention", attentionAttributes(true, 2, 2), {q, q, v},
                             {empty({1, 2, 1, 1}, kF64), empty({1, 1, 2}, kF64)});
  EXPECT_THAT(out[0], ElementsAre(10, 15));
  EXPECT_THAT(out[1], near({0, std::log(2)}));
}

TEST(Attention, GivesZeroToAQueryThatSeesNothing) {
  Attributes attributes = attentionAttributes(false, 1, 2);
  attributes.set("segments", Ints{1, 1, 1, 0, 1, 0, 0, 0});
  const auto out =
      outputsOf("attention", attributes,
                {t({1, 1, 1, 1}, {3}), t({1, 2, 1, 1}, {1, 2}), t({1, 2, 1, 1}, {5, 6}), t({1, 2}, {0, 0}, kI32)},
                {empty({1, 1, 1, 1}, kF64), empty({1, 1, 1}, kF64)});
  EXPECT_THAT(out[0], ElementsAre(0));
  EXPECT_THAT(out[1], ElementsAre(-HUGE_VAL));
}

TEST(Attention, AlignsTheLastQueryWithTheLastKey) {
  const auto out = outputsOf("attention", attentionAttributes(true, 1, 3),
                             {t({1, 1, 1, 1}, {0}), t({1, 3, 1, 1}, {0, 0, 0}), t({1, 3, 1, 1}, {1, 2, 6})},
                             {empty({1, 1, 1, 1}, kF64), empty({1, 1, 1}, kF64)});
  EXPECT_THAT(out[0], near({3}));
}

TEST(Rotary, TurnsPairsByTheirAngle) {
  const double quarter = std::acos(-1.0) / 2;
  auto rotate = [&](const char *layout, int64_t inverse) {
    return valuesOf(
        "rotary",
        {{"layout", std::string(layout)}, {"frequencies", Doubles{quarter, 0}}, {"factor", 1.0}, {"inverse", inverse}},
        {t({1, 1, 1, 5}, {1, 2, 3, 4, 5}), t({1, 1}, {1}, kI32)}, empty({1, 1, 1, 5}, kF64));
  };
  EXPECT_THAT(rotate("halves", 0), near({-3, 2, 1, 4, 5}));
  EXPECT_THAT(rotate("pairs", 0), near({-2, 1, 3, 4, 5}));
  EXPECT_THAT(rotate("pairs", 1), near({2, -1, 3, 4, 5}));
}

TEST(Loss, CountsOnlyLabelsThatAreNotIgnored) {
  const auto out =
      outputsOf("cross_entropy", {{"ignore_index", int64_t{-100}}}, {t({2, 2}, {0, 0, 5, 1}), t({2}, {1, -100}, kI32)},
                {empty({}, kF64), empty({}, kF64), empty({2}, kF64)});
  EXPECT_THAT(out[0], near({std::log(2)}));
  EXPECT_THAT(out[1], ElementsAre(1));
  EXPECT_THAT(
      valuesOf("cross_entropy_gradient",
               {{"ignore_index", int64_t{-100}}, {"index_offset", int64_t{0}}, {"index_size", int64_t{2}}},
               {t({2, 2}, {0, 0, 5, 1}), t({2}, {1, -100}, kI32), t({2}, out[2]), t({}, {2})}, empty({2, 2}, kF64)),
      near({1, -1, 0, 0}));
}

TEST(Optimizer, TakesTheFirstAdamStepOfTheSizeOfTheLearningRate) {
  const Attributes attributes = {
      {"beta1", 0.9}, {"beta2", 0.999}, {"epsilon", 0.0}, {"weight_decay", 0.5}, {"lr_factor", 1.0}};
  const auto out = outputsOf("adamw", attributes,
                             {t({1}, {2}), t({1}, {4}), t({1}, {0}), t({1}, {0}), t({}, {0.1}), t({}, {0.5}),
                              t({}, {1}), t({}, {1}, DType::kBool)},
                             {empty({1}, kF64), empty({1}, kF64), empty({1}, kF64)});
  EXPECT_THAT(out[0], near({2 * 0.95 - 0.1}));
  EXPECT_THAT(out[1], near({0.2}));
  EXPECT_THAT(out[2], near({0.004}));
}

TEST(Optimizer, KeepsMomentumInItsBuffer) {
  const auto out =
      outputsOf("sgd", {{"momentum", 0.5}, {"weight_decay", 0.1}, {"lr_factor", 2.0}},
                {t({1}, {10}), t({1}, {4}), t({1}, {6}), t({}, {0.1}), t({}, {0.5}), t({}, {1}, DType::kBool)},
                {empty({1}, kF64), empty({1}, kF64)});
  EXPECT_THAT(out[1], near({3 + 2 + 1}));
  EXPECT_THAT(out[0], near({10 - 0.2 * 6}));
}

TEST(Optimizer, ClipsOnlyNormsAboveTheLimit) {
  EXPECT_THAT(valuesOf("clip_scale", {{"max_norm", 2.0}}, {t({}, {8})}, empty({}, kF64)), near({0.25}, 1e-6));
  EXPECT_THAT(valuesOf("clip_scale", {{"max_norm", 2.0}}, {t({}, {1})}, empty({}, kF64)), ElementsAre(1));
  EXPECT_TRUE(std::isnan(valuesOf("clip_scale", {{"max_norm", 2.0}}, {t({}, {NAN})}, empty({}, kF64))[0]));
}

TEST(RandomNumbers, DependOnTheGlobalElementAlone) {
  const Tensor key = t({4}, {1, 2, 3, 4}, kI32);
  auto draw = [&](Shape shape, Ints whole, Ints offset) {
    return valuesOf("random",
                    {{"distribution", std::string("normal")},
                     {"mean", 0.0},
                     {"deviation", 1.0},
                     {"id", int64_t{3}},
                     {"global_shape", whole},
                     {"offset", offset}},
                    {key}, empty(std::move(shape), kF64));
  };
  const Doubles whole = draw({4, 6}, {4, 6}, {0, 0}), part = draw({2, 3}, {4, 6}, {2, 3});
  EXPECT_THAT(part, ElementsAre(whole[15], whole[16], whole[17], whole[21], whole[22], whole[23]));
}

TEST(RandomNumbers, HaveTheMomentsOfTheirDistribution) {
  const Tensor key = t({4}, {1, 2, 3, 4}, kI32);
  const int64_t n = 100000;
  for (const char *distribution : {"normal", "uniform"}) {
    const Doubles x = valuesOf("random",
                               {{"distribution", std::string(distribution)},
                                {"mean", 1.0},
                                {"deviation", 2.0},
                                {"id", int64_t{3}},
                                {"global_shape", Ints{n}},
                                {"offset", Ints{0}}},
                               {key}, empty({n}, kF64));
    double mean = 0, square = 0;
    for (double value : x) mean += value / n;
    for (double value : x) square += (value - mean) * (value - mean) / n;
    EXPECT_NEAR(mean, 1, 0.03) << distribution;
    EXPECT_NEAR(std::sqrt(square), distribution[0] == 'n' ? 2 : 2 / std::sqrt(3), 0.03) << distribution;
  }
}

TEST(RandomNumbers, DropTheirRateAndScaleTheRest) {
  const int64_t n = 100000;
  const Doubles y =
      valuesOf("dropout", {{"rate", 0.25}, {"id", int64_t{3}}, {"global_shape", Ints{n}}, {"offset", Ints{0}}},
               {t({n}, Doubles(n, 3)), t({4}, {1, 2, 3, 4}, kI32)}, empty({n}, kF64));
  int64_t dropped = 0;
  for (double value : y) {
    EXPECT_TRUE(value == 0 || value == 4);
    dropped += value == 0;
  }
  EXPECT_NEAR(double(dropped) / n, 0.25, 0.01);
}

// The published test vectors of Philox4x32-10.
TEST(RandomNumbers, ArePhilox) {
  EXPECT_THAT(philox({0, 0, 0, 0}, {0, 0}), ElementsAre(0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8));
  EXPECT_THAT(philox({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}),
              ElementsAre(0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd));
}

TEST(Reference, TakesAnyStrides) {
  const Registry reference = referenceRegistry();
  for (Case &c : allCases(testSeed())) {
    if (c.outputs[0].size() > 3000 || c.kernel == "copy") continue;
    Case expected = c;
    ASSERT_TRUE(call(reference, expected).ok());
    for (Tensor &input : c.inputs) input = input.strided();
    for (Tensor &output : c.outputs) output = output.strided();
    ASSERT_TRUE(call(reference, c).ok()) << c.label << call(reference, c);
    for (size_t i = 0; i < c.outputs.size(); ++i)
      for (int64_t j = 0; j < c.outputs[i].size(); ++j) {
        const double a = c.outputs[i].get(j), b = expected.outputs[i].get(j);
        ASSERT_TRUE(a == b || (std::isnan(a) && std::isnan(b))) << c.label << a << " " << b;
      }
  }
}

}  // namespace
}  // namespace cleave::testing
