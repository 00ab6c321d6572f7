#include "passes/cost/machine.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"

namespace cleave {
namespace {

using Algorithm = Cluster::Algorithm;
using Reach = Cluster::Reach;

// Bytes that a member's thread reads and writes where all do their share in shared memory.
double touchedBytes(TransferKind kind, double n, double bytes) {
  return kind == TransferKind::kReduceScatter ? bytes + bytes / n : 2 * bytes;
}

double ringSteps(TransferKind kind, double n) {
  if (kind == TransferKind::kPermute) return 1;
  return kind == TransferKind::kAllReduce ? 2 * (n - 1) : n - 1;
}

double treeSteps(TransferKind kind, double n) {
  if (kind == TransferKind::kPermute) return 1;
  return (kind == TransferKind::kAllReduce ? 2 : 1) * std::ceil(std::log2(n));
}

// A tree sends all of a sum up and down; in an exchange half of all goes through each of its levels.
double treeBytes(TransferKind kind, double n, double bytes) {
  if (kind == TransferKind::kAllReduce) return 2 * bytes;
  if (kind == TransferKind::kAllToAll) return bytes / 2 * std::ceil(std::log2(n));
  return wireBytes(kind, n, bytes);
}

TransferCost costOf(const Cluster::Link &link, TransferKind kind, double n, double bytes, double threads) {
  const double bandwidth = link.bandwidth * (link.isFullDuplex ? 1 : 0.5);
  const double ring = ringSteps(kind, n) * link.latency + wireBytes(kind, n, bytes) / bandwidth;
  const double tree = treeSteps(kind, n) * link.latency + treeBytes(kind, n, bytes) / bandwidth;
  switch (link.algorithm) {
    case Algorithm::kDirect: return {0, link.latency + wireBytes(kind, n, bytes) / bandwidth};
    case Algorithm::kRing: return {0, ring};
    case Algorithm::kTree: return {0, tree};
    case Algorithm::kRingOrTree: return {0, std::min(ring, tree)};
    case Algorithm::kOnePass: return {(link.latency + touchedBytes(kind, n, bytes) / link.bandwidth) / threads, 0};
  }
  return {};
}

}  // namespace

double wireBytes(TransferKind kind, double n, double bytes) {
  if (kind == TransferKind::kPermute) return bytes;
  return (kind == TransferKind::kAllReduce ? 2 : 1) * (n - 1) / n * bytes;
}

Machine::Machine(Cluster cluster, std::vector<Axis> mesh) : cluster_(std::move(cluster)), mesh_(std::move(mesh)) {
  for (const Axis &axis : mesh_) devices_ *= axis.size;
  const Cluster::Host &host = cluster_.host;
  onHost_ = host.devices > 0 ? std::min(host.devices, devices_) : devices_;
  // Threads don't migrate between devices: of three cores two devices use two.
  if (host.cores >= onHost_) cores_ = double(host.cores / onHost_);
  else if (host.cores > 0) cores_ = double(host.cores) / double(onHost_);
  memoryBytes_ = double(cluster_.device.memoryBytes);
  if (host.cores > 0) memoryBytes_ /= double(onHost_);
}

absl::StatusOr<Machine> Machine::create(Cluster cluster, std::vector<Axis> mesh, std::vector<Cluster::Link> links) {
  Machine machine(std::move(cluster), std::move(mesh));
  std::string names;
  for (const Axis &axis : machine.mesh_) absl::StrAppend(&names, names.empty() ? "" : ", ", axis.name);
  for (const Cluster::Link &link : links)
    if (std::none_of(machine.mesh_.begin(), machine.mesh_.end(),
                     [&](const Axis &axis) { return axis.name == link.axis; }))
      return absl::InvalidArgumentError(
          absl::StrCat("requires a link of an axis of the mesh (", names, "), got \"", link.axis, "\""));
  machine.linkAxes(links);
  return machine;
}

void Machine::linkAxes(const std::vector<Cluster::Link> &links) {
  for (size_t axis = 0; axis < mesh_.size(); ++axis) links_.push_back(linkOf(axis, links));
}

Machine::AxisLink Machine::linkOf(size_t axis, const std::vector<Cluster::Link> &links) const {
  int64_t spanned = mesh_[axis].size;  // from the first to the last of a group, in ranks
  for (size_t inner = axis + 1; inner < mesh_.size(); ++inner) spanned *= mesh_[inner].size;
  const Reach reach = spanned <= onHost_ && onHost_ % spanned == 0 ? Reach::kHost : Reach::kNetwork;
  const Cluster::Link *byReach = nullptr, *byName = nullptr;
  for (const Cluster::Link &link : cluster_.links) {
    if (link.axis == mesh_[axis].name && !byName) byName = &link;
    if (link.axis.empty() && (link.reach == Reach::kAny || link.reach == reach) && !byReach) byReach = &link;
  }
  const Cluster::Link &known = byName ? *byName : *byReach;
  for (const Cluster::Link &link : links) {
    if (link.axis != mesh_[axis].name) continue;
    if (known.algorithm == Algorithm::kOnePass) return {link, known};
    return {link, std::nullopt};
  }
  return {known, std::nullopt};
}

const Cluster::Kernel *Machine::find(absl::string_view kernel) const {
  for (const Cluster::Kernel &known : cluster_.device.kernels)
    if (known.name == kernel) return &known;
  return nullptr;
}

double Machine::peakOf(absl::string_view dtype) const {
  const auto &peaks = cluster_.device.peaks;
  for (absl::string_view wanted : {dtype, absl::string_view("f32")})
    for (const Cluster::Peak &peak : peaks)
      if (peak.dtype == wanted) return peak.flops;
  return peaks.front().flops;
}

// Of a device: what its cores reach, but no more than its part of what the host has.
double Machine::bandwidthFor(double bytes, const Cluster::Kernel *kernel) const {
  const double ofCore = bytes / std::max(1.0, cores_);
  if (kernel && !kernel->bandwidth.empty()) return valueAt(kernel->bandwidth, ofCore, 0) * cores_;
  for (const Cluster::Cache &cache : cluster_.device.caches)
    if (ofCore <= double(cache.bytes)) return cache.bandwidth * cores_;
  const double alone = cluster_.device.memoryBandwidth * cores_;
  const double shared = cluster_.host.memoryBandwidth;
  return shared > 0 ? std::min(alone, shared / double(onHost_)) : alone;
}

double Machine::seconds(const Work &work) const {
  const Cluster::Kernel *kernel = work.drawsRandom ? find(absl::StrCat(work.kernel, "/random")) : nullptr;
  if (!kernel) kernel = find(work.kernel);
  double efficiency = 1;
  const double size = work.elements > 0 ? 1.5 * work.flops / work.elements : 0;
  if (kernel && !kernel->efficiency.empty()) efficiency = valueAt(kernel->efficiency, size, 1);
  else if (work.multipliesMatrices) efficiency = valueAt(cluster_.device.matmulEfficiency, size, 1);
  const double sums = kernel && work.depth > 0 ? work.flops / (2 * work.depth) : 0;
  const double flops = work.flops + (kernel ? kernel->flopsBySum * sums : 0);
  const double arithmetic = flops / (peakOf(work.dtype) * efficiency * cores_);
  const double memory = work.bytes > 0 ? work.bytes / bandwidthFor(work.bytes, kernel) : 0;
  return std::max(arithmetic, memory) + cluster_.device.launchOverhead / std::min(1.0, cores_);
}

double Machine::memorySeconds(double bytes) const { return bytes > 0 ? bytes / bandwidthFor(bytes, nullptr) : 0; }

TransferCost Machine::transfer(TransferKind kind, absl::Span<const int64_t> axes, double bytes) const {
  double n = 1;
  for (int64_t axis : axes) n *= double(mesh_[axis].size);
  TransferCost slowest;
  if (n <= 1) return slowest;
  const double threads = std::min(1.0, cores_);  // one a device copies
  for (int64_t axis : axes) {
    if (mesh_[axis].size == 1) continue;
    TransferCost cost = costOf(links_[axis].link, kind, n, bytes, threads);
    if (links_[axis].copies) cost.work += costOf(*links_[axis].copies, kind, n, bytes, threads).work;
    if (cost.seconds() > slowest.seconds()) slowest = cost;
  }
  return slowest;
}

double Machine::latency(int64_t axis) const { return links_[axis].link.latency; }

double Machine::sendSeconds(int64_t axis, double bytes) const { return bytes / links_[axis].link.bandwidth; }

}  // namespace cleave
