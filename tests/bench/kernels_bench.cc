// Kernels at the sizes of one GPT-2 124M step: batch 4, sequence 64. The last part of a name is the number of threads;
// rates of one thread are by its CPU time, those of two by wall time.

#include <benchmark/benchmark.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <thread>
#include <vector>

#include "kernels/cpu/register.h"
#include "kernels/reference/register.h"

namespace cleave {
namespace {

constexpr int64_t kBatch = 4, kSequence = 64, kTokens = kBatch * kSequence, kFeatures = 768, kHeads = 12,
                  kVocabulary = 50257;

// The caller and one thread that spins for work.
class TwoThreads final : public ThreadPool {
 public:
  TwoThreads() : other_([this] { serve(); }) {}
  ~TwoThreads() override {
    stops_ = true;
    other_.join();
  }
  int threads() const final { return 2; }
  void parallelFor(int64_t tiles, absl::FunctionRef<void(int64_t, int)> body) final {
    if (tiles <= 1) {
      if (tiles == 1) body(0, 0);
      return;
    }
    next_ = 0;
    tiles_ = tiles;
    body_ = &body;
    const int64_t round = round_.load(std::memory_order_relaxed) + 1;
    round_.store(round, std::memory_order_release);
    work(0);
    while (done_.load(std::memory_order_acquire) != round) __builtin_ia32_pause();
  }

 private:
  void work(int worker) {
    for (int64_t tile = next_++; tile < tiles_; tile = next_++) (*body_)(tile, worker);
  }
  void serve() {
    for (int64_t seen = 0; !stops_;) {
      if (round_.load(std::memory_order_acquire) == seen) {
        __builtin_ia32_pause();
        continue;
      }
      ++seen;
      work(1);
      done_.store(seen, std::memory_order_release);
    }
  }

  std::atomic<int64_t> next_{0}, round_{0}, done_{0};
  std::atomic<bool> stops_{false};
  int64_t tiles_ = 0;
  absl::FunctionRef<void(int64_t, int)> *body_ = nullptr;
  std::thread other_;
};

// A kernel's operands, and what it needs to run.
class Bench {
 public:
  Bench(benchmark::State &state, const char *kernel, Attributes attributes)
      : state_(state), kernel_(kernel), attributes_(std::move(attributes)) {
    if (state.range(0) == 1)
      pool_ = std::make_unique<SerialPool>();
    else
      pool_ = std::make_unique<TwoThreads>();
    registerCpuKernels(registry_);
    registerReferenceKernels(registry_);
    for (int worker = 0; worker < 2; ++worker) workspaces_.push_back(static_cast<char *>(allocate(kWorkspaceBytes)));
  }

  Bench &input(std::vector<int64_t> shape, float value = 0.01f) {
    inputs_.push_back(floats(shape, value));
    return *this;
  }
  Bench &integers(std::vector<int64_t> shape, int64_t below) {
    TensorView view = TensorView::contiguous(nullptr, DType::kI32, shape);
    view.data = allocate(view.bytes());
    for (int64_t i = 0; i < view.elements(); ++i) view.as<int32_t>()[i] = static_cast<int32_t>(i * 7919 % below);
    inputs_.push_back(view);
    return *this;
  }
  Bench &flag() {
    TensorView view = TensorView::contiguous(allocate(1), DType::kBool, {});
    *view.as<uint8_t>() = 1;
    inputs_.push_back(view);
    return *this;
  }
  Bench &output(std::vector<int64_t> shape) {
    outputs_.push_back(floats(shape, 0));
    return *this;
  }
  Bench &inPlace(int operand) {
    outputs_.push_back(inputs_[operand]);
    return *this;
  }

  // `flops` and `bytes` of one call become rates.
  void run(double flops, double bytes) {
    const KernelCall call = {attributes_, inputs_, outputs_};
    const auto kernel = registry_.find(kernel_, call);
    if (!kernel.ok()) return state_.SkipWithError(kernel.status().ToString().c_str());
    KernelContext context = {*pool_, workspaces_};
    const auto once = [&] {
      const absl::Status status = (*kernel)->run(call, context);
      if (!status.ok()) state_.SkipWithError(status.ToString().c_str());
      return status.ok();
    };
    if (!once()) return;  // warms up, and generates code for new extents
    for (auto _ : state_)
      if (!once()) return;
    using benchmark::Counter;
    if (flops > 0) state_.counters["gflops_per_s"] = Counter(flops * 1e-9, Counter::kIsIterationInvariantRate);
    if (bytes > 0) state_.counters["gbytes_per_s"] = Counter(bytes * 1e-9, Counter::kIsIterationInvariantRate);
  }

