#include "runtime/training/trainer.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runtime/checkpoint/checkpoint.h"
#include "runtime/data/batch_reader.h"
#include "runtime/data/batch_stream.h"
#include "runtime/files/new_file.h"
#include "runtime/finite_check.h"
#include "runtime/session.h"
#include "runtime/training/event_file.h"
#include "runtime/training/metrics.h"
#include "runtime/training/progress.h"
#include "runtime/training/session_steps.h"
#include "runtime/training/shared_trace.h"
#include "runtime/training/trace_recorder.h"
#include "runtime/weights/tensor_source.h"
#include "runtime/weights/weight_map.h"

namespace cleave {
namespace {

using Time = std::chrono::steady_clock;

double millisecondsSince(Time::time_point start) {
  return std::chrono::duration<double, std::milli>(Time::now() - start).count();
}

absl::StatusOr<const program::Entry *> findEntry(const LoadedPlan &plan, const std::string &name) {
  const program::Entry *entry = plan.findEntry(name);
  if (entry == nullptr) return absl::NotFoundError(absl::StrCat("plan: requires an entry \"", name, "\", got none"));
  return entry;
}

class Run {
 public:
  Run(const LoadedPlan &plan, const TrainOptions &options)
      : plan_(plan), options_(options), progress_(options.progress, options.steps) {}

  absl::StatusOr<TrainOutcome> run();

 private:
  bool isFirst() const { return options_.part.job == nullptr || options_.part.job->isFirst(); }
  absl::Status checkOptions() const;
  absl::Status openFiles();
  absl::Status checkOutputs() const;
  absl::Status forFirst(const std::function<absl::Status()> &write);
  void enter(FlightPhase phase) const;
  absl::StatusOr<bool> mustStop() const;
  absl::Status openSession(bool checksFinite);
  absl::Status start(const std::string &checkpoint);  // an empty one: from --init, or drawn by seed
  absl::Status resume(const std::string &checkpoint);
  absl::Status settleOptions();
  absl::StatusOr<bool> loop();  // whether it was interrupted
  absl::StatusOr<StepMetrics> step(BatchStream &batches);
  absl::StatusOr<Evaluation> evaluate();
  absl::Status finishStep(const StepMetrics &metrics, bool isLast);
  absl::Status openRecords();
  absl::Status record(const StepMetrics &metrics);
  void recordTrace();
  absl::Status saveCheckpoint();
  absl::Status explainNonfinite(const StepMetrics &metrics);
  absl::Status checkParameters() const;
  std::unique_ptr<BatchStream> batchesFromHere() const;
  std::map<std::string, std::string> machine() const;

