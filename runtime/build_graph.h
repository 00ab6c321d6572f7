// From an entry of a plan to a graph of actors.

#ifndef CLEAVE_RUNTIME_BUILD_GRAPH_H
#define CLEAVE_RUNTIME_BUILD_GRAPH_H

#include <deque>
#include <vector>

#include "absl/status/status.h"
#include "actors/actor.h"
#include "actors/task_actors.h"
#include "kernels/api/communicator.h"
#include "runtime/plan/program.h"
#include "runtime/transport/job.h"

namespace cleave {

// Where a rank's tasks run.
struct RankSite {
  char *arena = nullptr;
  std::vector<KernelContext *> contexts;  // by stream; null where a stream has no kernels
};

// What the actors point to. It outlives the graph.
struct GraphSites {
  const LoadedPlan &plan;
  const program::Entry &entry;
  RankRange here;  // the ranks that get actors
  const std::vector<RankSite> &ranks;
  Communicator &communicator;
  TaskObserver *observer = nullptr;  // may be null
  std::deque<TaskLabel> &labels;     // of the tasks; grows
};

// One step of the entry. The streams of the r-th rank here are number r * streamsPerRank and following; those that a
// program lacks are empty. Kernels of one stream form chains that are cut wherever another stream waits for them or they
// for it.
absl::Status buildGraph(const GraphSites &sites, int streamsPerRank, ActorGraph &graph);

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_BUILD_GRAPH_H
