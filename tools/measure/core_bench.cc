#include "tools/measure/core_bench.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <ctime>
#include <memory>
#include <thread>
#include <vector>

#include "runtime/device.h"

namespace cleave {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kRounds = 5;
constexpr double kSecondsOfRound = 6e-3;
constexpr int kMostCopies = 512;  // of a call's operands
// Operands are taken in turn from so many bytes of them.
constexpr double kNear = 0, kBehindCaches = 1.6e7, kOlder = 6.4e7, kFarAway = 2e8;

double wallSeconds() { return std::chrono::duration<double>(Clock::now().time_since_epoch()).count(); }

double threadSeconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return double(now.tv_sec) + 1e-9 * double(now.tv_nsec);
}

// Threads that go on together. Spins: what is measured is short.
class Barrier {
 public:
  explicit Barrier(int threads) : threads_(threads) {}
  void wait() {
    const int round = round_.load();
    if (++arrived_ == threads_) {
      arrived_ = 0;
      ++round_;
      return;
    }
    while (round_.load() == round) std::this_thread::yield();
  }

 private:
  const int threads_;
  std::atomic<int> arrived_{0}, round_{0};
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// Times rounds of calls. An error is kept; then nothing more is called.
class CoreTimer {
 public:
  CoreTimer(Barrier &barrier, std::atomic<bool> &failed, double seconds, int calls)
      : barrier_(barrier), failed_(failed), seconds_(seconds), calls_(calls) {}

  void run(absl::StatusOr<TimedCall> call) {
    status_ = call.status();
    if (call.ok()) status_ = (*call)();  // warms up
    if (!status_.ok()) failed_ = true;
    for (int round = 0; round < kRounds; ++round) {
      barrier_.wait();  // all of them, so that nobody waits for ever
      if (!failed_) time(*call);
    }
  }

  const absl::Status &status() const { return status_; }
  double result() const { return rounds_.empty() ? 0 : median(rounds_); }

 private:
  void time(const TimedCall &call) {
    const auto clock = calls_ > 0 ? wallSeconds : threadSeconds;
    const double start = clock();
    int count = 0;
    do {
      if (absl::Status status = call(); !status.ok()) status_ = status;
      ++count;
    } while (calls_ > 0 ? count < calls_ : clock() - start < seconds_);
    rounds_.push_back((clock() - start) / count);
    if (!status_.ok()) failed_ = true;
  }

  Barrier &barrier_;
  std::atomic<bool> &failed_;
  double seconds_;
  int calls_;
  absl::Status status_;
  std::vector<double> rounds_;
};

// One core's operands of a call, several times over.
class KernelData {
 public:
  static absl::StatusOr<std::shared_ptr<KernelData>> create(const KernelCase &kernelCase, double rotatedBytes) {
    auto data = std::make_shared<KernelData>();
    const int copies = std::clamp(int(rotatedBytes / kernelCase.allBytes()), 1, kMostCopies);
    for (int copy = 0; copy < copies; ++copy)
      if (absl::Status status = data->addCopy(kernelCase); !status.ok()) return status;
    auto site = KernelSite::create(/*threads=*/1, /*spinNanos=*/0);
    if (!site.ok()) return site.status();
    data->site_ = *std::move(site);
    return data;
  }

  absl::Status run(const Kernel &kernel, const Attributes &attributes) {
    next_ = (next_ + 1) % inputs_.size();
    return kernel.run({attributes, inputs_[next_], outputs_[next_]}, site_->context());
  }
  KernelCall call(const Attributes &attributes) const { return {attributes, inputs_[0], outputs_[0]}; }

