// An all-reduce between processes of one host through actors, communicator and transport, against MPI_Allreduce of the
// same library, by turns. Medians over rounds of the first process's time; one JSON line for each size and number of
// processes. Without arguments it starts itself by mpirun: SIDE MEGABYTES prints the microseconds of one of the two.

#include <dlfcn.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "actors/scheduler.h"
#include "actors/task_actors.h"
#include "runtime/transport/mpi_transport.h"
#include "tests/bench/spin_latency.h"

namespace cleave {
namespace {

constexpr int kWarmUps = 3;

int repeatsFor(int64_t megabytes) { return static_cast<int>(std::max<int64_t>(5, 160 / megabytes)); }

int fail(absl::string_view why) {
  std::fprintf(stderr, "%s\n", std::string(why).c_str());
  return 1;
}

// One device a process.
CollectiveSpec specOf(int64_t count, int processes) {
  CollectiveSpec spec;
  spec.reduction = Reduction::kSum;
  spec.dims = {{count}};
  const Box whole = wholeBox(spec.dims[0]);
  CollectiveSpec::Group &group = spec.groups.emplace_back();
  group.segments.emplace_back();
  for (int p = 0; p < processes; ++p) {
    group.ranks.push_back(p);
    group.segments[0].inputs.push_back(whole);
    group.segments[0].outputs.push_back(whole);
  }
  return spec;
}

int runOurs(int64_t megabytes) {
  const auto launch = recogniseLaunch({}, environmentOfProcess());
  if (!launch.ok()) return fail(launch.status().message());
  auto transport = MpiTransport::join(*launch);
  if (!transport.ok()) return fail(transport.status().message());
  const int64_t count = megabytes * (1 << 20) / 4;
  std::vector<float> in(count, 1.0f), out(count, 0.0f);
  const std::vector<CollectiveSpec> specs = {specOf(count, int(launch->processes))};
  std::vector<int> processOf;
  for (int p = 0; p < launch->processes; ++p) processOf.push_back(p);
  const auto communicator = makeProcessCommunicator(specs, processOf, **transport);
  TaskLabel label;
  ActorGraph graph;
  const StreamId stream = graph.addStream(RankId(int(launch->process)), "communicate");
  const auto viewOf = [&](std::vector<float> &v) { return TensorView::contiguous(v.data(), DType::kF32, {count}); };
  graph.addActor(stream, makeCollective({0, int(launch->process), {viewOf(in)}, {viewOf(out)}, &label},
                                        graph.nextActor(), *communicator, nullptr));
  graph.finish();
  const auto scheduler = makeThreadedScheduler(1, {});
  if (auto status = scheduler->run(graph, kWarmUps); !status.ok()) return fail(status.message());
  const auto start = std::chrono::steady_clock::now();
  if (auto status = scheduler->run(graph, repeatsFor(megabytes)); !status.ok()) return fail(status.message());
  const double nanos = nanosSince(start) / repeatsFor(megabytes);
  if (out[count / 2] != float(launch->processes)) return fail("the sum is wrong");
  if (launch->process == 0) std::printf("%.1f\n", nanos * 1e-3);
  const auto left = (*transport)->leave();
  return left.ok() ? 0 : fail(left.message());
}

int runTheirs(int64_t megabytes) {
  void *library = ::dlopen("libmpi.so.40", RTLD_NOW | RTLD_GLOBAL);
  if (library == nullptr) return fail(::dlerror());
  const auto find = [&](const char *name) { return ::dlsym(library, name); };
  void *world = find("ompi_mpi_comm_world"), *isFloat = find("ompi_mpi_float"), *sum = find("ompi_mpi_op_sum");
  const auto init = reinterpret_cast<int (*)(int *, char ***)>(find("MPI_Init"));
  const auto rankOf = reinterpret_cast<int (*)(void *, int *)>(find("MPI_Comm_rank"));
  const auto reduce =
      reinterpret_cast<int (*)(const void *, void *, int, void *, void *, void *)>(find("MPI_Allreduce"));
  const auto finalize = reinterpret_cast<int (*)()>(find("MPI_Finalize"));
  if (!world || !isFloat || !sum || !init || !rankOf || !reduce || !finalize) return fail("libmpi.so.40 lacks symbols");
  init(nullptr, nullptr);
  const int count = static_cast<int>(megabytes * (1 << 20) / 4);
  std::vector<float> in(count, 1.0f), out(count, 0.0f);
  const auto repeat = [&](int times) {
    for (int i = 0; i < times; ++i) reduce(in.data(), out.data(), count, isFloat, sum, world);
  };
  repeat(kWarmUps);
  const auto start = std::chrono::steady_clock::now();
  repeat(repeatsFor(megabytes));
  int rank = 0;
  rankOf(world, &rank);
  if (rank == 0) std::printf("%.1f\n", nanosSince(start) / repeatsFor(megabytes) * 1e-3);
  finalize();
  return 0;
}

// Microseconds of one side in processes of its own; below 0: it failed.
double measure(const std::string &self, const char *side, int processes, int64_t megabytes) {
  const std::string line = absl::StrCat("mpirun ", ::geteuid() == 0 ? "--allow-run-as-root " : "",
                                        "--oversubscribe --bind-to none --mca mpi_yield_when_idle 1 -n ", processes,
                                        " '", self, "' ", side, " ", megabytes);
  std::FILE *out = ::popen(line.c_str(), "r");
  double microseconds = -1;
  if (out == nullptr || std::fscanf(out, "%lf", &microseconds) != 1) microseconds = -1;
  return out != nullptr && ::pclose(out) == 0 ? microseconds : -1;
}

int runAll(const std::string &self) {
  constexpr int kRounds = 7;
  for (int processes : {2, 4})
    for (int64_t megabytes : {4, 64}) {
      std::vector<double> ours, theirs;
      for (int round = 0; round < kRounds; ++round) {
        ours.push_back(measure(self, "ours", processes, megabytes));
        theirs.push_back(measure(self, "mpi", processes, megabytes));
        if (ours.back() < 0 || theirs.back() < 0) return fail("requires mpirun and Open MPI, got a run that failed");
      }
      const double a = medianOf(ours), b = medianOf(theirs);
      std::printf("{\"bench\": \"process_all_reduce\", \"processes\": %d, \"megabytes\": %d, \"us\": %.1f, "
                  "\"mpi_allreduce_us\": %.1f, \"ratio\": %.3f, \"limit\": 1.0}\n",
                  processes, static_cast<int>(megabytes), a, b, a / b);
      std::fflush(stdout);
    }
  return 0;
}

}  // namespace
}  // namespace cleave

int main(int argc, char **argv) {
  if (argc < 3) return cleave::runAll(argv[0]);
  const int64_t megabytes = std::atoll(argv[2]);
  return std::string(argv[1]) == "ours" ? cleave::runOurs(megabytes) : cleave::runTheirs(megabytes);
}
