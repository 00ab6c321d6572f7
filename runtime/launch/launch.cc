#include "runtime/launch/launch.h"

#include <unistd.h>

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/files/strict_number.h"

namespace cleave {
namespace {

using Launcher = Launch::Launcher;

constexpr int64_t kMostProcesses = int64_t{1} << 20;

// How a launcher tells its processes who they are. Empty names: it does not.
struct Variables {
  Launcher launcher;
  std::string sign;  // it is there where this one is; empty: where `process` or `processes` is
  std::string process, processes, localProcess, localProcesses;
};

// In the order in which they are asked.
const std::vector<Variables> &knownLaunchers() {
  static const std::vector<Variables> &known = *new std::vector<Variables>{
      {Launcher::kOpenMpi, "", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK",
       "OMPI_COMM_WORLD_LOCAL_SIZE"},
      {Launcher::kHydra, "", "PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID", "MPI_LOCALNRANKS"},
      {Launcher::kSlurm, "SLURM_STEP_ID", "SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID", ""},
      {Launcher::kTorchrun, "", "RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE"},
      {Launcher::kKubernetes, "JOB_COMPLETION_INDEX", "JOB_COMPLETION_INDEX", "JOB_COMPLETIONS", "", ""},
  };
  return known;
}

bool isThere(const Variables &names, const Environment &environment) {
  if (!names.sign.empty()) return environment.count(names.sign) > 0;
  return environment.count(names.process) > 0 || environment.count(names.processes) > 0;
}

absl::Status wrong(Launcher launcher, absl::string_view message) {
  return absl::InvalidArgumentError(absl::StrCat("launcher ", nameOf(launcher), ": ", message));
}

absl::StatusOr<int64_t> numberOf(Launcher launcher, const std::string &name, const Environment &environment,
                                 int64_t least) {
  const std::string &text = environment.at(name);
  const auto number = parseInteger(text);
  if (number && *number >= least && *number <= kMostProcesses) return *number;
  return wrong(launcher, absl::StrCat("requires an integer from ", least, " to ", kMostProcesses, " as ", name,
                                      ", got \"", text, "\""));
}

absl::Status checkWithin(Launcher launcher, const std::string &name, int64_t process, const std::string &ofName,
                         int64_t processes) {
  if (process < processes) return absl::OkStatus();
  return wrong(launcher, absl::StrCat("requires ", name, " below ", ofName, ", got ", process, " and ", processes));
}

absl::Status checkComplete(const Variables &names, const Environment &environment) {
  std::vector<std::string> there, missing;
  for (const std::string &name : {names.process, names.processes})
    (environment.count(name) > 0 ? there : missing).push_back(name);
  if (missing.empty()) return absl::OkStatus();
  if (!names.sign.empty()) there = {names.sign};
  return wrong(names.launcher, absl::StrCat("requires ", absl::StrJoin(missing, " and "), " too, got ",
                                            absl::StrJoin(there, " and "),
                                            " alone (--process 0 --processes 1 runs one process by itself)"));
}

// Of this host. Both are optional: some launchers tell neither.
absl::Status readLocal(const Variables &names, const Environment &environment, Launch &launch) {
  const auto read = [&](const std::string &name, int64_t least, std::optional<int64_t> &into) -> absl::Status {
    if (name.empty() || environment.count(name) == 0) return absl::OkStatus();
    const auto number = numberOf(names.launcher, name, environment, least);
    if (!number.ok()) return number.status();
    into = *number;
    return checkWithin(names.launcher, name, *number - least, names.processes, launch.processes);
  };
  if (auto status = read(names.localProcess, 0, launch.localProcess); !status.ok()) return status;
  if (auto status = read(names.localProcesses, 1, launch.localProcesses); !status.ok()) return status;
  if (!launch.localProcess || !launch.localProcesses) return absl::OkStatus();
  return checkWithin(names.launcher, names.localProcess, *launch.localProcess, names.localProcesses,
                     *launch.localProcesses);
}

absl::StatusOr<Launch> readLaunch(const Variables &names, const Environment &environment) {
  if (auto status = checkComplete(names, environment); !status.ok()) return status;
  Launch launch;
  launch.launcher = names.launcher;
  const auto processes = numberOf(names.launcher, names.processes, environment, 1);
  if (!processes.ok()) return processes.status();
  const auto process = numberOf(names.launcher, names.process, environment, 0);
  if (!process.ok()) return process.status();
  launch.process = *process;
  launch.processes = *processes;
  if (auto status = checkWithin(names.launcher, names.process, *process, names.processes, *processes); !status.ok())
    return status;
  if (auto status = readLocal(names, environment, launch); !status.ok()) return status;
  return launch;
}

absl::StatusOr<Launch> fromFlags(const LaunchFlags &flags) {
  if (!flags.process || !flags.processes)
    return wrong(Launcher::kFlags,
                 flags.process ? "requires --processes too, got --process alone"
                               : "requires --process too, got --processes alone");
  if (auto status = checkWithin(Launcher::kFlags, "--process", *flags.process, "--processes", *flags.processes);
      !status.ok())
    return status;
  Launch launch;
  launch.launcher = Launcher::kFlags;
  launch.process = *flags.process;
  launch.processes = *flags.processes;
  return launch;
}

// Whether `inner` may have been started inside a process of `outer`, which counts its own.
bool mayNest(Launcher inner, Launcher outer) {
  const bool isMpirun = inner == Launcher::kOpenMpi || inner == Launcher::kHydra;
  return (isMpirun && outer == Launcher::kSlurm) || outer == Launcher::kKubernetes;
}

}  // namespace

Environment environmentOfProcess() {
  Environment environment;
  for (char **entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (const size_t equals = text.find('='); equals != std::string::npos)
      environment.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return environment;
}

const char *nameOf(Launcher launcher) {
  switch (launcher) {
    case Launcher::kNone: return "none";
    case Launcher::kFlags: return "flags";
    case Launcher::kOpenMpi: return "Open MPI";
    case Launcher::kHydra: return "Hydra";
    case Launcher::kSlurm: return "Slurm";
    case Launcher::kTorchrun: return "torchrun";
    case Launcher::kKubernetes: return "Kubernetes";
  }
  return "";
}

std::string Launch::str() const {
  std::string text = absl::StrCat(nameOf(launcher), ": process ", process, " of ", processes);
  if (localProcess && localProcesses) absl::StrAppend(&text, " (", *localProcess, " of ", *localProcesses, " on this host)");
  return text;
}

absl::StatusOr<Launch> recogniseLaunch(const LaunchFlags &flags, const Environment &environment) {
  if (flags.process || flags.processes) return fromFlags(flags);
  std::optional<Launch> won;
  for (const Variables &names : knownLaunchers()) {
    if (!isThere(names, environment) || (won && mayNest(won->launcher, names.launcher))) continue;
    const auto launch = readLaunch(names, environment);
    if (!launch.ok()) return launch.status();
    if (!won) {
      won = *launch;
    } else if (won->process != launch->process || won->processes != launch->processes) {
      return absl::InvalidArgumentError(absl::StrCat("requires launchers that agree, got ", won->str(), " and ",
                                                     launch->str(), "; --process and --processes decide"));
    }
  }
  return won.value_or(Launch());
}

}  // namespace cleave
