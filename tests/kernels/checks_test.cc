// `check` refuses what a kernel can't take: plans are not trusted.

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "absl/strings/match.h"
#include "tests/kernels/cases.h"

namespace cleave::testing {
namespace {

using Ints = std::vector<int64_t>;
constexpr int64_t kHuge = std::numeric_limits<int64_t>::max();

// The first case of a kernel that has inputs and a result with dimensions.
Case caseOf(const std::vector<Case> &cases, const std::string &kernel) {
  for (const Case &c : cases)
    if (c.kernel == kernel && !c.inputs.empty() && c.outputs[0].view().rank > 0) return c;
  ADD_FAILURE() << "no case of " << kernel;
  return {};
}

struct Refusal {
  const char *kernel;
  std::function<void(Case &)> spoil;
  const char *message;
};

void set(Case &c, const char *name, AttributeValue value) { c.attributes.set(name, std::move(value)); }

const Refusal kRefusals[] = {
    {"add", [](Case &c) { c.inputs.pop_back(); }, "requires 2 inputs, got 1"},
    {"add", [](Case &c) { c.outputs.clear(); }, "requires 1 outputs, got 0"},
    {"add",
     [](Case &c) {
       c.inputs[1] = empty({9, 9, 9});
     },
     "requires input 1 of shape"},
    {"add", [](Case &c) { c.inputs[1] = empty({}, DType::kI32); }, "requires input 1 of dtype f32, got i32"},
    {"div",
     [](Case &c) {
       for (Tensor *x : {&c.inputs[0], &c.inputs[1], &c.outputs[0]}) *x = empty({2}, DType::kI32);
     },
     "requires input 0 of dtype f32 or f64, got i32"},
    {"logical_and", [](Case &c) { c.inputs[0] = empty({7}); }, "requires input 1 of dtype f32, got i1"},
    {"select", [](Case &c) { c.inputs[0] = c.inputs[1]; }, "requires condition of dtype i1, got f32"},
    {"compare", [](Case &c) { set(c, "direction", std::string("up")); },
     "'direction' to be one of eq, ne, lt, le, gt, ge, got 'up'"},
    {"compare", [](Case &c) { c.attributes = {}; }, "requires attribute 'direction' (a text), got none"},
    {"scale", [](Case &c) { set(c, "factor", int64_t{1}); },
     "requires attribute 'factor' to be a number, got an integer"},
    {"scale", [](Case &c) { set(c, "factor", HUGE_VAL); }, "'factor' from"},
    {"gelu", [](Case &c) { set(c, "approximate", std::string("yes")); }, "'approximate' to be one of none, tanh"},
    {"convert", [](Case &c) { c.outputs[0] = Tensor(DType::kBF16, {}); },
     "requires dtypes f32, f64, i32, i64 or i1, got bf16"},
    {"dropout", [](Case &c) { set(c, "rate", 1.0); }, "requires 'rate' below 1, got 1"},
    {"dropout", [](Case &c) { set(c, "rate", -0.1); }, "requires 'rate' from 0 to 1"},
    {"dropout", [](Case &c) { set(c, "rate", double(NAN)); }, "requires 'rate' from 0 to 1, got nan"},
    {"dropout", [](Case &c) { set(c, "id", int64_t{1} << 40); }, "requires 'id' from 0 to 4294967295"},
    {"dropout", [](Case &c) { set(c, "offset", Ints{kHuge}); }, "requires 'offset'"},
    {"dropout", [](Case &c) { set(c, "global_shape", Ints{2}); }, "to lie inside its whole shape [2]"},
    {"dropout", [](Case &c) { set(c, "global_shape", Ints{}); }, "requires 'global_shape' to have 1 entries, got 0"},
    {"dropout", [](Case &c) { c.inputs[1] = empty({3}, DType::kI32); }, "requires key of shape [4], got [3]"},
    {"random", [](Case &c) { set(c, "distribution", std::string("cauchy")); },
     "'distribution' to be one of normal, uniform"},
    {"random", [](Case &c) { set(c, "deviation", double(NAN)); }, "requires 'deviation'"},
    {"random", [](Case &c) { set(c, "zero_row", int64_t{-2}); }, "requires 'zero_row'"},
    {"broadcast",
     [](Case &c) {
       set(c, "dimensions", Ints{1, 1});
     },
     "requires 'dimensions' to have"},
    {"broadcast",
     [](Case &c) {
       c.inputs[0] = empty({3});
       set(c, "dimensions", Ints{7});
     },
     "requires 'dimensions' to have entries from 0 to 1, got 7"},
    {"broadcast",
     [](Case &c) {
       c.inputs[0] = empty({2});
       set(c, "dimensions", Ints{0});
     },
     "to have the output's extent 3, got 2"},
    {"copy", [](Case &c) { c.outputs[0] = empty({5}); }, "requires an output of 24 elements, got 5"},
    {"keep", [](Case &c) { set(c, "keep", int64_t{2}); }, "requires 'keep' from 0 to 1, got 2"},
    {"transpose",
     [](Case &c) {
       set(c, "permutation", Ints{0, 0});
     },
     "'permutation' to name each dimension once"},
    {"transpose",
     [](Case &c) {
       set(c, "permutation", Ints{0, 1});
     },
     "requires dimension 0 of the output to have extent 3, got 5"},
    {"transpose",
     [](Case &c) {
       set(c, "permutation", Ints{-1, 1});
     },
     "entries from 0 to 1, got -1"},
    {"slice",
     [](Case &c) {
       set(c, "starts", Ints{3, 2});
     },
     "requires a slice inside extent 5 of dimension 0"},
    {"slice",
     [](Case &c) {
       set(c, "steps", Ints{1, 0});
     },
     "requires 'steps' to have entries from 1"},
    {"slice",
     [](Case &c) {
       set(c, "steps", Ints{1, kHuge});
     },
     "requires 'steps'"},
    {"slice",
     [](Case &c) {
       set(c, "steps", Ints{1, int64_t{1} << 47});
     },
     "requires a slice inside extent 12"},
    {"pad",
     [](Case &c) {
       set(c, "low", Ints{2, 0});
     },
     "requires dimension 0 of the output to have extent 7, got 6"},
    {"pad",
     [](Case &c) {
       set(c, "low", Ints{-1, 0});
     },
     "requires 'low' to have entries from 0"},
    {"concat", [](Case &c) { c.inputs.pop_back(); }, "requires inputs that fill 7, got 3"},
    {"concat", [](Case &c) { c.inputs.clear(); }, "requires at least one input, got 0"},
    {"concat", [](Case &c) { set(c, "dimension", int64_t{2}); }, "requires 'dimension' from 0 to 1, got 2"},
    {"gather", [](Case &c) { set(c, "index_offset", int64_t{1}); },
     "requires indexed dimension to lie inside its whole shape [11]"},
    {"gather",
     [](Case &c) {
       c.inputs[1] = empty({4, 3});
     },
     "requires indices of dtype i32 or i64, got f32"},
    {"gather_gradient", [](Case &c) { c.outputs[0] = empty({}); }, "requires indexed tensor of rank 1 to 8, got 0"},
    {"cumulative_sum", [](Case &c) { set(c, "reverse", int64_t{-1}); }, "requires 'reverse' from 0 to 1"},
    {"reduce",
     [](Case &c) {
       set(c, "dimensions", Ints{0, 0});
     },
     "requires each of 'dimensions' once, got 0"},
    {"reduce", [](Case &c) { set(c, "dimensions", Ints{5}); }, "requires 'dimensions' from 0 to"},
    {"reduce", [](Case &c) { set(c, "kind", std::string("product")); }, "'kind' to be one of sum, max, min, mean"},
    {"reduce",
     [](Case &c) {
       set(c, "kind", std::string("mean"));
       set(c, "count", int64_t{-1});
     },
     "requires 'count' from 0"},
    {"exp_sum", [](Case &c) { c.inputs[1] = empty({6}); }, "requires shift of shape"},
    {"softmax", [](Case &c) { c.inputs[0] = c.outputs[0] = empty({}); }, "requires input of rank 1 to 8, got 0"},
    {"matmul",
     [](Case &c) {
       c.inputs[1] = empty({2, 2, 2});
     },
     "requires rhs of rank"},
    {"matmul",
     [](Case &c) {
       c.inputs[1] = empty({6, 1});
     },
     "requires rhs of shape [1, 1], got [6, 1]"},
    {"matmul", [](Case &c) { c.inputs[0] = empty({1}); }, "requires lhs of rank 2 to 8, got 1"},
    {"matmul",
     [](Case &c) {
       c.inputs.push_back(empty({3}));
       set(c, "segments", Ints{1, 1, 1});
     },
     "requires bias of shape [1], got [3]"},
    {"matmul",
     [](Case &c) {
       set(c, "segments", Ints{1, 1, 1});
     },
     "requires 'segments' to add up to the number of inputs, got 3 and 2"},
    {"matmul",
     [](Case &c) {
       set(c, "segments", Ints{2, 0, 0});
     },
     "requires 'segments' to have entries from 0 to 1, got 2"},
    {"matmul", [](Case &c) { set(c, "transpose_lhs", int64_t{2}); }, "requires 'transpose_lhs' from 0 to 1, got 2"},
    {"outer",
     [](Case &c) {
       c.outputs[0] = empty({2, 2});
     },
     "requires output of shape [1, 1], got [2, 2]"},
    {"outer", [](Case &c) { c.inputs.push_back(empty({2})); }, "requires accumulator of shape"},
    {"embedding", [](Case &c) { set(c, "row_offset", int64_t{5}); },
     "requires table's first dimension to lie inside its whole shape"},
    {"embedding", [](Case &c) { set(c, "rows", int64_t{-1}); }, "requires 'rows' from 0"},
    {"embedding", [](Case &c) { set(c, "optional", int64_t{2}); }, "requires 'optional' from 0 to 1, got 2"},
    {"embedding_gradient",
     [](Case &c) {
       c.inputs.push_back(empty({2}));
       c.attributes.set("segments", Ints{1, 1, 1});
     },
     "requires accumulator of shape"},
    {"convolution", [](Case &c) { set(c, "strides", Ints{0, 1}); }, "'strides' to have entries from 1 to 1048576"},
    {"convolution", [](Case &c) { set(c, "padding", Ints{1}); }, "requires 'padding'"},
    {"convolution", [](Case &c) { c.inputs[1] = empty({4, 3, 9, 9}); }, "requires windows of at most 5, got 9"},
    {"convolution", [](Case &c) { c.inputs[1] = empty({4, 7, 1, 1}); }, "requires whole groups of 7 input channels"},
    {"convolution", [](Case &c) { c.outputs[0] = empty({1, 4, 5, 6}); }, "requires a batch of 2, got 1"},
    {"convolution", [](Case &c) { c.inputs.push_back(empty({3})); }, "requires bias of shape [4], got [3]"},
    {"convolution_input_gradient", [](Case &c) { c.outputs[0] = empty({2, 3, 50, 6}); }, "requires 50 windows, got 5"},
    {"convolution_weight_gradient", [](Case &c) { c.outputs[0] = empty({4, 3, 1}); }, "requires weight of rank 4"},
    {"max_pool", [](Case &c) { set(c, "padding", Ints{3, 3}); }, "requires"},
    {"max_pool_gradient", [](Case &c) { c.inputs[2] = empty({1}); }, "requires gradient of shape"},
    {"average_pool", [](Case &c) { set(c, "window", Ints{}); }, "requires 'window'"},
    {"average_pool_gradient", [](Case &c) { c.inputs[0] = empty({2, 3, 5, 7}); }, "requires 6 windows, got 7"},
    {"layer_norm", [](Case &c) { c.inputs[1] = empty({9}); }, "requires gamma of shape [1], got [9]"},
    {"layer_norm", [](Case &c) { set(c, "epsilon", -1.0); }, "requires 'epsilon' from 0 to 1, got -1"},
    {"rms_norm", [](Case &c) { c.outputs[1] = empty({9}); }, "requires rstd of shape"},
    {"rotary", [](Case &c) { set(c, "frequencies", std::vector<double>(9, 1.0)); },
     "requires at most 3 frequencies, got 9"},
    {"rotary", [](Case &c) { set(c, "frequencies", std::vector<double>{NAN}); },
     "requires finite frequencies, got nan"},
    {"attention",
     [](Case &c) {
       c.inputs[0] = empty({2, 7, 3});
     },
     "requires q of rank 4, got 3"},
    {"attention", [](Case &c) { set(c, "head_offset", int64_t{1}); },
     "requires probabilities to lie inside its whole shape"},
    {"attention", [](Case &c) { set(c, "kv_head_offset", int64_t{1}); },
     "requires the kv heads of all query heads to be among the 3 held, got -1"},
    {"attention", [](Case &c) { set(c, "group", int64_t{0}); }, "requires 'group' from 1"},
    {"attention", [](Case &c) { set(c, "window", int64_t{-1}); }, "requires 'window' from 0"},
    {"attention", [](Case &c) { set(c, "dropout_rate", 0.5); }, "requires a key for dropout, got none"},
    {"attention",
     [](Case &c) {
       set(c, "global_shape", Ints{3, 3, 7, 8});
     },
     "requires all 8 keys, got 7"},
    {"attention",
     [](Case &c) {
       set(c, "global_shape", Ints{kHuge, kHuge, 7, 7});
     },
     "requires 'global_shape' to have entries from 0"},
    {"attention",
     [](Case &c) {
       set(c, "global_shape", Ints{int64_t{1} << 30, int64_t{1} << 30, 7, 7});
     },
     "at most 2^48 elements"},
    {"attention",
     [](Case &c) {
       c.attributes.set("segments", Ints{1, 1, 1, 0, 0, 1, 0, 0});
       c.inputs.push_back(empty({2, 7}, DType::kI32));
     },
     "requires query_segments and key_segments together"},
    {"attention_gradient", [](Case &c) { c.outputs.pop_back(); }, "requires 3 outputs, got 2"},
    {"attention_gradient",
     [](Case &c) {
       c.inputs[4] = empty({2, 7, 3});
     },
     "requires lse of shape [2, 3, 7], got [2, 7, 3]"},
    {"cross_entropy_gradient", [](Case &c) { set(c, "index_size", int64_t{0}); },
     "requires vocabulary to lie inside its whole shape [0]"},
    {"adamw", [](Case &c) { c.inputs[7] = c.inputs[6]; }, "requires active of dtype i1, got f32"},
    {"adamw", [](Case &c) { set(c, "beta1", 1.5); }, "requires 'beta1' from 0 to 1, got 1.5"},
    {"adamw", [](Case &c) { c.outputs[2] = empty({1}); }, "requires output 2 of shape"},
    {"sgd",
     [](Case &c) {
       c.inputs.erase(c.inputs.begin() + 2);
       c.outputs.pop_back();
     },
     "requires a buffer for momentum, got none"},
};

TEST(Checks, RefuseCallsThatBreakARule) {
  const Registry reference = referenceRegistry(), cpu = cpuRegistry();
  const std::vector<Case> cases = allCases(testSeed());
  for (const Refusal &refusal : kRefusals) {
    Case c = caseOf(cases, refusal.kernel);
    ASSERT_TRUE(check(reference, c).ok()) << c.label << check(reference, c);
    refusal.spoil(c);
    for (const Registry *registry : {&reference, &cpu}) {
      if (!registry->knows(c.kernel)) continue;
      const absl::Status status = check(*registry, c);
      EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << c.kernel << " should say: " << refusal.message;
      EXPECT_TRUE(absl::StrContains(status.message(), refusal.message))
          << status.message() << "\n  should say: " << refusal.message;
    }
  }
}

// Views that no plan of ours would hold.
TEST(Checks, RefuseViewsThatCannotBeIndexed) {
  const Registry registry = referenceRegistry();
  const TensorView good = TensorView::contiguous(nullptr, DType::kF32, {2, 3});
  auto refusalOf = [&](const TensorView &in, const TensorView &out) {
    const TensorView inputs[] = {in}, outputs[] = {out};
    return std::string(registry.find("exp", {Attributes(), inputs, outputs}).status().message());
  };
  EXPECT_EQ(refusalOf(good, good), "");
  TensorView bad = good;
  bad.rank = 9;
  EXPECT_EQ(refusalOf(bad, good), "exp requires input 0 of a rank from 0 to 8, got 9");
  bad.rank = -1;
  EXPECT_EQ(refusalOf(bad, good), "exp requires input 0 of a rank from 0 to 8, got -1");
  bad = good;
  bad.shape[1] = -3;
  EXPECT_EQ(refusalOf(bad, good), "exp requires input 0 without negative extents, got [2, -3]");
  bad.shape[0] = bad.shape[1] = int64_t{1} << 40;
  EXPECT_NE(refusalOf(bad, good).find("of at most 2^48 elements"), std::string::npos);
  bad = good;
  bad.strides[0] = kHuge;
  EXPECT_NE(refusalOf(bad, good).find("with strides that 64 bits can index"), std::string::npos);
  bad.strides[0] = std::numeric_limits<int64_t>::min();
  EXPECT_NE(refusalOf(bad, good).find("with strides that 64 bits can index"), std::string::npos);
  bad = good;
  bad.dtype = static_cast<DType>(99);
  EXPECT_EQ(refusalOf(bad, good), "exp requires input 0 of a known dtype, got 99");
  bad = good;
  bad.strides[1] = 0;
  EXPECT_EQ(refusalOf(bad, good), "");
  EXPECT_EQ(refusalOf(good, bad), "exp requires output 0 whose elements lie apart, as it is written, got stride 0");
}

// Spoils every case in every simple way: nothing may crash, and what passes must run.
TEST(Checks, SurviveAnySpoiledCall) {
  const Registry reference = referenceRegistry(), cpu = cpuRegistry();
  std::mt19937_64 random(testSeed());
  int refused = 0, accepted = 0;
  for (const Case &original : allCases(testSeed())) {
    if (original.outputs[0].size() > 3000) continue;
    for (int attempt = 0; attempt < 3; ++attempt) {
      Case c = original;
      auto &tensors = random() % 2 && !c.inputs.empty() ? c.inputs : c.outputs;
      const size_t i = random() % tensors.size();
      const auto &all = c.attributes.all();
      switch (random() % 6) {
        case 0: tensors.erase(tensors.begin() + i); break;
        case 1: tensors[i] = empty({3, 2}); break;
        case 2: tensors[i] = empty({}, DType::kI64); break;
        case 3: tensors.push_back(tensors[i]); break;
        case 4: {
          const int64_t values[] = {-1, 0, 1, 2, kHuge, std::numeric_limits<int64_t>::min()};
          if (!all.empty()) c.attributes.set(all[random() % all.size()].first, values[random() % 6]);
          break;
        }
        default: {
          if (!all.empty())
            c.attributes.set(all[random() % all.size()].first, Ints(random() % 5, int64_t(random() % 3) - 1));
        }
      }
      for (const Registry *registry : {&reference, &cpu}) {
        if (check(*registry, c).ok()) {
          ++accepted;
          call(*registry, c).IgnoreError();  // an index out of bounds is an error of the data
        } else {
          ++refused;
        }
      }
    }
  }
  EXPECT_GT(refused, 1000);
  EXPECT_GT(accepted, 100);
}

}  // namespace
}  // namespace cleave::testing
