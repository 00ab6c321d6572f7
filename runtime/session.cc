#include "runtime/session.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <set>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "actors/clock.h"
#include "actors/scheduler.h"
#include "runtime/build_graph.h"
#include "runtime/copy_tensor.h"
#include "runtime/device.h"
#include "runtime/finite_check.h"
#include "runtime/flight/recorded_communicator.h"
#include "runtime/plan/plan_checks.h"
#include "runtime/trace/arrivals.h"
#include "runtime/transport/remote_parts.h"

namespace cleave {
namespace {

constexpr int64_t kSpinNanos = 50000;

// Sets every element of a view to `value`, in the view's type.
template <typename T>
void fillWith(const TensorView &view, T value) {
  std::fill_n(view.as<T>(), view.elements(), value);
}

absl::Status fill(const std::string &where, const TensorView &view, double value) {
  if (value == 0 || view.elements() == 0) return absl::OkStatus();  // memory is zero from the start
  switch (view.dtype) {
    case DType::kF32: fillWith(view, static_cast<float>(value)); return absl::OkStatus();
    case DType::kF64: fillWith(view, value); return absl::OkStatus();
    case DType::kI32:
      fillWith(view, static_cast<int32_t>(std::clamp(value, -2147483648.0, 2147483647.0)));
      return absl::OkStatus();
    case DType::kI64: fillWith(view, static_cast<int64_t>(std::clamp(value, -9e18, 9e18))); return absl::OkStatus();
    case DType::kBool: fillWith(view, static_cast<uint8_t>(1)); return absl::OkStatus();
    default: return planError(where, "a fill value of 0 for a 16-bit type", value);
  }
}

bool updatesVariables(const program::Entry &entry) {
  for (const program::Program &program : entry.programs)
    for (const program::Task &task : program.tasks)
      for (int output : task.outputs)
        if (program.registers[output].variable >= 0) return true;
  return false;
}

absl::Status checkView(const std::string &where, const TensorView &view, DType dtype, absl::Span<const int64_t> dims) {
  if (view.dtype != dtype || view.dims() != dims || (!view.data && view.elements() > 0))
    return planError(where, TensorView::contiguous(nullptr, dtype, dims).str(), view.data ? view.str() : "no data");
  return absl::OkStatus();
}

}  // namespace

class Session::Impl {
 public:
  Impl(LoadedPlan plan, const SessionOptions &options) : plan_(std::move(plan)), options_(options) {}

  absl::Status start() {
    ranks_ = options_.part.job ? options_.part.ranks : RankRange{0, plan_.ranks()};
    measureStreams();
    CLEAVE_RETURN_IF_ERROR(makeDevices());
    CLEAVE_RETURN_IF_ERROR(fillStates());
    for (const program::Entry &entry : plan_.entries) CLEAVE_RETURN_IF_ERROR(prepare(entry));
    SchedulerOptions scheduling;
    scheduling.deadlineNanos = static_cast<int64_t>(std::clamp(options_.deadlineSeconds, 0.0, 1e9) * 1e9);
    scheduling.spinNanos = spinNanos_;
    scheduling.clock = options_.clock;
    scheduling.log = true;
    scheduling.trace = options_.trace;
    scheduler_ = options_.deterministic ? makeDeterministicScheduler(options_.seed, scheduling)
                                        : makeThreadedScheduler(ranks_.size() * streamsPerRank_, scheduling);
    return absl::OkStatus();
  }

  absl::Status writePart(absl::string_view name, const Box &part, const TensorView &values) {
    int v = -1;
    CLEAVE_RETURN_IF_ERROR(findPart(name, part, values, v));
    for (int rank = ranks_.first; rank < ranks_.end; ++rank) {
      const Box &box = plan_.variables[v].layout.boxes[rank];
      const Box shared = intersect(box, part);
      if (shared.elements() == 0) continue;
      copyTensor(viewPart(variableView(v, rank), box, shared), viewPart(values, part, shared));
    }
    return absl::OkStatus();
  }

