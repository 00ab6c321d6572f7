#include "passes/cost/step_times.h"

#include <algorithm>
#include <map>
#include <queue>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"

namespace cleave {
namespace {

using Spans = std::vector<StepTimes::Span>;

double lengthOfUnion(Spans spans) {
  std::sort(spans.begin(), spans.end(), [](const auto &a, const auto &b) { return a.start < b.start; });
  double length = 0, until = 0;
  for (const StepTimes::Span &span : spans) {
    length += std::max(0.0, span.end - std::max(until, span.start));
    until = std::max(until, span.end);
  }
  return length;
}

// Plays the step event by event.
class Simulation {
 public:
  explicit Simulation(const StepGraph &graph)
      : graph_(graph), states_(graph.tasks.size()), meetings_(graph.collectives.size()) {
    times_.tasks.resize(graph.tasks.size());
    times_.collectives.resize(graph.collectives.size());
    for (size_t t = 0; t < graph.tasks.size(); ++t) addTask(int(t));
  }

  absl::StatusOr<StepTimes> run() {
    for (auto &[key, stream] : streams_) startNext(stream, 0);
    while (!events_.empty()) {
      const Event event = events_.top();
      events_.pop();
      if (event.kind == Kind::kTaskEnds && event.version != states_[event.index].version) continue;  // held up since
      handle(event);
    }
    for (size_t t = 0; t < states_.size(); ++t)
      if (!states_[t].isOver)
        return absl::InvalidArgumentError(absl::StrCat("requires tasks that don't wait in a circle, got task ", t));
    blame();
    return std::move(times_);
  }

 private:
  enum class Kind { kTaskEnds, kStreamIsFree, kIsOver };

  struct Event {
    double time = 0;
    int64_t order = 0;  // of two at one time the first one that was foreseen comes first
    Kind kind = Kind::kTaskEnds;
    int index = 0;  // a task, or a collective
    int version = 0;
    bool operator<(const Event &other) const { return std::tie(time, order) > std::tie(other.time, other.order); }
  };
  struct Stream {
    std::vector<int> tasks;
    size_t next = 0;
    bool isFree = true;
    double freeSince = 0;
    int last = -1;  // the task before the next one
  };
  struct State {
    int missing = 0;
    int lastCause = -1;  // whose end came last of all that the task waits for
    double lastEnd = 0;  // when that was
    int version = 0;     // of its end
    bool isOver = false;
    std::vector<int> readers;
  };
  struct Meeting {
    std::vector<int> members;  // tasks
    int arrived = 0;
  };

  Stream &streamOf(int task) { return streams_[{graph_.tasks[task].device, graph_.tasks[task].stream}]; }
  bool isCompute(int task) const { return graph_.tasks[task].stream == graph_.computeStream; }

  void addTask(int task) {
    const StepGraph::Task &held = graph_.tasks[task];
    streamOf(task).tasks.push_back(task);
    for (int before : held.after) {
      ++states_[task].missing;
      states_[before].readers.push_back(task);
    }
    if (held.collective >= 0) meetings_[held.collective].members.push_back(task);
  }

  void push(double time, Kind kind, int index, int version = 0) {
    events_.push({time, foreseen_++, kind, index, version});
  }

  void handle(const Event &event) {
    switch (event.kind) {
      case Kind::kTaskEnds:
        finish(event.index, event.time);
        release(event.index, event.time);
        break;
      case Kind::kStreamIsFree:
        for (int member : meetings_[event.index].members) release(member, event.time);
        break;
      case Kind::kIsOver:
        for (int member : meetings_[event.index].members) finish(member, event.time);
        break;
    }
  }

  // The task is over: its readers may go.
  void finish(int task, double now) {
    times_.tasks[task].end = now;
    times_.seconds = std::max(times_.seconds, now);
    states_[task].isOver = true;
    if (isCompute(task)) running_.erase(graph_.tasks[task].device);
    for (int reader : states_[task].readers) {
      State &state = states_[reader];
      --state.missing;
      state.lastCause = task;
      state.lastEnd = now;
      startNext(streamOf(reader), now);
    }
  }

  // The task's stream goes on.
  void release(int task, double now) {
    Stream &stream = streamOf(task);
    stream.isFree = true;
    stream.freeSince = now;
    stream.last = task;
    startNext(stream, now);
  }

  void startNext(Stream &stream, double now) {
    if (!stream.isFree || stream.next == stream.tasks.size()) return;
    const int task = stream.tasks[stream.next];
    if (states_[task].missing > 0) return;
    ++stream.next;
    stream.isFree = false;
    State &state = states_[task];
    if (stream.last >= 0 && (state.lastCause < 0 || stream.freeSince > state.lastEnd)) state.lastCause = stream.last;
    times_.tasks[task].start = now;
    graph_.tasks[task].collective >= 0 ? arrive(task, now) : begin(task, now);
  }

  void begin(int task, double now) {
    const int device = graph_.tasks[task].device;
    double end = now + graph_.tasks[task].seconds;
    if (isCompute(task)) {
      end += std::max(0.0, copiesUntil_[device] - now);
      running_[device] = task;
      times_.tasks[task].end = end;
    }
    push(end, Kind::kTaskEnds, task, ++states_[task].version);
  }

