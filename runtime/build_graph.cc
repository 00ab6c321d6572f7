#include "runtime/build_graph.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/links.h"
#include "runtime/plan/check_plan.h"
#include "runtime/plan/unfold.h"

namespace cleave {
namespace {

// Nodes of a stream that one actor runs.
struct Link {
  int stream = 0;
  std::vector<int> nodes;
};

std::vector<Link> cutChains(const program::Program &program, const Unfolding &step) {
  std::vector<bool> waits(step.nodes.size(), false), isAwaited(step.nodes.size(), false);
  for (const auto &edge : step.edges) {
    waits[edge.to] = true;
    isAwaited[edge.from] = true;
  }
  std::vector<Link> links;
  for (size_t s = 0; s < step.streams.size(); ++s) {
    bool mustCut = true;
    for (int node : step.streams[s]) {
      const bool isCollective = program.tasks[step.nodes[node].task].collective >= 0;
      if (mustCut || waits[node] || isCollective) links.push_back({static_cast<int>(s), {}});
      links.back().nodes.push_back(node);
      mustCut = isAwaited[node] || isCollective;
    }
  }
  return links;
}

// Adds the actors of the ranks of one class.
class ClassBuilder {
 public:
  ClassBuilder(const GraphSites &sites, size_t rankClass, const ScheduleModel::Program &model, const Unfolding &step,
               ActorGraph &graph)
      : sites_(sites), program_(sites.entry.programs[rankClass]), rankClass_(sites.plan.classes[rankClass]),
        model_(model), step_(step), links_(cutChains(program_, step)), graph_(graph) {}

  void addRank(int position, int firstStream) {
    const int rank = rankClass_.ranks[position];
    std::vector<ActorId> actorOf(step_.nodes.size());
    labels_.assign(step_.nodes.size(), nullptr);
    for (const Link &link : links_) {
      const StreamId stream = StreamId(firstStream + link.stream);
      const program::Task &first = program_.tasks[step_.nodes[link.nodes[0]].task];
      const ActorId id = graph_.nextActor();
      graph_.addActor(stream,
                      first.collective >= 0 ? collectiveOf(link.nodes[0], position, id) : chainOf(link, rank, position));
      for (int node : link.nodes) actorOf[node] = id;
    }
    for (const auto &edge : step_.edges) graph_.addEdge(edgeOf(edge, actorOf));
    for (const auto &edge : step_.edges) noteWaiter(edge);
  }

 private:
  TensorView viewOf(int node, int held, int position) const {
    const int64_t use = step_.useOf(model_, node, held);
    return program_.registers[held].view(sites_.ranks[rankClass_.ranks[position]].arena, use, position);
  }

  const TaskLabel *labelOf(int node, int rank) {
    const int order = step_.nodes[node].task;
    const program::Task &task = program_.tasks[order];
    const std::string &kernel = task.collective >= 0 ? sites_.entry.collectives[task.collective].kind : task.kernel;
    sites_.labels.push_back({task.op, kernel, task.layer, task.phase, task.location, rank, order, task.collective});
    labels_[node] = &sites_.labels.back();
    if (task.collective >= 0)
      for (const CollectiveSpec::Group &group : sites_.entry.collectives[task.collective].groups)
        if (std::find(group.ranks.begin(), group.ranks.end(), rank) != group.ranks.end())
          for (int axis : axesOfGroup(sites_.plan, group.ranks))
            labels_[node]->axes.push_back(sites_.plan.mesh[axis].name);
    return labels_[node];
  }

  void noteWaiter(const Unfolding::Edge &edge) {
    const auto &from = step_.nodes[edge.from], &to = step_.nodes[edge.to];
    if (program_.tasks[from.task].collective < 0 || from.stream == to.stream) return;
    const TaskLabel *&waiter = labels_[edge.from]->waiter;
    if (waiter == nullptr || labels_[edge.to]->order < waiter->order) waiter = labels_[edge.to];
  }

  std::unique_ptr<Actor> chainOf(const Link &link, int rank, int position) {
    std::vector<KernelTask> tasks;
    for (int node : link.nodes) {
      const program::Task &task = program_.tasks[step_.nodes[node].task];
      KernelTask &made = tasks.emplace_back();
      made.kernel = task.kernelOf(position);
      made.attributes = &task.attributesOf(position);
      for (int held : task.inputs) made.inputs.push_back(viewOf(node, held, position));
      for (int held : task.outputs) made.outputs.push_back(viewOf(node, held, position));
      made.label = labelOf(node, rank);
    }
    return makeChain(std::move(tasks), *sites_.ranks[rank].contexts[link.stream], sites_.observer);
  }

  std::unique_ptr<Actor> collectiveOf(int node, int position, ActorId id) {
    const int rank = rankClass_.ranks[position];
    const program::Task &task = program_.tasks[step_.nodes[node].task];
    CollectiveTask made{task.collective, rank, {}, {}, labelOf(node, rank)};
    for (int held : task.inputs) made.inputs.push_back(viewOf(node, held, position));
    for (int held : task.outputs) made.outputs.push_back(viewOf(node, held, position));
    return makeCollective(std::move(made), id, sites_.communicator, sites_.observer);
  }

  ActorGraph::Edge edgeOf(const Unfolding::Edge &edge, const std::vector<ActorId> &actorOf) const {
    ActorGraph::Edge made;
    made.from = actorOf[edge.from];
    made.to = actorOf[edge.to];
    made.kind = edge.reason == Unfolding::Reason::kFilled ? Message::Kind::kFilled : Message::Kind::kFreed;
    made.name = "bytes to reuse";
    if (edge.value >= 0) {
      const program::Register &held = program_.registers[edge.value];
      made.what = RegisterId(edge.value);
      made.extent = Bytes(held.bytes);
      made.name = held.name;
    }
    return made;
  }

  const GraphSites &sites_;
  const program::Program &program_;
  const program::RankClass &rankClass_;
  const ScheduleModel::Program &model_;
  const Unfolding &step_;
  const std::vector<Link> links_;
  std::vector<TaskLabel *> labels_;  // by node, of the rank that is being added
  ActorGraph &graph_;
};

}  // namespace

absl::Status buildGraph(const GraphSites &sites, int streamsPerRank, ActorGraph &graph) {
  for (int rank = sites.here.first; rank < sites.here.end; ++rank) {
    const auto &streams = sites.entry.programs[sites.plan.members[rank].rankClass].streams;
    for (int s = 0; s < streamsPerRank; ++s)
      graph.addStream(RankId(rank), s < static_cast<int>(streams.size()) ? streams[s].name : "");
  }
  const ScheduleModel model = makeScheduleModel(sites.plan, sites.entry);
  for (size_t c = 0; c < sites.entry.programs.size(); ++c) {
    const absl::StatusOr<Unfolding> step = unfold(model.programs[c]);
    if (!step.ok()) return step.status();
    ClassBuilder builder(sites, c, model.programs[c], *step, graph);
    const auto &ranks = sites.plan.classes[c].ranks;
    for (size_t p = 0; p < ranks.size(); ++p)
      if (sites.here.contains(ranks[p]))
        builder.addRank(static_cast<int>(p), (ranks[p] - sites.here.first) * streamsPerRank);
  }
  graph.setAbortHook([&communicator = sites.communicator] { communicator.abort(); });
  graph.finish();
  return absl::OkStatus();
}

}  // namespace cleave