  absl::Status readPart(absl::string_view name, const Box &part, const TensorView &values) const {
    int v = -1;
    CLEAVE_RETURN_IF_ERROR(findPart(name, part, values, v));
    absl::Status status;
    forEachDistinctBox(plan_.variables[v].layout, ranks_, [&](int rank, const Box &box) {
      const Box shared = intersect(box, part);
      if (shared.elements() == 0 || !status.ok()) return;
      const TensorView to = viewPart(values, part, shared);
      if (ranks_.contains(rank)) {
        copyTensor(to, viewPart(variableView(v, rank), box, shared));
      } else {
        status = askForPart(*options_.part.job, rank / ranks_.size(), {v, rank, shared}, to);
      }
    });
    return status;
  }

  absl::Status serveReads() const {
    if (options_.part.job == nullptr) return absl::OkStatus();
    return answerParts(*options_.part.job, [&](const AskedPart &part) -> absl::StatusOr<TensorView> {
      if (part.variable < 0 || part.variable >= static_cast<int>(plan_.variables.size()) || !ranks_.contains(part.rank))
        return absl::InternalError("requires that parts are asked of the process that holds them");
      const Box &box = plan_.variables[part.variable].layout.boxes[part.rank];
      if (part.box.start.size() != box.start.size() || intersect(box, part.box) != part.box)
        return absl::InternalError("requires that parts are asked that a rank holds");
      return viewPart(variableView(part.variable, part.rank), box, part.box);
    });
  }
  absl::Status endReads() const { return options_.part.job ? endAsking(*options_.part.job) : absl::OkStatus(); }

  // Fails unless the view has the variable's shape: a smaller one is a part, and says so.
  absl::Status checkWhole(absl::string_view name, const TensorView &global) const {
    const int v = plan_.findVariable(std::string(name));
    if (v < 0) return planError("plan", absl::StrCat("a variable ", quoted(name)), "none");
    const program::TensorType &type = plan_.variables[v].type;
    return checkView(absl::StrCat("variable ", quoted(name)), global, type.dtype, type.dims);
  }

  absl::StatusOr<Outputs> run(absl::string_view name, const Inputs &inputs) {
    if (!isIntact_)
      return absl::FailedPreconditionError(
          "a session requires that its last run ended well, got one that failed while it updated variables");
    const auto prepared = prepared_.find(std::string(name));
    if (prepared == prepared_.end()) return planError("plan", absl::StrCat("an entry ", quoted(name)), "none");
    Prepared &held = *prepared->second;
    CLEAVE_RETURN_IF_ERROR(checkInputs(held.entry, inputs));
    for (const program::Port &port : held.entry.inputs) scatter(held.entry, port, inputs.at(port.name));

    absl::Status status = scheduler_->run(held.graph, /*steps=*/1);
    lastRun_ = status.ok() ? &held : nullptr;
    settled_.clear();
    if (status.ok() && options_.part.sharesArrivals) status = shareArrivals(held.entry);
    if (options_.trace) keepTrace(held.entry.name);
    if (!status.ok()) {
      held.communicator->reset();
      held.graph.reset();
      isIntact_ = !held.updates;
    } else if (options_.checkFinite) {
      status = finiteCheck_.take();
    }
    if (!status.ok()) return absl::Status(status.code(), absl::StrCat("entry ", quoted(name), ": ", status.message()));

    Outputs outputs;
    for (const program::Port &port : held.entry.outputs) {
      auto value = gather(held.entry, port);
      if (!value.ok()) return value.status();
      outputs.emplace(port.name, *std::move(value));
    }
    return outputs;
  }

  void interrupt(absl::Status why) { scheduler_->interrupt(std::move(why)); }

  std::vector<int64_t> peakBytes() const {
    std::vector<int64_t> bytes;
    int64_t scratch = 0;  // the same on each device
    for (const auto &site : devices_.front().sites) scratch += site ? site->workspaceBytes() : 0;
    for (const LoadedPlan::Member &member : plan_.members)
      bytes.push_back(plan_.classes[member.rankClass].arenaBytes + scratch);
    return bytes;
  }

