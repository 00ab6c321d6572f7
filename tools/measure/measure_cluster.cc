#include "tools/measure/measure_cluster.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tools/measure/collective_bench.h"
#include "tools/measure/core_bench.h"
#include "tools/measure/kernel_cases.h"

namespace cleave {
namespace {

constexpr char kProduct[] = "matmul";  // whose efficiency stands for products without a table of their own
constexpr char kStream[] = "mul";      // whose bandwidth stands for kernels without a table of their own
constexpr int64_t kSmallTransfer = 4096;
constexpr int64_t kLargeTransfers[] = {1 << 20, 4 << 20};

struct Timed {
  KernelCase of;
  double seconds = 0;
};

class Measurement {
 public:
  Measurement(const Registry &registry, const MeasureOptions &options)
      : registry_(registry), options_(options), cases_(trainingCases()) {}

  absl::StatusOr<Cluster> run() {
    Cluster cluster;
    cluster.name = "measured";
    cluster.host.cores = options_.cores;
    cluster.device.memoryBytes = options_.memoryBytes;
    absl::Status status = timeKernels();
    if (!status.ok()) return status;
    describeKernels(cluster.device);
    if (status = measureMemory(cluster); !status.ok()) return status;
    if (status = measureLink(cluster); !status.ok()) return status;
    return cluster;
  }

 private:
  void tell(const std::string &what) {
    if (options_.progress) options_.progress(what, double(done_++) / double(cases_.size() + 3));
  }

  absl::Status timeKernels() {
    for (KernelCase &held : cases_) {
      tell(held.kernel);
      const auto seconds = secondsOfKernel(held, options_.cores, registry_);
      if (!seconds.ok())
        return absl::Status(seconds.status().code(), absl::StrCat("kernel ", held.kernel, ": ", seconds.status().message()));
      timed_.push_back({held, *seconds});
      if (held.flops > 0) peak_ = std::max(peak_, held.flops / *seconds);
    }
    return absl::OkStatus();
  }

  // Adds a row; of two of one size the mean of their times counts.
  static void addRow(Cluster::Table &table, double size, double value) {
    for (Cluster::Point &row : table)
      if (row.size == size) {
        row.value = 2 / (1 / row.value + 1 / value);
        return;
      }
    table.push_back({size, value});
  }

  static double sizeOf(const KernelCase &held) { return 1.5 * held.flops / held.elements(); }

  // How many flops a sum costs besides its own: seconds by flop are proportional to 1 + x / (2 depth), at one size.
  double flopsBySum(const std::string &name) const {
    for (const Timed &shallow : timed_)
      for (const Timed &deep : timed_) {
        if (!shallow.of.isShallow || deep.of.isShallow || nameOf(shallow.of) != name || nameOf(deep.of) != name) continue;
        if (std::abs(std::log(sizeOf(shallow.of) / sizeOf(deep.of))) > 0.1) continue;
        const double ratio = (shallow.seconds / shallow.of.flops) / (deep.seconds / deep.of.flops);
        const double left = 1 / (2 * shallow.of.depth()) - ratio / (2 * deep.of.depth());
        return ratio > 1 && left > 0 ? (ratio - 1) / left : 0;
      }
    return 0;
  }

  static std::string nameOf(const KernelCase &held) { return held.kernel + held.variant; }

  void describeKernels(Cluster::Device &device) const {
    device.peaks = {{"f32", peak_}};
    for (const Timed &timed : timed_) {
      if (timed.of.isShallow) continue;
      const std::string name = nameOf(timed.of);
      auto known = std::find_if(device.kernels.begin(), device.kernels.end(),
                                [&](const Cluster::Kernel &kernel) { return kernel.name == name; });
      if (known == device.kernels.end()) known = device.kernels.insert(known, {name, {}, {}, flopsBySum(name)});
      const double flops = timed.of.flops * (1 + known->flopsBySum / (2 * timed.of.depth()));
      if (timed.of.flops > 0)
        addRow(known->efficiency, sizeOf(timed.of), std::min(1.0, flops / timed.seconds / peak_));
      else
        addRow(known->bandwidth, timed.of.allBytes(), timed.of.allBytes() / timed.seconds);
    }
    for (Cluster::Kernel &kernel : device.kernels) {
      const auto bySize = [](const auto &a, const auto &b) { return a.size < b.size; };
      std::sort(kernel.efficiency.begin(), kernel.efficiency.end(), bySize);
      std::sort(kernel.bandwidth.begin(), kernel.bandwidth.end(), bySize);
      if (kernel.name == kProduct) device.matmulEfficiency = kernel.efficiency;
      if (kernel.name != kStream) continue;
      for (size_t i = 0; i + 1 < kernel.bandwidth.size(); ++i)
        device.caches.push_back({int64_t(kernel.bandwidth[i].size), kernel.bandwidth[i].value});
    }
  }

  // Beyond the caches: one core alone, and all at once. The launch is a call that does next to nothing.
  absl::Status measureMemory(Cluster &cluster) {
    tell("memory");
    KernelCase largest, least;
    for (const KernelCase &held : cases_)
      if (held.kernel == kStream && (largest.kernel.empty() || held.allBytes() > largest.allBytes())) largest = held;
    least = largest;
    for (auto *operands : {&least.inputs, &least.outputs})
      for (KernelOperand &operand : *operands) operand.shape = {1, 16};
    const auto alone = secondsOfKernel(largest, 1, registry_), together = secondsOfKernel(largest, options_.cores, registry_),
               launch = secondsOfKernel(least, options_.cores, registry_);
    for (const auto *seconds : {&alone, &together, &launch})
      if (!seconds->ok()) return seconds->status();
    cluster.device.memoryBandwidth = largest.allBytes() / *alone;
    cluster.host.memoryBandwidth = largest.allBytes() / *together * options_.cores;
    cluster.device.launchOverhead = *launch;
    return absl::OkStatus();
  }

  // The rate at which a member's thread reads and writes, between as many members as there are cores.
  absl::Status measureLink(Cluster &cluster) {
    const int members = std::max(2, options_.cores);
    const double slowdown = double(members) / options_.cores;
    tell("collectives");
    const auto least = secondsOfAllReduce(members, kSmallTransfer);
    if (!least.ok()) return least.status();
    Cluster::Link link;
    link.algorithm = Cluster::Algorithm::kOnePass;
    link.latency = *least / slowdown;
    double logs = 0;
    for (int64_t bytes : kLargeTransfers) {
      tell("collectives");
      const auto seconds = secondsOfAllReduce(members, bytes);
      if (!seconds.ok()) return seconds.status();
      logs += std::log(2 * double(bytes) / std::max(*seconds / slowdown - link.latency, 1e-9));
    }
    link.bandwidth = std::exp(logs / double(std::size(kLargeTransfers)));
    link.isFullDuplex = true;
    cluster.links = {link};
    return absl::OkStatus();
  }

  const Registry &registry_;
  const MeasureOptions &options_;
  std::vector<KernelCase> cases_;
  std::vector<Timed> timed_;
  double peak_ = 0;
  int done_ = 0;
};

}  // namespace

absl::StatusOr<Cluster> measureCluster(const Registry &registry, const MeasureOptions &options) {
  return Measurement(registry, options).run();
}

}  // namespace cleave
