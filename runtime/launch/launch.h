// Which process of which job this is, as the launcher that started it says.
//
//   order  launcher         process, processes                      on this host: process, processes
//   1      flags            --process, --processes                  (alone)
//   2      Open MPI         OMPI_COMM_WORLD_RANK, _SIZE             OMPI_COMM_WORLD_LOCAL_RANK, _LOCAL_SIZE
//   3      Hydra            PMI_RANK, PMI_SIZE                      MPI_LOCALRANKID, MPI_LOCALNRANKS
//   4      Slurm step       SLURM_PROCID, SLURM_STEP_NUM_TASKS      SLURM_LOCALID
//   5      torchrun         RANK, WORLD_SIZE                        LOCAL_RANK, LOCAL_WORLD_SIZE
//   6      Kubernetes       JOB_COMPLETION_INDEX, JOB_COMPLETIONS   (a pod is a host)
//
// The first one that is there wins; a batch script of Slurm is no step (SLURM_STEP_ID is absent). Of a launcher that is
// there in part the missing variables are an error. mpirun may itself run inside a Slurm step or a Kubernetes job, and
// torchrun inside a Kubernetes job, whose numbers then count something else; two others that disagree are an error.

#ifndef CLEAVE_RUNTIME_LAUNCH_LAUNCH_H
#define CLEAVE_RUNTIME_LAUNCH_LAUNCH_H

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace cleave {

using Environment = std::map<std::string, std::string>;
Environment environmentOfProcess();

struct Launch {
  enum class Launcher { kNone, kFlags, kOpenMpi, kHydra, kSlurm, kTorchrun, kKubernetes };
  Launcher launcher = Launcher::kNone;
  int64_t process = 0, processes = 1;
  std::optional<int64_t> localProcess, localProcesses;  // on this host, where the launcher says it

  std::string str() const;  // "Open MPI: process 1 of 4 (1 of 2 on this host)"
};

const char *nameOf(Launch::Launcher launcher);

// What the command line says; both or neither.
struct LaunchFlags {
  std::optional<int64_t> process, processes;
};

// An error names the launcher and the variables.
absl::StatusOr<Launch> recogniseLaunch(const LaunchFlags &flags, const Environment &environment);

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_LAUNCH_LAUNCH_H