 private:
  absl::Status addCopy(const KernelCase &kernelCase) {
    std::vector<TensorView> inputs, outputs;
    for (const KernelOperand &operand : kernelCase.inputs)
      if (absl::Status status = add(operand, inputs); !status.ok()) return status;
    for (size_t i = 0; i < kernelCase.outputs.size(); ++i) {
      const int taken = i < kernelCase.inPlace.size() ? kernelCase.inPlace[i] : -1;
      if (taken >= 0) {
        outputs.push_back(inputs[taken]);
      } else if (absl::Status status = add(kernelCase.outputs[i], outputs); !status.ok()) {
        return status;
      }
    }
    inputs_.push_back(std::move(inputs));
    outputs_.push_back(std::move(outputs));
    return absl::OkStatus();
  }

  absl::Status add(const KernelOperand &operand, std::vector<TensorView> &to) {
    TensorView view = TensorView::contiguous(nullptr, operand.dtype, operand.shape);
    auto memory = Memory::allocate(std::max<int64_t>(64, view.bytes()));
    if (!memory.ok()) return memory.status();
    view.data = memory->data();
    memory_.push_back(*std::move(memory));
    for (int64_t i = 0; i < view.elements(); ++i) {
      if (operand.dtype == DType::kF32) view.as<float>()[i] = float(operand.scale * double(1 + i % 13));
      if (operand.dtype == DType::kI32) view.as<int32_t>()[i] = int32_t(i * 7919 % operand.below);
      if (operand.dtype == DType::kBool) view.as<uint8_t>()[i] = 1;
    }
    to.push_back(view);
    return absl::OkStatus();
  }

  std::vector<Memory> memory_;
  std::vector<std::vector<TensorView>> inputs_, outputs_;
  std::unique_ptr<KernelSite> site_;
  size_t next_ = 0;
};

absl::StatusOr<double> secondsOfCall(int cores, double seconds, int calls, PrepareCore prepare) {
  Barrier barrier(cores);
  std::atomic<bool> failed{false};
  std::vector<CoreTimer> timers(cores, CoreTimer(barrier, failed, seconds, calls));
  std::vector<std::thread> threads;
  for (int core = 0; core < cores; ++core) threads.emplace_back([&, core] { timers[core].run(prepare(core)); });
  for (std::thread &thread : threads) thread.join();
  double sum = 0;
  for (const CoreTimer &timer : timers)
    if (!timer.status().ok()) return timer.status();
  for (const CoreTimer &timer : timers) sum += timer.result();
  return sum / cores;
}

}  // namespace

absl::StatusOr<double> secondsOfWork(int cores, double seconds, PrepareCore prepare) {
  return secondsOfCall(cores, seconds, /*calls=*/0, prepare);
}

absl::StatusOr<double> secondsOfMeetings(int cores, int calls, PrepareCore prepare) {
  return secondsOfCall(cores, /*seconds=*/0, calls, prepare);
}

// With operands that are taken in turn from so many bytes of them.
static absl::StatusOr<double> secondsAmong(double rotatedBytes, const KernelCase &kernelCase, int cores,
                                           const Registry &registry) {
  return secondsOfWork(cores, kSecondsOfRound, [&](int) -> absl::StatusOr<TimedCall> {
    auto data = KernelData::create(kernelCase, rotatedBytes);
    if (!data.ok()) return data.status();
    const auto kernel = registry.find(kernelCase.kernel, (*data)->call(kernelCase.attributes));
    if (!kernel.ok()) return kernel.status();
    return TimedCall([data = *data, kernel = *kernel, &kernelCase] { return data->run(*kernel, kernelCase.attributes); });
  });
}

absl::StatusOr<double> secondsOfKernel(const KernelCase &kernelCase, int cores, const Registry &registry) {
  using Lies = KernelCase::Lies;
  if (kernelCase.lies == Lies::kFarAway) return secondsAmong(kFarAway, kernelCase, cores, registry);
  if (kernelCase.lies == Lies::kBehindCaches) return secondsAmong(kBehindCaches, kernelCase, cores, registry);
  const auto near = secondsAmong(kNear, kernelCase, cores, registry);
  if (!near.ok()) return near;
  const auto older = secondsAmong(kOlder, kernelCase, cores, registry);
  if (!older.ok()) return older;
  return (*near + *older) / 2;
}

}  // namespace cleave