  std::vector<int64_t> lateNanos() const {
    if (!settled_.empty()) return late_;
    return options_.part.job ? std::vector<int64_t>() : lateOf(lastRun());
  }

  std::vector<DeviceRun> lastRun() const {
    if (!settled_.empty()) return settled_;
    std::vector<DeviceRun> runs;
    if (lastRun_ == nullptr) return runs;
    const RunLog &log = scheduler_->log();
    for (int rank = ranks_.first; rank < ranks_.end; ++rank) {
      DeviceRun &run = runs.emplace_back();
      run.rank = rank;
      run.beginNanos = log.beginNanos;
      run.endNanos = log.endNanos;
      for (int s = 0; s < streamsPerRank_; ++s)
        for (const CollectiveEvent &event : log.streams[streamOf(rank, s)].collectives)
          run.collectives.push_back(event);
      std::stable_sort(run.collectives.begin(), run.collectives.end(),
                       [](const auto &a, const auto &b) { return a.startNanos < b.startNanos; });
      addWaits(log.streams[streamOf(rank, computeStream_)], lastRun_->graph, run);
    }
    return runs;
  }

  TraceLog takeTrace() {
    TraceLog log = std::exchange(trace_, {});
    log.labels = labels_;
    return log;
  }

  const LoadedPlan &plan() const { return plan_; }
  int threads() const { return threads_; }

 private:
  struct Device {
    Memory arena;
    std::vector<std::unique_ptr<KernelSite>> sites;  // by stream; null where a stream has no kernels
  };
  // What runs an entry.
  struct Prepared {
    const program::Entry &entry;
    bool updates;
    std::unique_ptr<Communicator> communicator;
    ActorGraph graph;
  };

  // A collective on the compute stream itself is waited for too.
  static void addWaits(const StreamLog &compute, const ActorGraph &graph, DeviceRun &run) {
    for (const WaitEvent &wait : compute.waits)
      run.waits.push_back({wait.beginNanos, wait.endNanos, graph.collectivesBefore(wait.actor)});
    for (const CollectiveEvent &event : compute.collectives)
      run.waits.push_back({event.startNanos, event.doneNanos, {event.label}});
    std::sort(run.waits.begin(), run.waits.end(),
              [](const auto &a, const auto &b) { return a.beginNanos < b.beginNanos; });
    const int64_t end = compute.endNanos >= 0 ? compute.endNanos : run.beginNanos;
    if (end < run.endNanos) run.waits.push_back({end, run.endNanos, {}, /*isAtEnd=*/true});
  }

  static std::vector<int64_t> lateOf(const std::vector<DeviceRun> &runs) {
    std::vector<int64_t> late;
    for (const DeviceRun &run : runs) late.push_back(timesOf(run, explainIdle(run)).late);
    return late;
  }

  absl::Status shareArrivals(const program::Entry &entry) {
    std::vector<DeviceRun> runs = lastRun();
    const auto stays = options_.part.job->gather(packStays(runs));
    if (!stays.ok()) return stays.status();
    settleArrivals(*stays, entry.collectives, runs);
    const std::vector<int64_t> mine = lateOf(runs);
    const auto all = options_.part.job->gather(
        std::string(reinterpret_cast<const char *>(mine.data()), mine.size() * sizeof(int64_t)));
    if (!all.ok()) return all.status();
    const std::string joined = absl::StrJoin(*all, "");
    late_.resize(joined.size() / sizeof(int64_t));
    std::memcpy(late_.data(), joined.data(), late_.size() * sizeof(int64_t));
    settled_ = std::move(runs);
    return absl::OkStatus();
  }

  void keepTrace(const std::string &entry) {
    const RunLog &log = scheduler_->log();
    for (DeviceRun &run : lastRun()) {
      TraceLog::Device device;
      device.rank = run.rank;
      device.runs = {{entry, run.beginNanos, run.endNanos}};
      device.idle = explainIdle(run);
      for (int s = 0; s < streamsPerRank_; ++s) {
        const StreamLog &stream = log.streams[streamOf(run.rank, s)];
        if (s == computeStream_) {
          device.tasks = stream.tasks;
        } else {
          device.communicate.insert(device.communicate.end(), stream.tasks.begin(), stream.tasks.end());
        }
      }
      for (const CollectiveEvent &event : run.collectives)
        device.communicate.push_back({event.label, event.startNanos, event.doneNanos});
      std::stable_sort(device.communicate.begin(), device.communicate.end(),
                       [](const auto &a, const auto &b) { return a.beginNanos < b.beginNanos; });
      device.collectives = std::move(run.collectives);
      trace_.add(std::move(device));
    }
  }

