#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "kernels/cpu/register.h"
#include "kernels/reference/register.h"
#include "runtime/files/new_file.h"
#include "runtime/plan/cluster.h"
#include "tools/cli/run_commands.h"
#include "tools/measure/measure_cluster.h"

namespace cleave::cli {
namespace {

// One line that is written over on a terminal; elsewhere one line for each tenth.
class ProgressLine {
 public:
  void show(const std::string &what, double part) {
    const int percent = int(part * 100);
    if (isTerminal_) {
      std::fprintf(stderr, "\r%3d %%  %-24s", percent, what.c_str());
    } else if (percent / 10 > tenths_) {
      tenths_ = percent / 10;
      std::fprintf(stderr, "%3d %%  %s\n", percent, what.c_str());
    }
  }
  void end() {
    if (isTerminal_) std::fprintf(stderr, "\r%32s\r", "");
  }

 private:
  const bool isTerminal_ = isatty(STDERR_FILENO) == 1;
  int tenths_ = -1;
};

int64_t memoryOfMachine() { return int64_t{sysconf(_SC_PHYS_PAGES)} * int64_t{sysconf(_SC_PAGE_SIZE)}; }

}  // namespace

absl::StatusOr<ExitCode> runBenchCluster(const ParsedFlags &flags) {
  const std::string path = flags.text("-o");
  if (absl::Status status = checkCanWrite(path); !status.ok()) return status;
  Registry registry;
  registerCpuKernels(registry);
  registerReferenceKernels(registry);
  ProgressLine line;
  MeasureOptions options;
  options.cores = int(std::max(1u, std::thread::hardware_concurrency()));
  options.memoryBytes = memoryOfMachine();
  options.progress = [&line](const std::string &what, double part) { line.show(what, part); };
  const absl::StatusOr<Cluster> cluster = measureCluster(registry, options);
  line.end();
  if (!cluster.ok()) return cluster.status();
  const std::string remark =
      absl::StrCat("Measured by cleave bench-cluster, with all ", options.cores, " cores at work at once.\nKernels: ",
                   cpuKernelChoices(), ".");
  if (absl::Status status = writeFile(path, printCluster(*cluster, remark)); !status.ok()) return status;
  std::fprintf(stderr, "wrote %s: %d cores of %.1f Gflop/s, %.1f GB/s of memory, an all-reduce from %.0f us on\n",
               path.c_str(), options.cores, cluster->device.peaks[0].flops / 1e9, cluster->host.memoryBandwidth / 1e9,
               cluster->links[0].latency * 1e6);
  return kDone;
}

}  // namespace cleave::cli
