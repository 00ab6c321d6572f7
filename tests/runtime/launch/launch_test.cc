// What a process knows of its job, from the variables that launchers set.

#include "runtime/launch/launch.h"

#include <gtest/gtest.h>

#include <ostream>

#include "absl/strings/str_split.h"

namespace cleave {
namespace {

struct Case {
  const char *sentence;
  const char *environment;  // NAME=VALUE, separated by blanks; as launchers are documented to set them, and others
  const char *expected;     // Launch::str(), or the error
  LaunchFlags flags = {};
};

void PrintTo(const Case &row, std::ostream *out) { *out << row.sentence; }

#define OMPI "OMPI_COMM_WORLD_"
#define OMPI_1_OF_4                                                                                            \
  "OMPI_MCA_ess_base_jobid=3209560065 PMIX_RANK=1 " OMPI "RANK=1 " OMPI "SIZE=4 " OMPI "LOCAL_RANK=1 " OMPI    \
  "LOCAL_SIZE=4 " OMPI "NODE_RANK=1 OMPI_UNIVERSE_SIZE=4"
#define SLURM_BATCH "SLURM_JOB_ID=81 SLURM_NTASKS=8 SLURM_NNODES=2 SLURM_PROCID=0 SLURM_LOCALID=0 SLURM_NODEID=0"
#define SLURM_STEP                                                                                             \
  "SLURM_JOB_ID=81 SLURM_NTASKS=8 SLURM_STEP_ID=0 SLURM_STEP_NUM_TASKS=8 SLURM_STEP_NUM_NODES=2 SLURM_PROCID=5 " \
  "SLURM_LOCALID=1 SLURM_NODEID=1 PMI2_RANK=5"
// As captured from Slurm 22.05 on two nodes (srun -N2 -n4), less what says nothing of processes.
#define SLURM_STEP_CAPTURED                                                                                    \
  "SLURM_JOB_ID=1 SLURM_JOBID=1 SLURM_JOB_NUM_NODES=2 SLURM_NNODES=2 SLURM_NPROCS=4 SLURM_NTASKS=4 SLURM_STEPID=0 " \
  "SLURM_STEP_ID=0 SLURM_STEP_NUM_NODES=2 SLURM_STEP_NUM_TASKS=4 SLURM_STEP_TASKS_PER_NODE=2(x2) SLURM_PROCID=3 "   \
  "SLURM_LOCALID=1 SLURM_NODEID=1 SLURM_GTIDS=2,3 SLURMD_NODENAME=b SLURM_TASKS_PER_NODE=2(x2)"
#define TORCHRUN                                                                                               \
  "RANK=3 WORLD_SIZE=8 LOCAL_RANK=3 LOCAL_WORLD_SIZE=4 GROUP_RANK=0 MASTER_ADDR=node0 MASTER_PORT=29500 "      \
  "TORCHELASTIC_RUN_ID=none"

constexpr char kAlone[] = " alone (--process 0 --processes 1 runs one process by itself)";

const Case kCases[] = {
    {"a shell", "HOME=/root PATH=/usr/bin", "none: process 0 of 1"},
    {"an empty environment", "", "none: process 0 of 1"},
    {"flags", "HOME=/root", "flags: process 2 of 4", {2, 4}},
    {"flags before mpirun", OMPI_1_OF_4, "flags: process 0 of 1", {0, 1}},
    {"flags before launchers that disagree", SLURM_STEP " " TORCHRUN, "flags: process 0 of 2", {0, 2}},
    {"--process alone", "", "launcher flags: requires --processes too, got --process alone", {1, {}}},
    {"--processes alone", OMPI_1_OF_4, "launcher flags: requires --process too, got --processes alone", {{}, 4}},
    {"--process too large", "", "launcher flags: requires --process below --processes, got 4 and 4", {4, 4}},

    {"mpirun of Open MPI", OMPI_1_OF_4, "Open MPI: process 1 of 4 (1 of 4 on this host)"},
    {"mpirun on two hosts", OMPI "RANK=6 " OMPI "SIZE=8 " OMPI "LOCAL_RANK=2 " OMPI "LOCAL_SIZE=4",
     "Open MPI: process 6 of 8 (2 of 4 on this host)"},
    {"mpirun -n 1", OMPI "RANK=0 " OMPI "SIZE=1 " OMPI "LOCAL_RANK=0 " OMPI "LOCAL_SIZE=1",
     "Open MPI: process 0 of 1 (0 of 1 on this host)"},
    {"Open MPI without places on the host", OMPI "RANK=1 " OMPI "SIZE=2", "Open MPI: process 1 of 2"},
    {"mpirun within a batch script of Slurm", OMPI_1_OF_4 " " SLURM_BATCH,
     "Open MPI: process 1 of 4 (1 of 4 on this host)"},
    {"mpirun, whose daemons are a step of Slurm", OMPI_1_OF_4 " " SLURM_STEP,
     "Open MPI: process 1 of 4 (1 of 4 on this host)"},
    {"mpirun within a pod of an indexed job", OMPI_1_OF_4 " JOB_COMPLETION_INDEX=7",
     "Open MPI: process 1 of 4 (1 of 4 on this host)"},
    {"Open MPI without a size", OMPI "RANK=1", "launcher Open MPI: requires OMPI_COMM_WORLD_SIZE too, got "
                                               "OMPI_COMM_WORLD_RANK"},
    {"Open MPI without a rank", OMPI "SIZE=4", "launcher Open MPI: requires OMPI_COMM_WORLD_RANK too, got "
                                               "OMPI_COMM_WORLD_SIZE"},
    {"Open MPI with a rank too large", OMPI "RANK=4 " OMPI "SIZE=4",
     "launcher Open MPI: requires OMPI_COMM_WORLD_RANK below OMPI_COMM_WORLD_SIZE, got 4 and 4"},
    {"Open MPI with a place too large", OMPI "RANK=1 " OMPI "SIZE=4 " OMPI "LOCAL_RANK=2 " OMPI "LOCAL_SIZE=2",
     "launcher Open MPI: requires OMPI_COMM_WORLD_LOCAL_RANK below OMPI_COMM_WORLD_LOCAL_SIZE, got 2 and 2"},
    {"Open MPI with more on the host than in all", OMPI "RANK=1 " OMPI "SIZE=2 " OMPI "LOCAL_SIZE=3",
     "launcher Open MPI: requires OMPI_COMM_WORLD_LOCAL_SIZE below OMPI_COMM_WORLD_SIZE, got 2 and 2"},
    {"Open MPI with a rank that is no number", OMPI "RANK=one " OMPI "SIZE=4",
     "launcher Open MPI: requires an integer from 0 to 1048576 as OMPI_COMM_WORLD_RANK, got \"one\""},
    {"Open MPI of no processes", OMPI "RANK=0 " OMPI "SIZE=0",
     "launcher Open MPI: requires an integer from 1 to 1048576 as OMPI_COMM_WORLD_SIZE, got \"0\""},

    {"mpirun of Open MPI 4.1.4, captured",
     "OMPI_COMMAND=sh " OMPI "LOCAL_RANK=2 " OMPI "LOCAL_SIZE=4 " OMPI "NODE_RANK=2 " OMPI "RANK=2 " OMPI "SIZE=4 "
     "OMPI_FIRST_RANKS=0 OMPI_MCA_ess_base_jobid=1592328193 OMPI_MCA_ess_base_vpid=2 OMPI_NUM_APP_CTX=1 "
     "OMPI_UNIVERSE_SIZE=2 PMIX_RANK=2",
     "Open MPI: process 2 of 4 (2 of 4 on this host)"},
    {"mpirun within salloc of two nodes, captured: a step of Slurm started its daemon",
     OMPI "LOCAL_RANK=1 " OMPI "LOCAL_SIZE=2 " OMPI "NODE_RANK=1 " OMPI "RANK=3 " OMPI "SIZE=4 PMIX_RANK=3 "
     "SLURM_JOB_ID=4 SLURM_NTASKS=1 SLURM_NPROCS=1 SLURM_PROCID=0 SLURM_LOCALID=0 SLURM_NODEID=0 SLURM_STEP_ID=0 "
     "SLURM_STEP_NUM_TASKS=1 SLURM_STEP_NUM_NODES=1",
     "Open MPI: process 3 of 4 (1 of 2 on this host)"},

    {"mpiexec.hydra of MPICH 4.0.2, captured",
     "GFORTRAN_UNBUFFERED_PRECONNECTED=y HYDI_CONTROL_FD=7 MPIR_CVAR_CH3_INTERFACE_HOSTNAME=vm MPI_LOCALNRANKS=4 "
     "MPI_LOCALRANKID=2 PMI_FD=14 PMI_RANK=2 PMI_SIZE=4",
     "Hydra: process 2 of 4 (2 of 4 on this host)"},
    {"mpiexec of MPICH", "PMI_RANK=2 PMI_SIZE=4 PMI_FD=9 MPI_LOCALRANKID=0 MPI_LOCALNRANKS=2",
     "Hydra: process 2 of 4 (0 of 2 on this host)"},
    {"mpiexec of Intel MPI", "PMI_RANK=0 PMI_SIZE=2 I_MPI_HYDRA_TOPOLIB=hwloc MPI_LOCALRANKID=0 MPI_LOCALNRANKS=2",
     "Hydra: process 0 of 2 (0 of 2 on this host)"},
    {"Hydra without a size", "PMI_RANK=2 PMI_FD=9", "launcher Hydra: requires PMI_SIZE too, got PMI_RANK"},
    {"Hydra with a negative rank", "PMI_RANK=-1 PMI_SIZE=2",
     "launcher Hydra: requires an integer from 0 to 1048576 as PMI_RANK, got \"-1\""},
    {"mpirun of Open MPI within one of Hydra, which disagrees", OMPI_1_OF_4 " PMI_RANK=0 PMI_SIZE=2",
     "requires launchers that agree, got Open MPI: process 1 of 4 (1 of 4 on this host) and Hydra: process 0 of 2; "
     "--process and --processes decide"},
    {"Open MPI that sets Hydra's variables too", OMPI_1_OF_4 " PMI_RANK=1 PMI_SIZE=4",
     "Open MPI: process 1 of 4 (1 of 4 on this host)"},

    {"srun --mpi=pmix, captured", SLURM_STEP_CAPTURED " SLURM_MPI_TYPE=pmix PMIX_RANK=3 PMIX_HOSTNAME=b",
     "Slurm: process 3 of 4"},
    {"srun --mpi=none, captured", SLURM_STEP_CAPTURED, "Slurm: process 3 of 4"},
    {"srun --mpi=pmi2, captured: it has Hydra's variables too",
     SLURM_STEP_CAPTURED " SLURM_MPI_TYPE=pmi2 PMI_FD=13 PMI_JOBID=2.0 PMI_RANK=3 PMI_SIZE=4", "Hydra: process 3 of 4"},
    {"a shell of salloc, captured", "SLURM_JOB_ID=4 SLURM_NTASKS=4", "none: process 0 of 1"},
    {"srun", SLURM_STEP, "Slurm: process 5 of 8"},
    {"srun with PMI-1", SLURM_STEP " PMI_RANK=5 PMI_SIZE=8", "Hydra: process 5 of 8"},
    {"a batch script of Slurm is no step", SLURM_BATCH, "none: process 0 of 1"},
    {"a step of one task", "SLURM_STEP_ID=2 SLURM_STEP_NUM_TASKS=1 SLURM_PROCID=0 SLURM_NTASKS=8 SLURM_LOCALID=0",
     "Slurm: process 0 of 1"},
    {"a step without tasks", "SLURM_STEP_ID=0 SLURM_PROCID=1 SLURM_NTASKS=2",
     "launcher Slurm: requires SLURM_STEP_NUM_TASKS too, got SLURM_STEP_ID"},
    {"a step without anything", "SLURM_STEP_ID=0",
     "launcher Slurm: requires SLURM_PROCID and SLURM_STEP_NUM_TASKS too, got SLURM_STEP_ID"},
    {"a step with a place too large", "SLURM_STEP_ID=0 SLURM_STEP_NUM_TASKS=2 SLURM_PROCID=1 SLURM_LOCALID=2",
     "launcher Slurm: requires SLURM_LOCALID below SLURM_STEP_NUM_TASKS, got 2 and 2"},

    {"torchrun", TORCHRUN, "torchrun: process 3 of 8 (3 of 4 on this host)"},
    {"torchrun's variables set by hand", "RANK=0 WORLD_SIZE=2 MASTER_ADDR=a MASTER_PORT=1", "torchrun: process 0 of 2"},
    {"torchrun within an indexed job", TORCHRUN " JOB_COMPLETION_INDEX=1",
     "torchrun: process 3 of 8 (3 of 4 on this host)"},
    {"torchrun within a step of Slurm of one task a host", SLURM_STEP " RANK=21 WORLD_SIZE=32",
     "requires launchers that agree, got Slurm: process 5 of 8 and torchrun: process 21 of 32; --process and "
     "--processes decide"},
    {"variables of torchrun made from Slurm's", SLURM_STEP " RANK=5 WORLD_SIZE=8", "Slurm: process 5 of 8"},
    {"a rank alone", "RANK=3", "launcher torchrun: requires WORLD_SIZE too, got RANK"},
    {"a size alone", "WORLD_SIZE=3", "launcher torchrun: requires RANK too, got WORLD_SIZE"},

    {"an indexed job", "JOB_COMPLETION_INDEX=2 JOB_COMPLETIONS=4 KUBERNETES_SERVICE_HOST=10.0.0.1",
     "Kubernetes: process 2 of 4"},
    {"an indexed job without its size", "JOB_COMPLETION_INDEX=2",
     "launcher Kubernetes: requires JOB_COMPLETIONS too, got JOB_COMPLETION_INDEX"},
    {"an indexed job that counts from 1", "JOB_COMPLETION_INDEX=4 JOB_COMPLETIONS=4",
     "launcher Kubernetes: requires JOB_COMPLETION_INDEX below JOB_COMPLETIONS, got 4 and 4"},
    {"a pod of no indexed job", "KUBERNETES_SERVICE_HOST=10.0.0.1", "none: process 0 of 1"},
};

class LaunchTest : public ::testing::TestWithParam<Case> {};

TEST_P(LaunchTest, IsWhatTheLauncherSays) {
  Environment environment;
  for (absl::string_view entry : absl::StrSplit(GetParam().environment, ' ', absl::SkipEmpty())) {
    const std::pair<std::string, std::string> parts = absl::StrSplit(entry, absl::MaxSplits('=', 1));
    environment.insert(parts);
  }
  const auto launch = recogniseLaunch(GetParam().flags, environment);
  std::string seen = launch.ok() ? launch->str() : std::string(launch.status().message());
  if (const size_t hint = seen.find(kAlone); hint != std::string::npos) seen.resize(hint);
  EXPECT_EQ(seen, GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(Launchers, LaunchTest, ::testing::ValuesIn(kCases));

}  // namespace
}  // namespace cleave