  // The stream with most kernels is the one whose kernels get the device's threads.
  void measureStreams() {
    std::vector<int64_t> tasks;
    for (const program::Entry &entry : plan_.entries)
      for (const program::Program &program : entry.programs)
        for (size_t s = 0; s < program.streams.size(); ++s) {
          if (s == streamNames_.size()) streamNames_.push_back(program.streams[s].name);
          kernels_.resize(streamNames_.size(), 0);
          tasks.resize(streamNames_.size(), 0);
          tasks[s] += static_cast<int64_t>(program.streams[s].tasks.size());
          for (int task : program.streams[s].tasks) kernels_[s] += program.tasks[task].collective < 0;
        }
    streamsPerRank_ = std::max<int>(1, static_cast<int>(streamNames_.size()));
    streamNames_.resize(streamsPerRank_);
    kernels_.resize(streamsPerRank_, 0);
    computeStream_ = static_cast<int>(std::max_element(kernels_.begin(), kernels_.end()) - kernels_.begin());

    const int cores = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
    threads_ = options_.threadsPerDevice > 0 ? options_.threadsPerDevice : std::max(1, cores / devicesOfHost());
    if (options_.deterministic) threads_ = 1;
    const int64_t busyStreams = std::count_if(tasks.begin(), tasks.end(), [](int64_t count) { return count > 0; });
    const int64_t all = devicesOfHost() * (threads_ + std::max<int64_t>(busyStreams, 1) - 1);
    spinNanos_ = all <= cores ? kSpinNanos : 0;
  }

  absl::Status makeDevices() {
    rankSites_.resize(plan_.ranks());
    for (int rank = ranks_.first; rank < ranks_.end; ++rank) {
      Device &device = devices_.emplace_back();
      absl::StatusOr<Memory> arena = Memory::allocate(plan_.classes[plan_.members[rank].rankClass].arenaBytes);
      if (!arena.ok()) return arena.status();
      device.arena = *std::move(arena);
      RankSite &site = rankSites_[rank];
      site.arena = device.arena.data();
      for (int s = 0; s < streamsPerRank_; ++s) {
        device.sites.emplace_back();
        site.contexts.push_back(nullptr);
        if (kernels_[s] == 0) continue;
        auto made = KernelSite::create(s == computeStream_ ? threads_ : 1, spinNanos_);
        if (!made.ok()) return made.status();
        device.sites.back() = *std::move(made);
        site.contexts.back() = &device.sites.back()->context();
      }
    }
    return absl::OkStatus();
  }

  absl::Status fillStates() {
    for (size_t v = 0; v < plan_.variables.size(); ++v)
      for (int rank = ranks_.first; rank < ranks_.end; ++rank)
        CLEAVE_RETURN_IF_ERROR(fill(absl::StrCat("variable ", quoted(plan_.variables[v].name)),
                                    variableView(static_cast<int>(v), rank), plan_.variables[v].fill));
    return absl::OkStatus();
  }

  absl::Status prepare(const program::Entry &entry) {
    const absl::StatusOr<EmulatedLinks> links = placeLinks(plan_, entry, options_.links);
    if (!links.ok()) return links.status();
    auto communicator = recorded(entry, makeCommunicator(entry, *links));
    std::unique_ptr<Prepared> held(new Prepared{entry, updatesVariables(entry), std::move(communicator), {}});
    const GraphSites sites{
        plan_,    entry, ranks_, rankSites_, *held->communicator, options_.checkFinite ? &finiteCheck_ : nullptr,
        *labels_};
    CLEAVE_RETURN_IF_ERROR(buildGraph(sites, streamsPerRank_, held->graph));
    prepared_.emplace(entry.name, std::move(held));
    return absl::OkStatus();
  }

