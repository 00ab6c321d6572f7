// Several processes: starting them, and what they need.

#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "kernels/cpu/register.h"
#include "runtime/launch/launch.h"
#include "runtime/transport/mpi_library.h"
#include "tools/cli/run_commands.h"
#include "tools/cli/text_table.h"

namespace cleave::cli {
namespace {

constexpr size_t kColumns = 140;
constexpr char kMpirun[] = "mpirun";

absl::StatusOr<std::string> pathOfThisProgram() {
  char path[PATH_MAX] = "";
  const ssize_t length = ::readlink("/proc/self/exe", path, sizeof(path) - 1);
  if (length > 0) return std::string(path, size_t(length));
  return absl::FailedPreconditionError(absl::StrCat("cannot read /proc/self/exe: ", std::strerror(errno)));
}

// Where a program of that name is, as the shell would find it; empty: nowhere.
std::string findProgram(const std::string &name, const Environment &environment) {
  const auto path = environment.find("PATH");
  if (path == environment.end()) return "";
  for (absl::string_view folder : absl::StrSplit(path->second, ':', absl::SkipEmpty()))
    if (const std::string file = absl::StrCat(folder, "/", name); ::access(file.c_str(), X_OK) == 0) return file;
  return "";
}

std::vector<std::string> mpirunLine(const ParsedFlags &flags, const std::string &program) {
  // Processes are not bound: devices have threads. A process that waits gives its core to others.
  std::vector<std::string> line = {kMpirun, "-n", flags.text("-n"), "--bind-to", "none", "--mca",
                                   "mpi_yield_when_idle", "1"};
  if (flags.has("--hosts")) line.insert(line.end(), {"--host", flags.text("--hosts")});
  if (flags.has("--hostfile")) line.insert(line.end(), {"--hostfile", flags.text("--hostfile")});
  if (!flags.has("--hosts") && !flags.has("--hostfile")) line.push_back("--oversubscribe");
  if (::geteuid() == 0) line.push_back("--allow-run-as-root");
  line.push_back(program);
  for (size_t i = 0; i < flags.positionals(); ++i) line.push_back(flags.positional(i));
  return line;
}

// A host that is gone, or its cable, is found after 25 seconds, which is less than train's --deadline: later, messages
// under way keep mpirun waiting for as long as the system tries to send them. What the user has set stays.
void watchHosts() {
  for (const auto &[name, seconds] : {std::make_pair("time", "10"), {"intvl", "5"}, {"probes", "3"}})
    ::setenv(absl::StrCat("OMPI_MCA_oob_tcp_keepalive_", name).c_str(), seconds, /*overwrite=*/0);
}

}  // namespace

absl::StatusOr<ExitCode> runRun(const ParsedFlags &flags) {
  const auto program = pathOfThisProgram();
  if (!program.ok()) return program.status();
  std::vector<std::string> line = mpirunLine(flags, *program);
  std::vector<char *> arguments;
  for (std::string &word : line) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  watchHosts();
  ::execvp(kMpirun, arguments.data());
  return absl::NotFoundError(absl::StrCat("several processes require ", kMpirun,
                                          " (Debian's package openmpi-bin), got none: ", std::strerror(errno)));
}

absl::StatusOr<ExitCode> runDoctor(const ParsedFlags &) {
  const Environment environment = environmentOfProcess();
  const auto mpi = mpiLibraryVersion();
  const std::string mpirun = findProgram(kMpirun, environment);
  const auto launch = recogniseLaunch({}, environment);
  const std::vector<std::vector<std::string>> rows = {
      {"what", "found", "needed for"},
      {"cores", absl::StrCat(std::thread::hardware_concurrency()), "all"},
      {"kernels of this CPU", cpuKernelChoices(), "all"},
      {"Open MPI", mpi.ok() ? *mpi : absl::StrCat("missing: ", mpi.status().message()), "several processes"},
      {"mpirun", mpirun.empty() ? "missing: Debian's package openmpi-bin" : mpirun, "cleave run"},
      {"launcher", launch.ok() ? launch->str() : std::string(launch.status().message()), "several processes"},
  };
  if (std::fputs(textTable(rows, kColumns).c_str(), stdout) >= 0 && std::fflush(stdout) == 0) return kDone;
  return absl::FailedPreconditionError("cannot write to stdout");
}

}  // namespace cleave::cli
