#include <chrono>
#include <cmath>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "kernels/api/registry.h"
#include "kernels/cpu/register.h"
#include "kernels/reference/register.h"
#include "runtime/flight/flight_recorder.h"
#include "runtime/launch/launch.h"
#include "runtime/load_plan.h"
#include "runtime/session.h"
#include "runtime/tokenizer/vocabulary.h"
#include "runtime/training/sampler.h"
#include "runtime/training/stop_signals.h"
#include "runtime/training/trainer.h"
#include "runtime/transport/axis_hosts.h"
#include "runtime/transport/job.h"
#include "runtime/transport/mpi_transport.h"
#include "runtime/weights/tensor_source.h"
#include "runtime/weights/weight_map.h"
#include "tools/cli/link_spec.h"
#include "tools/cli/run_commands.h"

namespace cleave::cli {
namespace {

// The fastest first.
Registry allKernels() {
  Registry registry;
  registerCpuKernels(registry);
  registerReferenceKernels(registry);
  return registry;
}

TrainOptions optionsOf(const ParsedFlags &flags) {
  TrainOptions options;
  options.data = flags.text("--data");
  options.steps = flags.integer("--steps");
  options.tokenBytes = int(flags.integer("--token-bytes"));
  if (flags.has("--order")) options.order = flags.text("--order");
  if (flags.has("--seed")) options.seed = uint64_t(flags.integer("--seed"));
  options.threads = int(flags.integer("--threads"));
  options.deadlineSeconds = flags.number("--deadline");
  options.init = flags.text("--init");
  options.save = flags.text("--save");
  options.checkpoint = flags.text("--checkpoint");
  options.checkpointEvery = flags.integer("--checkpoint-every");
  options.resume = flags.text("--resume");
  options.evalData = flags.text("--eval-data");
  options.evalEvery = flags.integer("--eval-every");
  options.metrics = flags.text("--metrics");
  options.tensorboard = flags.text("--tensorboard");
  options.trace = flags.text("--trace");
  options.allowNonfinite = flags.isOn("--allow-nonfinite");
  options.withoutCommunication = flags.isOn("--without-communication");
  for (const std::string &text : flags.texts("--link"))
    if (const auto link = parseLink(text); link.ok())
      options.links[link->axis] = {std::llround(link->latencySeconds * 1e9), link->bytesPerSecond};
  options.kernelChoices = cpuKernelChoices();
  options.progress = stderr;
  return options;
}

absl::Status print(absl::string_view bytes) {
  const bool isWritten = std::fwrite(bytes.data(), 1, bytes.size(), stdout) == bytes.size() && std::fflush(stdout) == 0;
  return isWritten ? absl::OkStatus() : absl::FailedPreconditionError("cannot write to stdout");
}

// What the processes of a job have in common of their command lines.
std::string sharedFlags(const ParsedFlags &flags) {
  std::vector<std::string> shared;
  for (size_t i = 0; i < flags.given().size(); ++i) {
    if (flags.given()[i] == "--process") {
      ++i;  // its value
    } else {
      shared.push_back(flags.given()[i]);
    }
  }
  return absl::StrJoin(shared, " ");
}

// Which ranks are on which host, where there are several, and which axes had better not be spread over them.
void tellHosts(const Job &job, const LoadedPlan &plan, int ranksOfProcess) {
  std::vector<std::string> hostOf;  // by rank
  for (const std::string &host : job.hosts()) hostOf.insert(hostOf.end(), ranksOfProcess, host);
  if (const std::string text = ranksByHost(hostOf); !text.empty()) std::fprintf(stderr, "%s\n", text.c_str());
  for (const std::string &warning : warnOfHosts(plan.mesh, hostOf)) std::fprintf(stderr, "%s\n", warning.c_str());
}

// Where flight records go; empty: nowhere.
std::string flightFolder(const ParsedFlags &flags, const Job *job) {
  if (flags.has("--flight-records")) return flags.text("--flight-records");
  return job && flags.has("--checkpoint") ? flags.text("--checkpoint") + "/flight" : "";
}

absl::StatusOr<std::unique_ptr<FlightRecorder>> openFlightRecord(const std::string &folder, Job *job,
                                                                 const RankRange &ranks, const LoadedPlan &plan) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  FlightIdentity identity;
  identity.job = absl::StrFormat("%020d", std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
  identity.firstRank = ranks.first;
  identity.endRank = ranks.end;
  identity.host = nameOfHost();
  if (job != nullptr) {
    const auto all = job->gather(identity.job);
    if (!all.ok()) return all.status();
    identity.job = all->front();
    identity.process = job->process();
    identity.processes = job->processes();
  }
  auto flight = FlightRecorder::create(folder, identity, plan);
  if (flight.ok() && job != nullptr) job->recordIn(**flight);
  return flight;
}

absl::StatusOr<ExitCode> trainHere(const ParsedFlags &flags, const StopSignals &signals, Job *job) {
  const Registry kernels = allKernels();
  LoadOptions loading;
  if (job != nullptr) {
    loading.processes = job->processes();
    loading.proves = job->isFirst();
  }
  auto plan = loadPlanFile(flags.positional(0), kernels, loading);
  if (!plan.ok()) return plan.status();
  TrainOptions options = optionsOf(flags);
  options.shouldStop = [&] { return signals.asked(); };
  const auto ranks = ranksOfProcess(plan->ranks(), job ? job->process() : 0, job ? job->processes() : 1,
                                    flags.integer("--devices-per-process"));
  if (!ranks.ok()) return ranks.status();
  if (job != nullptr) {
    options.part = {job, *ranks};
    if (!job->isFirst()) options.progress = nullptr;
    auto same = job->compare({{"plan (by its hash)", plan->hashHex()},
                              {"command line", sharedFlags(flags)},
                              {"kernels", options.kernelChoices}});
    if (!same.ok()) return same;
    if (job->isFirst()) tellHosts(*job, *plan, ranks->size());
  }
  std::unique_ptr<FlightRecorder> flight;
  const std::string folder = flightFolder(flags, job);
  if (!folder.empty()) {
    auto opened = openFlightRecord(folder, job, *ranks, *plan);
    if (!opened.ok()) return opened.status();
    flight = *std::move(opened);
  }
  options.part.flight = flight.get();
  auto outcome = train(*plan, options);
  if (flight) flight->end(outcome.status());
  if (!outcome.ok() && flight && job)
    std::fprintf(stderr, "cleave train: flight records are in \"%s\"; cleave diagnose tells who kept whom waiting\n",
                 folder.c_str());
  if (!outcome.ok()) return outcome.status();
  return outcome->isInterrupted ? kInterrupted : kDone;
}

// One process of several. An error is told before the job ends, and this process with it.
absl::StatusOr<ExitCode> trainInJob(const ParsedFlags &flags, const StopSignals &signals, const Launch &launch) {
  auto transport = MpiTransport::join(launch);
  if (!transport.ok()) return transport.status();
  const std::string host = nameOfHost();
  Job job(**transport, host, flags.number("--deadline"));
  auto code = trainHere(flags, signals, &job);
  if (!code.ok()) {
    std::fprintf(stderr, "cleave train: process %d of %d on host %s: %s\n", job.process(), job.processes(),
                 host.c_str(), std::string(code.status().message()).c_str());
    return code;
  }
  if (auto status = (*transport)->leave(); !status.ok()) return status;
  return code;
}

absl::StatusOr<Launch> launchOf(const ParsedFlags &flags) {
  LaunchFlags explicitly;
  if (flags.has("--process")) explicitly.process = flags.integer("--process");
  if (flags.has("--processes")) explicitly.processes = flags.integer("--processes");
  return recogniseLaunch(explicitly, environmentOfProcess());
}

}  // namespace

absl::StatusOr<ExitCode> runTrain(const ParsedFlags &flags) {
  StopSignals signals;  // first: loading takes a while too
  const auto launch = launchOf(flags);
  if (!launch.ok()) return launch.status();
  if (launch->launcher != Launch::Launcher::kNone && launch->process == 0)
    std::fprintf(stderr, "launcher %s\n", launch->str().c_str());
  if (launch->processes > 1) return trainInJob(flags, signals, *launch);
  return trainHere(flags, signals, /*job=*/nullptr);
}

absl::StatusOr<ExitCode> runSample(const ParsedFlags &flags) {
  StopSignals signals;
  auto vocabulary = flags.has("--vocab-in") ? Vocabulary::load(flags.text("--vocab-in")) : Vocabulary();
  if (!vocabulary.ok()) return vocabulary.status();
  auto weights = TensorSource::open(flags.text("--weights"));
  if (!weights.ok()) return weights.status();
  const Registry kernels = allKernels();
  auto plan = loadPlanFile(flags.positional(0), kernels);
  if (!plan.ok()) return plan.status();
  SessionOptions settings;
  settings.threadsPerDevice = int(flags.integer("--threads"));
  auto session = Session::create(*std::move(plan), settings);
  if (!session.ok()) return session.status();
  auto write = [&](absl::string_view name, const Box &part, const TensorView &view) {
    return (*session)->writePart(name, part, view);
  };
  if (auto status = loadWeights(*weights, (*session)->plan(), write); !status.ok()) return status;

  const int64_t known = (*session)->plan().family.vocabulary;
  if (!flags.has("--vocab-in") && known > vocabulary->size())
    std::fprintf(stderr, "warning: the model knows %lld tokens; without --vocab-in only the 256 bytes are written\n",
                 static_cast<long long>(known));
  GenerateOptions options;
  options.tokens = flags.integer("--tokens");
  options.choice = {flags.number("--temperature"), flags.integer("--top-k"), flags.number("--top-p")};
  options.seed = uint64_t(flags.integer("--seed"));
  const std::string prompt = flags.text("--prompt");
  std::string before = prompt;  // comes with the first token: an error has no output
  auto status = sampleText(**session, *vocabulary, prompt, options, [&](absl::string_view bytes) {
    if (signals.asked()) return absl::CancelledError();
    return print(absl::StrCat(std::exchange(before, ""), bytes));
  });
  if (!status.ok() && !signals.asked()) return status;
  if (auto ended = print(before + "\n"); !ended.ok()) return ended;
  return signals.asked() ? kInterrupted : kDone;
}

}  // namespace cleave::cli