  std::unique_ptr<Communicator> makeCommunicator(const program::Entry &entry, const EmulatedLinks &links) const {
    if (options_.withoutCommunication) return makeLocalCommunicator(entry.collectives, links);
    if (options_.part.job == nullptr) return makeSharedMemoryCommunicator(entry.collectives, links);
    std::vector<int> processOf;
    for (int rank = 0; rank < plan_.ranks(); ++rank) processOf.push_back(rank / ranks_.size());
    return makeProcessCommunicator(entry.collectives, processOf, options_.part.job->transport());
  }

  std::unique_ptr<Communicator> recorded(const program::Entry &entry,
                                         std::unique_ptr<Communicator> communicator) const {
    if (options_.part.flight == nullptr) return communicator;
    return makeRecordedCommunicator(std::move(communicator), static_cast<int>(&entry - plan_.entries.data()),
                                    static_cast<int>(entry.collectives.size()), ranks_.first, ranks_.end,
                                    *options_.part.flight);
  }

  int streamOf(int rank, int stream) const { return (rank - ranks_.first) * streamsPerRank_ + stream; }
  // All devices that share the cores of this host.
  int devicesOfHost() const {
    return ranks_.size() * (options_.part.job ? options_.part.job->processesOfHost() : 1);
  }

  absl::Status findPart(absl::string_view name, const Box &part, const TensorView &values, int &v) const {
    v = plan_.findVariable(std::string(name));
    if (v < 0) return planError("plan", absl::StrCat("a variable ", quoted(name)), "none");
    const std::string where = absl::StrCat("variable ", quoted(name));
    const program::TensorType &type = plan_.variables[v].type;
    if (part.start.size() != type.dims.size() || part.extent.size() != type.dims.size() ||
        intersect(part, wholeBox(type.dims)) != part)
      return planError(where, absl::StrCat("a part of ", type.str()), part.str());
    return checkView(where, values, type.dtype, part.extent);
  }

  static absl::Status checkInputs(const program::Entry &entry, const Inputs &inputs) {
    const std::string where = absl::StrCat("entry ", quoted(entry.name), ": input ");
    for (const program::Port &port : entry.inputs) {
      const auto given = inputs.find(port.name);
      if (given == inputs.end()) return planError(where + quoted(port.name), "a value", "none");
      CLEAVE_RETURN_IF_ERROR(checkView(where + quoted(port.name), given->second, port.type.dtype, port.type.dims));
    }
    for (const auto &[name, value] : inputs)
      if (std::none_of(entry.inputs.begin(), entry.inputs.end(), [&](const auto &port) { return port.name == name; }))
        return planError(where + quoted(name), "to be one of the entry's", "an unknown one");
    return absl::OkStatus();
  }

  TensorView variableView(int v, int rank) const {
    const LoadedPlan::Member &member = plan_.members[rank];
    return plan_.classes[member.rankClass].variables[v].view(rankSites_[rank].arena, /*use=*/0, member.position);
  }
  TensorView portView(const program::Entry &entry, const program::Port &port, int rank) const {
    const auto [rankClass, position] = plan_.members[rank];
    const program::Register &held = entry.programs[rankClass].registers[port.registers[rankClass]];
    return held.view(rankSites_[rank].arena, /*use=*/0, position);
  }

  void scatter(const program::Entry &entry, const program::Port &port, const TensorView &global) const {
    for (int rank = ranks_.first; rank < ranks_.end; ++rank)
      copyTensor(portView(entry, port, rank), viewPart(global, wholeBox(port.type.dims), port.layout.boxes[rank]));
  }

  absl::StatusOr<HostTensor> gather(const program::Entry &entry, const program::Port &port) const {
    HostTensor global(port.type.dtype, port.type.dims);
    absl::Status status;
    forEachDistinctBox(port.layout, ranks_, [&](int rank, const Box &box) {
      if (box.elements() == 0) return;
      if (!ranks_.contains(rank)) {
        status = planError(absl::StrCat("entry ", quoted(entry.name), ": output ", quoted(port.name)),
                           "a value that every process holds", absl::StrCat("a part on rank ", rank, " alone"));
        return;
      }
      copyTensor(viewPart(global.view(), wholeBox(port.type.dims), box), portView(entry, port, rank));
    });
    if (!status.ok()) return status;
    return global;
  }