 private:
  struct Free {
    void operator()(void *memory) const { std::free(memory); }
  };

  void *allocate(int64_t bytes) {
    memory_.emplace_back(std::aligned_alloc(64, (bytes + 64) / 64 * 64));
    return memory_.back().get();
  }
  TensorView floats(const std::vector<int64_t> &shape, float value) {
    TensorView view = TensorView::contiguous(nullptr, DType::kF32, shape);
    view.data = allocate(view.bytes());
    for (int64_t i = 0; i < view.elements(); ++i) view.as<float>()[i] = value * static_cast<float>(1 + i % 13);
    return view;
  }

  benchmark::State &state_;
  const char *kernel_;
  Attributes attributes_;
  Registry registry_;
  std::unique_ptr<ThreadPool> pool_;
  std::vector<std::unique_ptr<void, Free>> memory_;
  std::vector<char *> workspaces_;
  std::vector<TensorView> inputs_, outputs_;
};

void matmul(benchmark::State &state, int64_t m, int64_t k, int64_t n, bool transposeRhs, bool hasBias) {
  Bench bench(state, "matmul", {{"transpose_rhs", int64_t{transposeRhs}}});
  bench.input({m, k}).input(transposeRhs ? std::vector<int64_t>{n, k} : std::vector<int64_t>{k, n});
  if (hasBias) bench.input({n});
  bench.output({m, n}).run(2.0 * m * k * n, 0);
}

void outer(benchmark::State &state, int64_t m, int64_t n) {
  Bench(state, "outer", {}).input({kTokens, m}).input({kTokens, n}).output({m, n}).run(2.0 * kTokens * m * n, 0);
}

// One of 8 images; windows of `window` x `window` keep their size.
enum class Pass { kForward, kInputGradient, kWeightGradient };
void convolution(benchmark::State &state, Pass pass, int64_t in, int64_t out, int64_t size, int64_t window) {
  const std::vector<int64_t> image = {8, in, size, size}, weight = {out, in, window, window},
                             result = {8, out, size, size}, ones = {1, 1}, padding = {window / 2, window / 2};
  const Attributes attributes = {{"strides", ones}, {"padding", padding}, {"dilation", ones}};
  const double flops = 2.0 * double(8 * out * size * size) * double(in * window * window);
  const auto measure = [&](const char *kernel, const auto &a, const auto &b, const auto &made) {
    Bench(state, kernel, attributes).input(a).input(b).output(made).run(flops, 0);
  };
  switch (pass) {
    case Pass::kForward: return measure("convolution", image, weight, result);
    case Pass::kInputGradient: return measure("convolution_input_gradient", result, weight, image);
    case Pass::kWeightGradient: return measure("convolution_weight_gradient", image, result, weight);
  }
}

Attributes attentionAttributes(int64_t sequence) {
  return {{"causal", int64_t{1}},
          {"scale", 0.125},
          {"global_shape", std::vector<int64_t>{kBatch, kHeads, sequence, sequence}},
          {"batch_offset", int64_t{0}},
          {"query_offset", int64_t{0}},
          {"head_offset", int64_t{0}},
          {"group", int64_t{1}},
          {"kv_head_offset", int64_t{0}}};
}

void attention(benchmark::State &state, int64_t sequence) {
  const std::vector<int64_t> shape = {kBatch, sequence, kHeads, 64};
  Bench bench(state, "attention", attentionAttributes(sequence));
  bench.input(shape).input(shape).input(shape).output(shape).output({kBatch, kHeads, sequence});
  bench.run(2.0 * kBatch * kHeads * sequence * sequence * 64, 0);  // half of two products
}

void attentionGradient(benchmark::State &state, int64_t sequence) {
  const std::vector<int64_t> shape = {kBatch, sequence, kHeads, 64};
  Bench bench(state, "attention_gradient", attentionAttributes(sequence));
  bench.input(shape).input(shape).input(shape).input(shape).input({kBatch, kHeads, sequence}, 1).input(shape);
  bench.output(shape).output(shape).output(shape);
  bench.run(5.0 * kBatch * kHeads * sequence * sequence * 64, 0);
}

void elementwise(benchmark::State &state, const char *kernel, int operands, int64_t elements) {
  Bench bench(state, kernel, {{"approximate", std::string("tanh")}, {"factor", 0.5}});
  for (int i = 0; i < operands; ++i) bench.input({elements});
  bench.output({elements}).run(0, 4.0 * (operands + 1) * elements);
}

void layerNorm(benchmark::State &state, const char *) {
  const std::vector<int64_t> x = {kTokens, kFeatures}, c = {kFeatures}, rows = {kTokens};
  Bench bench(state, "layer_norm", {{"epsilon", 1e-5}});
  bench.input(x).input(c).input(c).output(x).output(rows).output(rows).run(0, 8.0 * kTokens * kFeatures);
}

void layerNormGradient(benchmark::State &state, const char *) {
  const std::vector<int64_t> x = {kTokens, kFeatures}, c = {kFeatures}, rows = {kTokens};
  Bench bench(state, "layer_norm_gradient", {});
  bench.input(x).input(x).input(c).input(rows).input(rows).output(x).output(c).output(c);
  bench.run(0, 12.0 * kTokens * kFeatures);
}

void crossEntropy(benchmark::State &state, const char *) {
  Bench bench(state, "cross_entropy", {});
  bench.input({kTokens, kVocabulary}).integers({kTokens}, kVocabulary).output({}).output({}).output({kTokens});
  bench.run(0, 4.0 * kTokens * kVocabulary);
}

void crossEntropyGradient(benchmark::State &state, const char *) {
  Bench bench(state, "cross_entropy_gradient", {{"index_offset", int64_t{0}}, {"index_size", kVocabulary}});
  bench.input({kTokens, kVocabulary}).integers({kTokens}, kVocabulary).input({kTokens}, 1).input({}).inPlace(0);
  bench.run(0, 8.0 * kTokens * kVocabulary);
}

void embeddingGradient(benchmark::State &state, const char *) {
  Bench bench(state, "embedding_gradient", {{"rows", kVocabulary}, {"row_offset", int64_t{0}}});
  bench.integers({kTokens}, kVocabulary).input({kTokens, kFeatures}).input({kVocabulary, kFeatures}).inPlace(2);
  bench.run(0, 12.0 * kTokens * kFeatures);
}

void adamw(benchmark::State &state, int64_t elements) {
  Bench bench(state, "adamw",
              {{"beta1", 0.9}, {"beta2", 0.999}, {"epsilon", 1e-8}, {"weight_decay", 0.01}, {"lr_factor", 1.0}});
  for (int i = 0; i < 4; ++i) bench.input({elements});
  bench.input({}, 1e-3f).input({}, 1).input({}, 3).flag().inPlace(0).inPlace(2).inPlace(3);
  bench.run(0, 28.0 * elements);
}

void initialize(benchmark::State &state, const char *) {
  const std::vector<int64_t> shape = {4 * kFeatures, kFeatures};
  Bench bench(state, "random",
              {{"distribution", std::string("normal")},
               {"mean", 0.0},
               {"deviation", 0.02},
               {"id", int64_t{3}},
               {"global_shape", shape},
               {"offset", std::vector<int64_t>{0, 0}}});
  bench.integers({4}, 1000).output(shape).run(0, 4.0 * shape[0] * shape[1]);
}

void biasGradient(benchmark::State &state, const char *) {
  Bench bench(state, "reduce", {{"kind", std::string("sum")}, {"dimensions", std::vector<int64_t>{0}}});
  bench.input({kTokens, 4 * kFeatures}).output({4 * kFeatures}).run(0, 4.0 * kTokens * 4 * kFeatures);
}

void sumSquares(benchmark::State &state, const char *) {
  Bench(state, "sum_squares", {}).input({64 << 20}).output({}).run(0, 4.0 * (64 << 20));
}

#define CLEAVE_BENCH(function, ...)                                                \
  BENCHMARK_CAPTURE(function, __VA_ARGS__)->Arg(1)->Unit(benchmark::kMicrosecond); \
  BENCHMARK_CAPTURE(function, __VA_ARGS__)->Arg(2)->UseRealTime()->Unit(benchmark::kMicrosecond)

CLEAVE_BENCH(matmul, qkv_256x768x768, kTokens, kFeatures, kFeatures, false, true);
CLEAVE_BENCH(matmul, up_256x768x3072, kTokens, kFeatures, 4 * kFeatures, false, true);
CLEAVE_BENCH(matmul, down_256x3072x768, kTokens, 4 * kFeatures, kFeatures, false, true);
CLEAVE_BENCH(matmul, logits_256x768x50257_T, kTokens, kFeatures, kVocabulary, true, false);
CLEAVE_BENCH(matmul, dqkv_256x768x768_T, kTokens, kFeatures, kFeatures, true, false);
CLEAVE_BENCH(matmul, dup_256x3072x768_T, kTokens, 4 * kFeatures, kFeatures, true, false);
CLEAVE_BENCH(matmul, ddown_256x768x3072_T, kTokens, kFeatures, 4 * kFeatures, true, false);
CLEAVE_BENCH(matmul, dlogits_256x50257x768, kTokens, kVocabulary, kFeatures, false, false);
CLEAVE_BENCH(outer, dW_768x768, kFeatures, kFeatures);
CLEAVE_BENCH(outer, dW_768x3072, kFeatures, 4 * kFeatures);
CLEAVE_BENCH(outer, dW_3072x768, 4 * kFeatures, kFeatures);
CLEAVE_BENCH(outer, dW_50257x768, kVocabulary, kFeatures);
CLEAVE_BENCH(convolution, y_8x64x56x56_3x3, Pass::kForward, 64, 64, 56, 3);
CLEAVE_BENCH(convolution, dx_8x64x56x56_3x3, Pass::kInputGradient, 64, 64, 56, 3);
CLEAVE_BENCH(convolution, dw_8x64x56x56_3x3, Pass::kWeightGradient, 64, 64, 56, 3);
CLEAVE_BENCH(convolution, y_8x64x56x56_1x1, Pass::kForward, 64, 256, 56, 1);
CLEAVE_BENCH(attention, sequence_64, 64);
CLEAVE_BENCH(attention, sequence_1024, 1024);
CLEAVE_BENCH(attentionGradient, sequence_64, 64);
CLEAVE_BENCH(attentionGradient, sequence_1024, 1024);
CLEAVE_BENCH(elementwise, add_256x768, "add", 2, kTokens *kFeatures);
CLEAVE_BENCH(elementwise, add_64M, "add", 2, 64 << 20);
CLEAVE_BENCH(elementwise, scale_256x768, "scale", 1, kTokens *kFeatures);
CLEAVE_BENCH(elementwise, gelu_tanh_256x3072, "gelu", 1, kTokens * 4 * kFeatures);
CLEAVE_BENCH(elementwise, gelu_tanh_gradient_256x3072, "gelu_gradient", 2, kTokens * 4 * kFeatures);
CLEAVE_BENCH(elementwise, exp_256x3072, "exp", 1, kTokens * 4 * kFeatures);
CLEAVE_BENCH(layerNorm, step, "step");
CLEAVE_BENCH(layerNormGradient, step, "step");
CLEAVE_BENCH(crossEntropy, step, "step");
CLEAVE_BENCH(crossEntropyGradient, step, "step");
CLEAVE_BENCH(embeddingGradient, step, "step");
CLEAVE_BENCH(initialize, weights_3072x768, "step");
CLEAVE_BENCH(biasGradient, step, "step");
CLEAVE_BENCH(sumSquares, step, "step");
CLEAVE_BENCH(adamw, all_124M, 124439808);
CLEAVE_BENCH(adamw, one_768x3072, kFeatures * 4 * kFeatures);

// One JSON line for each benchmark.
class JsonLines final : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context &) final { return true; }
  void ReportRuns(const std::vector<Run> &runs) final {
    for (const Run &run : runs) {
      std::printf("{\"bench\": \"kernels\", \"case\": \"%s\"", run.benchmark_name().c_str());
      if (run.error_occurred) {
        std::printf(", \"error\": \"%s\"}\n", run.error_message.c_str());
        continue;
      }
      std::printf(", \"wall_us\": %.1f, \"cpu_us\": %.1f", run.GetAdjustedRealTime(), run.GetAdjustedCPUTime());
      for (const auto &[name, rate] : run.counters) std::printf(", \"%s\": %.1f", name.c_str(), rate.value);
      std::printf("}\n");
    }
  }
};

}  // namespace
}  // namespace cleave

int main(int argc, char **argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  std::fprintf(stderr, "%s\n", cleave::cpuKernelChoices().c_str());
  cleave::JsonLines lines;
  benchmark::RunSpecifiedBenchmarks(&lines);
  return 0;
}