  void arrive(int task, double now) {
    const int c = graph_.tasks[task].collective;
    Meeting &meeting = meetings_[c];
    if (++meeting.arrived < int(meeting.members.size())) return;
    const StepGraph::Collective &held = graph_.collectives[c];
    StepTimes::Transfer &transfer = times_.collectives[c];
    transfer.arrived = transfer.start = now;
    for (int member : meeting.members) holdUp(graph_.tasks[member].device, held.work, now);
    if (held.wire > 0) {
      for (int link : held.links) transfer.start = std::max(transfer.start, linkFreeAt_[link]);
      for (int link : held.links) linkFreeAt_[link] = transfer.start + held.wire;
    }
    transfer.end = std::max(now + held.work, held.wire > 0 ? transfer.start + held.wire : now);
    push(now + held.work, Kind::kStreamIsFree, c);
    push(transfer.end, Kind::kIsOver, c);
  }

  // A device's copies keep its compute stream from its cores.
  void holdUp(int device, double work, double now) {
    copiesUntil_[device] = std::max(copiesUntil_[device], now) + work;
    const auto running = running_.find(device);
    if (running == running_.end() || work == 0) return;
    const int task = running->second;
    times_.tasks[task].end += work;
    push(times_.tasks[task].end, Kind::kTaskEnds, task, ++states_[task].version);
  }

  // Says of each idle time of the compute streams what it waits for.
  void blame() {
    std::map<int, std::map<int, double>> exposed, late;  // by device, then collective
    std::map<int, double> compute;
    std::map<int, Spans> busy;
    for (auto &[key, stream] : streams_) {
      const auto [device, number] = key;
      if (number != graph_.computeStream) continue;
      double since = 0;
      for (int task : stream.tasks) {
        const StepTimes::Span &span = times_.tasks[task];
        walk({device, task, states_[task].lastCause, since, span.start}, exposed[device], late[device]);
        if (const int c = graph_.tasks[task].collective; c >= 0) {  // the stream is held until it is over
          const double arrived = times_.collectives[c].arrived;
          exposed[device][c] += span.end - arrived;
          late[device][c] += arrived - span.start;
          if (arrived < span.end) times_.waits.push_back({device, c, nextIn(stream, task), arrived, span.end});
        } else {
          compute[device] += span.end - span.start;
        }
        since = span.end;
      }
      const int last = lastOf(device);
      walk({device, /*waiter=*/-1, last, since, times_.tasks[last].end}, exposed[device], late[device]);
    }
    for (size_t c = 0; c < meetings_.size(); ++c)
      for (int member : meetings_[c].members)
        busy[graph_.tasks[member].device].push_back(
            {graph_.collectives[c].wire > 0 ? times_.collectives[c].start : times_.collectives[c].arrived,
             times_.collectives[c].end});
    for (const auto &[device, spans] : busy)
      times_.communication = std::max(times_.communication, lengthOfUnion(spans));
    for (const auto &[device, seconds] : compute) times_.compute = std::max(times_.compute, seconds);
    times_.exposedDevice = gather(exposed, times_.exposed, &StepTimes::Transfer::exposed);
    gather(late, times_.late, &StepTimes::Transfer::late);
    for (const State &state : states_) times_.causes.push_back(state.lastCause);
  }

  static int nextIn(const Stream &stream, int task) {
    const auto next = std::upper_bound(stream.tasks.begin(), stream.tasks.end(), task);
    return next == stream.tasks.end() ? -1 : *next;
  }

  int lastOf(int device) const {
    int last = -1;
    for (size_t t = 0; t < graph_.tasks.size(); ++t)
      if (graph_.tasks[t].device == device && (last < 0 || times_.tasks[t].end > times_.tasks[last].end)) last = int(t);
    return last;
  }

  // Gives the device where the sum is largest.
  int gather(const std::map<int, std::map<int, double>> &byDevice, double &most, double StepTimes::Transfer::*field) {
    int largest = 0;
    for (const auto &[device, byCollective] : byDevice) {
      double sum = 0;
      for (const auto &[c, seconds] : byCollective) {
        times_.collectives[c].*field = std::max(times_.collectives[c].*field, seconds);
        sum += seconds;
      }
      if (sum > most) largest = device;
      most = std::max(most, sum);
    }
    return largest;
  }

  // The compute stream stands still from `since` to `until`; then `cause` is over, and `waiter` begins.
  struct Gap {
    int device, waiter, cause;
    double since, until;
  };

  // Goes back from the gap's end to its beginning along what was waited for.
  void walk(const Gap &gap, std::map<int, double> &exposed, std::map<int, double> &late) {
    const double since = gap.since;
    double until = gap.until;
    for (int cause = gap.cause; cause >= 0 && until > since; cause = states_[cause].lastCause) {
      const int c = graph_.tasks[cause].collective;
      const double start = times_.tasks[cause].start;
      if (c >= 0) {
        const double arrived = std::max(since, times_.collectives[c].arrived);
        if (arrived < until) {
          exposed[c] += until - arrived;
          times_.waits.push_back({gap.device, c, gap.waiter, arrived, until});
        }
        if (std::max(since, start) < std::min(arrived, until))
          late[c] += std::min(arrived, until) - std::max(since, start);
      }
      until = std::min(until, start);
    }
  }

  const StepGraph &graph_;
  std::vector<State> states_;
  std::vector<Meeting> meetings_;
  std::map<std::pair<int, int>, Stream> streams_;   // by device and stream
  std::map<int, double> linkFreeAt_, copiesUntil_;  // by link, by device
  std::map<int, int> running_;                      // by device: the task of its compute stream
  std::priority_queue<Event> events_;
  int64_t foreseen_ = 0;
  StepTimes times_;
};

}  // namespace

absl::StatusOr<StepTimes> timesOf(const StepGraph &graph) { return Simulation(graph).run(); }

}  // namespace cleave