  // Copies of a box are equal: one rank's will do, one of `near` if it has one.
  template <typename Visit>
  static void forEachDistinctBox(const program::Layout &layout, const RankRange &near, Visit visit) {
    std::set<std::pair<std::vector<int64_t>, std::vector<int64_t>>> seen;
    const auto look = [&](int rank) {
      const Box &box = layout.boxes[rank];
      if (seen.insert({box.start, box.extent}).second) visit(rank, box);
    };
    for (int rank = near.first; rank < near.end; ++rank) look(rank);
    for (int rank = 0; rank < static_cast<int>(layout.boxes.size()); ++rank) look(rank);
  }

  const LoadedPlan plan_;
  const SessionOptions options_;
  RankRange ranks_;  // whose devices are here
  int streamsPerRank_ = 1, computeStream_ = 0, threads_ = 1;
  int64_t spinNanos_ = 0;
  std::vector<std::string> streamNames_;
  std::vector<int64_t> kernels_;  // by stream
  std::vector<Device> devices_;      // those here
  std::vector<RankSite> rankSites_;  // by rank; empty for those elsewhere
  std::shared_ptr<std::deque<TaskLabel>> labels_ = std::make_shared<std::deque<TaskLabel>>();
  FiniteCheck finiteCheck_;
  std::map<std::string, std::unique_ptr<Prepared>> prepared_;
  const Prepared *lastRun_ = nullptr;
  std::vector<DeviceRun> settled_;  // of it, where arrivals are shared
  std::vector<int64_t> late_;       // of all ranks
  TraceLog trace_;
  std::unique_ptr<Scheduler> scheduler_;  // last: its threads end first
  bool isIntact_ = true;
};

Session::Session(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Session::~Session() = default;

absl::StatusOr<std::unique_ptr<Session>> Session::create(LoadedPlan plan, const SessionOptions &options) {
  auto impl = std::make_unique<Impl>(std::move(plan), options);
  CLEAVE_RETURN_IF_ERROR(impl->start());
  return std::unique_ptr<Session>(new Session(std::move(impl)));
}

absl::Status Session::write(absl::string_view variable, const TensorView &global) {
  CLEAVE_RETURN_IF_ERROR(impl_->checkWhole(variable, global));
  return impl_->writePart(variable, wholeBox(global.dims()), global);
}
absl::Status Session::read(absl::string_view variable, const TensorView &global) const {
  CLEAVE_RETURN_IF_ERROR(impl_->checkWhole(variable, global));
  return impl_->readPart(variable, wholeBox(global.dims()), global);
}
absl::Status Session::writePart(absl::string_view variable, const Box &part, const TensorView &values) {
  return impl_->writePart(variable, part, values);
}
absl::Status Session::readPart(absl::string_view variable, const Box &part, const TensorView &values) const {
  return impl_->readPart(variable, part, values);
}
absl::Status Session::serveReads() { return impl_->serveReads(); }
absl::Status Session::endReads() { return impl_->endReads(); }
absl::StatusOr<Outputs> Session::run(absl::string_view entry, const Inputs &inputs) {
  return impl_->run(entry, inputs);
}
void Session::interrupt(absl::Status why) { impl_->interrupt(std::move(why)); }
std::vector<int64_t> Session::peakBytes() const { return impl_->peakBytes(); }
int Session::threadsPerDevice() const { return impl_->threads(); }
const LoadedPlan &Session::plan() const { return impl_->plan(); }
std::vector<int64_t> Session::lateNanos() const { return impl_->lateNanos(); }
std::vector<DeviceRun> Session::lastRun() const { return impl_->lastRun(); }
TraceLog Session::takeTrace() { return impl_->takeTrace(); }

}  // namespace cleave
