#include "actors/actor.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace cleave {

std::string TaskLabel::str() const {
  std::string text = absl::StrCat("op '", op, "' (kernel ", kernel);
  if (!layer.empty()) absl::StrAppend(&text, ", layer ", layer);
  absl::StrAppend(&text, ", rank ", rank);
  if (!location.empty()) absl::StrAppend(&text, ", at ", location);
  return text + ")";
}

Actor::Outcome Actor::resume(const Message &, ActContext &context) {
  context.fail(absl::InternalError(
      absl::StrCat("requires messages of a communicator to go to collectives, got one for ", doing())));
  return Outcome::kStopped;
}

StreamId ActorGraph::addStream(RankId rank, std::string name) {
  auto stream = std::make_unique<Stream>();
  stream->rank = rank;
  stream->name = std::move(name);
  streams_.push_back(std::move(stream));
  return StreamId(streams_.size() - 1);
}

ActorId ActorGraph::addActor(StreamId stream, std::unique_ptr<Actor> actor) {
  const ActorId id = ActorId(nodes_.size());
  streams_[indexOf(stream)]->order.push_back(id);
  nodes_.emplace_back();
  nodes_.back().actor = std::move(actor);
  nodes_.back().stream = stream;
  return id;
}

void ActorGraph::addEdge(Edge edge) { edges_.push_back(std::move(edge)); }

void ActorGraph::finish() {
  // What can be under way to a stream at once: all tokens of its edges, and a communicator's messages to the one actor
  // that can be pending.
  std::vector<size_t> capacities(streams_.size(), 4);
  for (const Edge &edge : edges_) {
    ++nodes_[indexOf(edge.to)].incomingCount;
    capacities[indexOf(nodes_[indexOf(edge.to)].stream)] += edge.capacity;
  }
  for (size_t s = 0; s < streams_.size(); ++s) streams_[s]->mailbox = std::make_unique<Mailbox>(capacities[s]);
  for (Node &node : nodes_) node.incoming.reset(new Incoming[node.incomingCount]);

  std::vector<int> ports(nodes_.size(), 0);
  for (size_t e = 0; e < edges_.size(); ++e) {
    const Edge &edge = edges_[e];
    Node &from = nodes_[indexOf(edge.from)], &to = nodes_[indexOf(edge.to)];
    const PortId port = PortId(ports[indexOf(edge.to)]++);
    to.incoming[indexOf(port)].edge = static_cast<int>(e);
    to.incoming[indexOf(port)].capacity = edge.capacity;
    Mailbox *mailbox = from.stream == to.stream ? nullptr : streams_[indexOf(to.stream)]->mailbox.get();
    from.outgoing.push_back({mailbox, {edge.kind, edge.to, port, edge.what, edge.extent, Fence()}});
  }
  reset();
}

std::vector<const TaskLabel *> ActorGraph::collectivesBefore(ActorId actor) const {
  std::vector<const TaskLabel *> labels;
  const Node &node = nodes_[indexOf(actor)];
  for (int i = 0; i < node.incomingCount; ++i)
    if (const TaskLabel *label = nodes_[indexOf(edges_[node.incoming[i].edge].from)].actor->collective())
      labels.push_back(label);
  return labels;
}

void ActorGraph::reset() {
  Message dropped;
  for (const auto &stream : streams_) {
    while (stream->mailbox->pop(dropped)) {
    }
    stream->position = 0;
    stream->state = State::kEnded;
  }
  for (Node &node : nodes_) {
    node.missing = 0;
    for (int i = 0; i < node.incomingCount; ++i) {
      const int tokens = edges_[node.incoming[i].edge].tokens;
      node.incoming[i].tokens = tokens;
      node.missing += tokens == 0;
    }
  }
}

}  // namespace cleave