  const LoadedPlan &plan_;
  const TrainOptions &options_;
  Progress progress_;
  std::unique_ptr<Session> session_;
  std::optional<BatchReader> data_, evalData_;
  std::optional<MetricsFile> metrics_;
  std::optional<EventFile> events_;
  TraceRecorder trace_;
  ClockReading firstClock_;  // before the first event, where processes trace together
  RunPosition position_;
  std::string lastCheckpoint_;  // from which the run could be done again; empty: from the start
};

absl::StatusOr<TrainOutcome> Run::run() {
  if (auto status = checkOptions(); !status.ok()) return status;
  if (auto status = openFiles(); !status.ok()) return status;
  if (auto status = openSession(/*checksFinite=*/false); !status.ok()) return status;
  if (!options_.resume.empty()) {
    auto checkpoint = findCheckpoint(options_.resume);
    if (!checkpoint.ok()) return checkpoint.status();
    lastCheckpoint_ = *checkpoint;
  }
  if (auto status = start(lastCheckpoint_); !status.ok()) return status;
  if (position_.step > options_.steps)
    progress_.say(absl::StrCat("the checkpoint stands at step ", position_.step, ", behind --steps ", options_.steps,
                               ": nothing to do"));
  if (auto status = openRecords(); !status.ok()) return status;
  if (options_.part.job && !options_.trace.empty()) {
    SystemClock clock;
    const auto reading = readFirstClock(*options_.part.job, clock);
    if (!reading.ok()) return reading.status();
    firstClock_ = *reading;
  }
  auto interrupted = loop();
  if (!interrupted.ok()) return interrupted.status();
  if (!options_.trace.empty()) {
    recordTrace();  // of what ran behind the last step
    const auto status = options_.part.job
                            ? writeSharedTrace(*options_.part.job, trace_.log(), firstClock_, options_.trace)
                            : trace_.write(options_.trace);
    if (!status.ok()) return status;
  }
  if (*interrupted) {
    progress_.say(
        absl::StrCat("interrupted after step ", position_.step,
                     options_.checkpoint.empty() ? "" : absl::StrCat(", checkpoint in ", options_.checkpoint)));
  } else if (!options_.save.empty()) {
    auto read = [&](absl::string_view name, const Box &part, const TensorView &view) {
      return session_->readPart(name, part, view);
    };
    auto status = forFirst([&] { return saveWeights(options_.save, plan_, read); });
    if (!status.ok()) return status;
  }
  return TrainOutcome{position_.step, *interrupted};
}

// What is told of the steps, by the first process.
absl::Status Run::openRecords() {
  if (!isFirst()) return absl::OkStatus();
  if (!options_.metrics.empty()) {
    auto file = MetricsFile::open(options_.metrics, position_.step);
    if (!file.ok()) return file.status();
    metrics_.emplace(*std::move(file));
  }
  if (!options_.tensorboard.empty()) {
    auto file = EventFile::create(options_.tensorboard, position_.step);
    if (!file.ok()) return file.status();
    events_.emplace(*std::move(file));
  }
  return absl::OkStatus();
}

absl::Status Run::record(const StepMetrics &metrics) {
  if (metrics_)
    if (auto status = metrics_->write(metrics); !status.ok()) return status;
  if (events_)
    if (auto status = events_->write(metrics); !status.ok()) return status;
  progress_.show(metrics);
  return absl::OkStatus();
}

absl::Status Run::checkOptions() const {
  if (options_.withoutCommunication && !(options_.save.empty() && options_.checkpoint.empty()))
    return absl::InvalidArgumentError("requires that numbers without communication are not saved, got a place for them");
  if (options_.part.job == nullptr) return absl::OkStatus();
  const std::pair<const char *, bool> alone[] = {{"--link", !options_.links.empty()},
                                                 {"--without-communication", options_.withoutCommunication}};
  for (const auto &[flag, isAsked] : alone)
    if (isAsked)
      return absl::InvalidArgumentError(absl::StrCat(flag, ": requires all devices in one process, got ",
                                                     options_.part.job->processes(), " processes"));
  return absl::OkStatus();
}

absl::Status Run::checkOutputs() const {
  for (const std::string &folder : {options_.checkpoint, options_.tensorboard})
    if (!folder.empty())
      if (auto status = makeFolder(folder); !status.ok()) return status;
  const std::string ofCheckpoints = options_.checkpoint.empty() ? "" : options_.checkpoint + "/latest";
  for (const std::string &path : {options_.save, options_.trace, ofCheckpoints})
    if (!path.empty())
      if (auto status = checkCanWrite(path); !status.ok()) return status;
  return absl::OkStatus();
}

void Run::enter(FlightPhase phase) const {
  if (options_.part.flight) options_.part.flight->enter(phase, position_.step + (phase == FlightPhase::kStep));
}

// The first process writes, and reads for that what the others hold.
absl::Status Run::forFirst(const std::function<absl::Status()> &write) {
  enter(FlightPhase::kSave);
  if (!isFirst()) return session_->serveReads();
  if (auto status = write(); !status.ok()) return status;
  return session_->endReads();
}

// All processes take the same steps: where one is to stop, all do.
absl::StatusOr<bool> Run::mustStop() const {
  const bool isAsked = options_.shouldStop && options_.shouldStop();
  return options_.part.job ? options_.part.job->any(isAsked) : isAsked;
}

absl::Status Run::openFiles() {
  if (isFirst())
    if (auto status = checkOutputs(); !status.ok()) return status;
  auto entry = findEntry(plan_, "step");
  if (!entry.ok()) return entry.status();
  auto data = BatchReader::open(options_.data, options_.tokenBytes, plan_, **entry);
  if (!data.ok()) return data.status();
  for (const std::string &column : data->unusedColumns())
    progress_.say(
        absl::StrCat("warning: \"", options_.data, "\" holds \"", column, "\", which the plan does not read"));
  data_.emplace(*std::move(data));
  if (options_.evalData.empty()) return absl::OkStatus();
  auto evaluate = findEntry(plan_, "evaluate");
  if (!evaluate.ok()) return evaluate.status();
  auto evalData = BatchReader::open(options_.evalData, options_.tokenBytes, plan_, **evaluate);
  if (!evalData.ok()) return evalData.status();
  evalData_.emplace(*std::move(evalData));
  return absl::OkStatus();
}

absl::Status Run::openSession(bool checksFinite) {
  session_.reset();  // before the next one takes its memory
  SessionOptions settings;
  settings.part = options_.part;
  settings.part.sharesArrivals =
      options_.part.job && !(options_.metrics.empty() && options_.tensorboard.empty() && options_.trace.empty());
  settings.threadsPerDevice = options_.threads;
  settings.deadlineSeconds = options_.deadlineSeconds;
  settings.checkFinite = checksFinite;
  settings.links = options_.links;
  settings.withoutCommunication = options_.withoutCommunication;
  settings.trace = !options_.trace.empty() && !checksFinite;
  auto session = Session::create(plan_, settings);
  if (!session.ok()) return session.status();
  session_ = *std::move(session);
  return absl::OkStatus();
}

absl::Status Run::start(const std::string &checkpoint) {
  position_ = RunPosition{};
  if (!checkpoint.empty()) return resume(checkpoint);
  position_.seed = options_.seed.value_or(0);
  position_.order = options_.order.value_or("shuffled");
  position_.dataRows = data_->rows();
  position_.dataState = data_->mixture();
  position_.planHash = plan_.hashHex();
  position_.machine = machine();
  if (!options_.init.empty()) return loadParameters(*session_, options_.init, position_.seed).status();
  return drawParameters(*session_, position_.seed);
}

absl::Status Run::resume(const std::string &checkpoint) {
  auto read = readCheckpoint(checkpoint, plan_, [&](absl::string_view name, const Box &part, const TensorView &view) {
    return session_->writePart(name, part, view);
  });
  if (!read.ok()) return read.status();
  position_ = *std::move(read);
  return settleOptions();
}

// What a resumed run must keep, and what it may change but had better know.
absl::Status Run::settleOptions() {
  if (options_.seed && *options_.seed != position_.seed)
    return absl::InvalidArgumentError(
        absl::StrCat("--seed: requires the resumed run's ", position_.seed, ", got ", *options_.seed));
  if (options_.order && *options_.order != position_.order)
    return absl::InvalidArgumentError(
        absl::StrCat("--order: requires the resumed run's ", position_.order, ", got ", *options_.order));
  if (position_.dataRows != data_->rows())
    progress_.say(absl::StrCat("warning: the resumed run's data had ", position_.dataRows, " examples, \"",
                               options_.data, "\" has ", data_->rows()));
  else if (position_.dataState != data_->mixture())
    progress_.say("warning: the resumed run's data were mixed otherwise");
  if (position_.planHash != plan_.hashHex())
    progress_.say("warning: the resumed run had another plan: results are the same up to rounding at best");
  for (const auto &[name, setting] : machine())
    if (auto before = position_.machine.find(name); before != position_.machine.end() && before->second != setting)
      progress_.say(absl::StrCat("warning: the resumed run had ", name, " ", before->second, ", this one has ", setting,
                                 ": results are the same up to rounding at best"));
  position_.dataRows = data_->rows();
  position_.dataState = data_->mixture();
  position_.planHash = plan_.hashHex();
  position_.machine = machine();
  return absl::OkStatus();
}

// What the last bits of results may depend on besides the plan.
std::map<std::string, std::string> Run::machine() const {
  return {{"kernels", options_.kernelChoices}, {"threads", absl::StrCat(session_->threadsPerDevice())}};
}

std::unique_ptr<BatchStream> Run::batchesFromHere() const {
  RowOrder order = data_->order(/*isShuffled=*/position_.order != "sequential", position_.seed);
  return std::make_unique<BatchStream>(*data_, std::move(order), position_.examples);
}

absl::StatusOr<bool> Run::loop() {
  auto batches = batchesFromHere();
  while (position_.step < options_.steps) {
    const auto stops = mustStop();
    if (!stops.ok()) return stops.status();
    if (*stops) {
      if (!options_.checkpoint.empty() && position_.step > 0)
        if (auto status = saveCheckpoint(); !status.ok()) return status;
      return true;
    }
    auto metrics = step(*batches);
    if (!metrics.ok()) return metrics.status();
    const bool isLast = position_.step == options_.steps;
    const bool isFinite = std::isfinite(metrics->loss) && std::isfinite(metrics->gradNorm);
    if (isFinite || options_.allowNonfinite || options_.withoutCommunication) {
      if (auto status = finishStep(*metrics, isLast); !status.ok()) return status;
      continue;
    }
    if (auto status = record(*metrics); !status.ok()) return status;
    batches.reset();
    return explainNonfinite(*metrics);
  }
  return false;
}

absl::StatusOr<StepMetrics> Run::step(BatchStream &batches) {
  enter(FlightPhase::kStep);
  const auto start = Time::now();
  auto batch = batches.next();
  if (!batch.ok()) return batch.status();
  const double dataMs = millisecondsSince(start);
  Inputs inputs;
  for (auto &[name, tensor] : *batch) inputs[name] = tensor.view();
  auto metrics = takeStep(*session_, position_.seed, position_.step + 1, std::move(inputs));
  if (!metrics.ok()) return metrics.status();
  metrics->dataMs = dataMs;
  metrics->withoutCommunication = options_.withoutCommunication;
  if (!options_.trace.empty()) recordTrace();
  position_.step = metrics->step;
  position_.examples += data_->batch();
  return metrics;
}

absl::Status Run::finishStep(const StepMetrics &taken, bool isLast) {
  StepMetrics metrics = taken;
  if (evalData_ && (isLast || (options_.evalEvery > 0 && metrics.step % options_.evalEvery == 0))) {
    auto evaluation = evaluate();
    if (!evaluation.ok()) return evaluation.status();
    metrics.evalLoss = evaluation->loss();
    metrics.evalNamed = evaluation->named();
  }
  if (auto status = record(metrics); !status.ok()) return status;
  const bool isDue = isLast || (options_.checkpointEvery > 0 && metrics.step % options_.checkpointEvery == 0);
  return isDue && !options_.checkpoint.empty() ? saveCheckpoint() : absl::OkStatus();
}

// Mean loss over all labels of the file that count, in the file's order. The last batch is filled up with rows whose
// labels don't count; data without labels leaves out what doesn't fill a batch.
absl::StatusOr<Evaluation> Run::evaluate() {
  enter(FlightPhase::kEvaluate);
  const int64_t batch = evalData_->batch(), rows = evalData_->rows();
  Evaluation evaluation;
  for (int64_t first = 0; first < rows; first += batch) {
    const int64_t counted = std::min(batch, rows - first);
    if (counted < batch && !evalData_->hasLabels()) break;
    std::vector<int64_t> taken(static_cast<size_t>(batch));
    for (int64_t i = 0; i < batch; ++i) taken[size_t(i)] = i < counted ? first + i : first;
    auto tensors = evalData_->read(taken, counted);
    if (!tensors.ok()) return tensors.status();
    Inputs inputs;
    for (auto &[name, tensor] : *tensors) inputs[name] = tensor.view();
    if (auto status = evaluation.add(*session_, inputs); !status.ok()) return status;
  }
  return evaluation;
}

void Run::recordTrace() {
  const bool wasWhole = trace_.isWhole();
  trace_.add(session_->takeTrace());
  if (wasWhole && !trace_.isWhole())
    progress_.say(
        absl::StrCat("the trace ends before step ", position_.step + 1, ": it holds as much as viewers show"));
}

absl::Status Run::saveCheckpoint() {
  if (metrics_)
    if (auto status = metrics_->flush(); !status.ok()) return status;
  if (events_)
    if (auto status = events_->flush(); !status.ok()) return status;
  auto read = [&](absl::string_view name, const Box &part, const TensorView &view) {
    return session_->readPart(name, part, view);
  };
  auto status = forFirst([&] { return writeCheckpoint(options_.checkpoint, position_, plan_, read).status(); });
  if (!status.ok()) return status;
  auto written = findCheckpoint(options_.checkpoint);
  if (!written.ok()) return written.status();
  lastCheckpoint_ = *written;
  return absl::OkStatus();
}

// Fails if a parameter is not finite as it stands.
absl::Status Run::checkParameters() const {
  for (const program::Variable &variable : plan_.variables) {
    const RankRange here = options_.part.job ? options_.part.ranks : RankRange{0, plan_.ranks()};
    for (int rank = here.first; rank < here.end; ++rank) {
      const Box &box = variable.layout.boxes[rank];
      HostTensor values(variable.type.dtype, box.extent);
      if (auto status = session_->readPart(variable.name, box, values.view()); !status.ok()) return status;
      if (!isFinite(values.view()))
        return absl::InvalidArgumentError(
            absl::StrCat("no op, \"", variable.name, "\" had NaN or infinity before step ", position_.step + 1));
    }
  }
  return absl::OkStatus();
}

// Does the run again, from where that is possible, and looks at every value that is computed.
absl::Status Run::explainNonfinite(const StepMetrics &metrics) {
  const std::string what = absl::StrCat("step ", metrics.step, ": requires a finite loss and gradient norm, got ",
                                        metrics.loss, " and ", metrics.gradNorm);
  progress_.say(absl::StrCat(what, "; running again from ", lastCheckpoint_.empty() ? "the start" : lastCheckpoint_,
                             " to find the op"));
  if (auto status = openSession(/*checksFinite=*/true); !status.ok()) return status;
  absl::Status found = start(lastCheckpoint_);
  if (found.ok()) found = checkParameters();
  for (auto batches = batchesFromHere(); found.ok() && position_.step < metrics.step;) found = step(*batches).status();
  if (found.ok())
    return absl::InternalError(absl::StrCat(what, "; running again, no op made such a value of finite ones"));
  return absl::Status(absl::StatusCode::kFailedPrecondition, absl::StrCat(what, "; first made by: ", found.message()));
}

}  // namespace

absl::StatusOr<TrainOutcome> train(const LoadedPlan &plan, const TrainOptions &options) {
  return Run(plan, options).run();
}

}  // namespace cleave
