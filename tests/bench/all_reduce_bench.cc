// An all-reduce between two devices through actors and communicator, against a plain loop that two threads run over the
// same memory in one pass. Medians of interleaved runs; one JSON line a size.

#include <cstdio>
#include <memory>
#include <vector>

#include "actors/scheduler.h"
#include "actors/task_actors.h"
#include "tests/bench/spin_latency.h"

namespace cleave {
namespace {

constexpr int kDevices = 2;

struct Buffers {
  explicit Buffers(int64_t count) {
    for (int device = 0; device < kDevices; ++device) {
      in.emplace_back(count, 1.0f);
      out.emplace_back(count, 0.0f);
    }
  }
  std::vector<std::vector<float>> in, out;
};

// The plain loop: each thread sums its half and writes it to both devices.
void sumPart(const float *a, const float *b, float *__restrict outA, float *__restrict outB, int64_t begin,
             int64_t end) {
  for (int64_t i = begin; i < end; ++i) {
    const float sum = a[i] + b[i];
    outA[i] = sum;
    outB[i] = sum;
  }
}

class PlainLoop {
 public:
  PlainLoop(Buffers &buffers, int64_t count) : buffers_(buffers), count_(count), peer_([this] { serve(); }) {}
  ~PlainLoop() {
    round_ = -1;
    peer_.join();
  }
  double measure(int repeats) {
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < repeats; ++i) {
      const int64_t round = ++rounds_;
      round_.store(round, std::memory_order_release);
      part(0);
      while (done_.load(std::memory_order_acquire) != round) {
      }
    }
    return nanosSince(start) / repeats;
  }

 private:
  void part(int thread) {
    sumPart(buffers_.in[0].data(), buffers_.in[1].data(), buffers_.out[0].data(), buffers_.out[1].data(),
            count_ * thread / kDevices, count_ * (thread + 1) / kDevices);
  }
  void serve() {
    for (int64_t seen = 0;;) {
      const int64_t round = round_.load(std::memory_order_acquire);
      if (round < 0) return;
      if (round == seen) continue;
      seen = round;
      part(1);
      done_.store(round, std::memory_order_release);
    }
  }

  Buffers &buffers_;
  const int64_t count_;
  int64_t rounds_ = 0;
  std::atomic<int64_t> round_{0}, done_{0};
  std::thread peer_;
};

double measureOurs(Scheduler &scheduler, Buffers &buffers, int64_t count, int repeats) {
  CollectiveSpec spec;
  spec.reduction = Reduction::kSum;
  spec.dims = {{count}};
  const Box whole = wholeBox(spec.dims[0]);
  spec.groups.push_back({{0, 1}, {{{whole, whole}, {whole, whole}}}});
  const std::vector<CollectiveSpec> specs = {spec};
  const auto communicator = makeSharedMemoryCommunicator(specs);
  TaskLabel label;
  ActorGraph graph;
  for (int device = 0; device < kDevices; ++device) {
    const StreamId stream = graph.addStream(RankId(device), "communicate");
    const auto viewOf = [&](std::vector<float> &v) { return TensorView::contiguous(v.data(), DType::kF32, spec.dims[0]); };
    graph.addActor(stream, makeCollective({0, device, {viewOf(buffers.in[device])}, {viewOf(buffers.out[device])}, &label},
                                          graph.nextActor(), *communicator, nullptr));
  }
  graph.finish();
  (void)scheduler.run(graph, 1);
  const auto start = std::chrono::steady_clock::now();
  const absl::Status status = scheduler.run(graph, repeats);
  const double nanos = nanosSince(start) / repeats;
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return nanos;
}

void runSize(int64_t megabytes) {
  const int64_t count = megabytes * (1 << 20) / 4;
  const int repeats = static_cast<int>(256 / megabytes);
  constexpr int kRuns = 11;
  Buffers buffers(count);
  SchedulerOptions options;
  options.deadlineNanos = 0;
  options.spinNanos = 1000000;
  std::vector<double> ours, plain;
  for (int i = 0; i < kRuns; ++i) {
    // Threads of the other side are gone while one side is measured.
    {
      PlainLoop loop(buffers, count);
      loop.measure(1);
      plain.push_back(loop.measure(repeats));
    }
    const auto scheduler = makeThreadedScheduler(kDevices, options);
    ours.push_back(measureOurs(*scheduler, buffers, count, repeats));
  }
  const double a = medianOf(ours) * 1e-3, b = medianOf(plain) * 1e-3;
  std::printf(
      "{\"bench\": \"all_reduce\", \"megabytes\": %d, \"devices\": %d, \"us\": %.1f, \"plain_loop_us\": %.1f, "
      "\"ratio\": %.3f, \"limit\": 1.2, \"spin_latency_ns\": %.1f}\n",
      static_cast<int>(megabytes), kDevices, a, b, a / b, measureSpinLatency(100000));
}

}  // namespace
}  // namespace cleave

int main() {
  cleave::runSize(4);
  cleave::runSize(64);
}
