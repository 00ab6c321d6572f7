#include "kernels/cpu/register.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstring>
#include <map>
#include <set>

#include "kernels/reference/register.h"
#include "tests/kernels/cases.h"

namespace cleave::testing {
namespace {

// The largest difference, relative to the largest expected value; 1e30 where one is NaN or infinite and the other
// isn't.
double differenceOf(const Tensor &seen, const Tensor &expected) {
  double largest = 1e-3, difference = 0;
  for (int64_t i = 0; i < expected.size(); ++i) {
    const double a = seen.get(i), b = expected.get(i);
    if (a == b || (std::isnan(a) && std::isnan(b))) continue;
    if (!std::isfinite(a) || !std::isfinite(b)) return 1e30;
    largest = std::max(largest, std::abs(b));
    difference = std::max(difference, std::abs(a - b));
  }
  return difference / largest;
}

void expectClose(const Case &seen, const Case &expected) {
  for (size_t i = 0; i < seen.outputs.size(); ++i)
    EXPECT_LE(differenceOf(seen.outputs[i], expected.outputs[i]), seen.tolerance)
        << seen.label << " output " << i << ", seed " << testSeed();
}

TEST(CpuKernels, EqualTheReferenceOverOddShapes) {
  const Registry cpu = cpuRegistry(), reference = referenceRegistry();
  std::map<std::string, int> taken;
  for (Case &c : allCases(testSeed())) {
    Case expected = c;
    ASSERT_TRUE(call(reference, expected).ok()) << c.label << call(reference, expected);
    const absl::Status status = call(cpu, c);
    if (absl::IsNotFound(status) || absl::IsUnimplemented(status)) continue;
    ASSERT_TRUE(status.ok()) << c.label << status;
    expectClose(c, expected);
    ++taken[c.kernel];
  }
  for (const std::string &name : cpu.names()) EXPECT_GT(taken[name], 0) << name << " took no call";
}

// Integer-valued floats have exact products, whatever the order; these are large enough to be cut into tiles.
TEST(CpuKernels, MultiplyLargeMatricesExactly) {
  const Registry cpu = cpuRegistry();
  Draw draw(testSeed());
  for (const auto &[m, k, n] :
       std::vector<std::array<int64_t, 3>>{{900, 300, 701}, {70, 200, 9001}, {4001, 60, 500}, {250, 8003, 203}}) {
    const Tensor a = draw.integers({m, k}, -8, 8).as(DType::kF32), b = draw.integers({k, n}, -8, 8).as(DType::kF32);
    Case product = {"matmul", {}, {a, b}, {empty({m, n})}};
    FreshThreads pool(2);
    ASSERT_TRUE(call(cpu, product, pool).ok());
    std::vector<float> expected(m * n);
    for (int64_t i = 0; i < m; ++i)
      for (int64_t l = 0; l < k; ++l)
        for (int64_t j = 0; j < n; ++j)
          expected[i * n + j] += a.view().as<float>()[i * k + l] * b.view().as<float>()[l * n + j];
    EXPECT_EQ(std::memcmp(expected.data(), product.outputs[0].view().data, m * n * sizeof(float)), 0)
        << m << "x" << k << "x" << n;
  }
}

TEST(CpuKernels, GiveTheSameBitsOnAnyNumberOfThreads) {
  const Registry cpu = cpuRegistry();
  for (const Case &c : allCases(testSeed())) {
    Case one = c;
    SerialPool serial;
    if (!call(cpu, one, serial).ok()) continue;
    for (int threads : {2, 3}) {
      Case many = c;
      FreshThreads pool(threads);
      ASSERT_TRUE(call(cpu, many, pool).ok());
      for (size_t i = 0; i < c.outputs.size(); ++i)
        EXPECT_TRUE(many.outputs[i].sameBytes(one.outputs[i]))
            << c.label << " on " << threads << ", seed " << testSeed();
    }
  }
}

TEST(CpuKernels, WriteNothingBesideTheirOutputs) {
  const Registry cpu = cpuRegistry();
  for (Case &c : allCases(testSeed())) {
    const Case before = c;
    if (!call(cpu, c).ok()) continue;
    for (size_t i = 0; i < c.inputs.size(); ++i) EXPECT_TRUE(c.inputs[i].sameBytes(before.inputs[i])) << c.label;
    for (size_t i = 0; i < c.outputs.size(); ++i)  // Tensor leaves at least 8 bytes behind its values
      EXPECT_EQ(std::memcmp(c.outputs[i].view().as<char>() + c.outputs[i].view().bytes(),
                            before.outputs[i].view().as<char>() + c.outputs[i].view().bytes(), 8),
                0)
          << c.label;
  }
}

TEST(CpuKernels, CopyBetweenStridedViewsAsTheReferenceDoes) {
  const Registry cpu = cpuRegistry(), reference = referenceRegistry();
  for (Case &c : allCases(testSeed())) {
    if (std::set<std::string>{"broadcast", "transpose", "slice", "pad", "concat"}.count(c.kernel) == 0) continue;
    Case expected = c;
    ASSERT_TRUE(call(reference, expected).ok());
    for (Tensor &input : c.inputs) input = input.strided();
    for (Tensor &output : c.outputs) output = output.strided();
    ASSERT_TRUE(call(cpu, c).ok()) << c.label;
    expectClose(c, expected);
  }
}

TEST(CpuKernels, UpdateInPlace) {
  const Registry cpu = cpuRegistry();
  const std::map<std::string, std::vector<int>> aliases = {{"adamw", {0, 2, 3}}, {"cross_entropy_gradient", {0}},
                                                           {"add", {0}},         {"gelu", {0}},
                                                           {"softmax", {0}},     {"dropout", {0}}};
  for (Case &c : allCases(testSeed())) {
    const auto found = aliases.find(c.kernel);
    if (found == aliases.end()) continue;
    Case apart = c;
    ASSERT_TRUE(call(cpu, apart).ok());
    std::vector<TensorView> inputs, outputs;
    for (const Tensor &input : c.inputs) inputs.push_back(input.view());
    for (int operand : found->second) outputs.push_back(inputs[operand]);
    const KernelCall inPlace = {c.attributes, inputs, outputs};
    SerialPool pool;
    std::vector<char> memory(kWorkspaceBytes);
    char *workspace = memory.data();
    KernelContext context = {pool, absl::MakeConstSpan(&workspace, 1)};
    ASSERT_TRUE((*cpu.find(c.kernel, inPlace))->run(inPlace, context).ok());
    for (size_t i = 0; i < outputs.size(); ++i)
      EXPECT_EQ(std::memcmp(outputs[i].data, apart.outputs[i].view().data, outputs[i].bytes()), 0) << c.label;
  }
}

TEST(CpuKernels, CarryInfinitiesAndNaNsAsTheReferenceDoes) {
  const Registry cpu = cpuRegistry(), reference = referenceRegistry();
  const double infinity = HUGE_VAL;
  std::vector<double> special = {0,     -0.0, infinity, -infinity, NAN, 1e38, -1e38, 1e-38, 88.8,
                                 -88.8, 104,  -104,     1,         -1,  30,   -30,   5};
  const int64_t n = special.size();
  for (const char *name :
       {"neg", "abs", "exp", "log", "sqrt", "rsqrt", "tanh", "sigmoid", "relu", "silu", "gelu", "gelu_tanh", "maximum",
        "minimum", "silu_gradient", "gelu_gradient", "gelu_tanh_gradient", "max", "min"}) {
    std::string kernel = name;
    Attributes attributes = {{"approximate", std::string("none")}};
    if (const size_t at = kernel.find("_tanh"); at != std::string::npos) {
      kernel.erase(at, 5);
      attributes = {{"approximate", std::string("tanh")}};
    }
    Case c = {kernel, attributes, {Tensor::of(DType::kF32, {n}, special)}, {empty({n})}};
    if (kernel == "maximum" || kernel == "minimum")
      c.inputs.push_back(Tensor::of(DType::kF32, {n}, std::vector<double>(n, 2)));
    if (kernel.find("gradient") != std::string::npos)
      c.inputs.push_back(Tensor::of(DType::kF32, {n}, std::vector<double>(n, 1)));
    if (kernel == "max" || kernel == "min")
      c = {"reduce", {{"kind", kernel}, {"dimensions", std::vector<int64_t>{0}}}, {c.inputs[0]}, {empty({})}};
    Case expected = c;
    ASSERT_TRUE(call(reference, expected).ok()) << name << call(reference, expected);
    ASSERT_TRUE(call(cpu, c).ok());
    for (int64_t i = 0; i < c.outputs[0].size(); ++i) {
      const double a = c.outputs[0].get(i), b = expected.outputs[0].get(i);
      if (std::isnan(b)) {
        EXPECT_TRUE(std::isnan(a)) << name << " of " << special[i] << " gave " << a;
      } else if (std::isinf(b)) {
        EXPECT_EQ(a, b) << name << " of " << special[i];
      } else {
        EXPECT_NEAR(a, b, 1e-6 * std::abs(b) + 2e-7) << name << " of " << special[i];
      }
    }
  }
}

TEST(CpuKernels, CompareAndConvertWhatNoIntegerHolds) {
  const Registry cpu = cpuRegistry(), reference = referenceRegistry();
  const std::vector<double> special = {0,   -0.0,        0.9,          -0.9,         HUGE_VAL,     -HUGE_VAL,
                                       NAN, 2147483520., 2147483648.0, -2147483648., -2147483904., 1e30};
  const int64_t n = special.size();
  std::vector<Case> cases;
  for (DType to : {DType::kI32, DType::kBool})
    cases.push_back({"convert", {}, {Tensor::of(DType::kF32, {n}, special)}, {empty({n}, to)}});
  for (const char *direction : {"eq", "ne", "lt", "le", "gt", "ge"})
    cases.push_back({"compare",
                     {{"direction", std::string(direction)}},
                     {Tensor::of(DType::kF32, {n}, special), Tensor::of(DType::kF32, {n}, std::vector<double>(n, NAN))},
                     {empty({n}, DType::kBool)}});
  for (Case &c : cases) {
    Case expected = c;
    ASSERT_TRUE(call(reference, expected).ok()) << c.kernel;
    ASSERT_TRUE(call(cpu, c).ok()) << c.kernel;
    EXPECT_TRUE(c.outputs[0].sameBytes(expected.outputs[0])) << c.kernel;
  }
}

TEST(CpuKernels, NameTheIndexThatIsOutOfBounds) {
  const Registry cpu = cpuRegistry(), reference = referenceRegistry();
  const Tensor ids = Tensor::of(DType::kI32, {2, 2}, {0, 1, 7, 2});
  const Attributes rows = {{"row_offset", int64_t{0}}, {"rows", int64_t{5}}};
  const Attributes columns = {{"index_offset", int64_t{0}}, {"index_size", int64_t{5}}};
  std::vector<Case> cases = {{"embedding", rows, {empty({5, 3}), ids}, {empty({2, 2, 3})}},
                             {"embedding_gradient", rows, {ids, empty({2, 2, 3})}, {empty({5, 3})}},
                             {"gather", columns, {empty({2, 2, 5}), ids}, {empty({2, 2})}},
                             {"gather_gradient", columns, {ids, empty({2, 2})}, {empty({2, 2, 5})}},
                             {"cross_entropy", {}, {empty({2, 2, 5}), ids}, {empty({}), empty({}), empty({2, 2})}}};
  for (Case &c : cases)
    for (const Registry *registry : {&cpu, &reference}) {
      const absl::Status status = call(*registry, c);
      EXPECT_EQ(status.code(), absl::StatusCode::kOutOfRange) << c.kernel;
      EXPECT_NE(std::string(status.message()).find("from 0 to 4, got 7 at [1, 0]"), std::string::npos) << status;
    }
}

TEST(CpuKernels, TakeNoIdBelowTheOneThatStandsForNoRow) {
  const Registry cpu = cpuRegistry(), reference = referenceRegistry();
  for (const auto &[optional, id] : {std::pair<int64_t, int32_t>{0, -1}, {1, -2}})
    for (const Registry *registry : {&cpu, &reference}) {
      const Tensor ids = Tensor::of(DType::kI32, {1}, {double(id)});
      Case c = {"embedding",
                {{"row_offset", int64_t{0}}, {"rows", int64_t{5}}, {"optional", optional}},
                {empty({5, 3}), ids},
                {empty({1, 3})}};
      EXPECT_EQ(call(*registry, c).code(), absl::StatusCode::kOutOfRange) << id;
    }
}

TEST(CpuKernels, SayWhatWasChosenForTheMachine) {
  EXPECT_THAT(
      cpuKernelChoices(),
      ::testing::MatchesRegex("vectors [a-z0-9]+, onednn [0-9.]+ isa 0x[0-9a-f]+, openblas [0-9.]+ [A-Za-z0-9]+; "
                              "large products by (onednn|openblas)"));
}

}  // namespace
}  // namespace cleave::testing
