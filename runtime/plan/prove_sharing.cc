#include "runtime/plan/prove_sharing.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runtime/plan/unfold.h"

namespace cleave {
namespace {

using Program = ScheduleModel::Program;

// For each turn of a task: how far each stream has ended before it begins (positions; -1 for nothing).
class Clocks {
 public:
  explicit Clocks(const Unfolding &step) : step_(step), streams_(step.streams.size()) {
    clocks_.assign(step.nodes.size() * streams_, -1);
    std::vector<std::vector<int>> from(step.nodes.size()), to(step.nodes.size());
    std::vector<int> waits(step.nodes.size(), 0);
    const auto link = [&](int before, int after) {
      from[after].push_back(before);
      to[before].push_back(after);
      ++waits[after];
    };
    for (const auto &stream : step.streams)
      for (size_t i = 1; i < stream.size(); ++i) link(stream[i - 1], stream[i]);
    for (const auto &edge : step.edges) link(edge.from, edge.to);
    for (size_t n = 0; n < waits.size(); ++n)
      if (waits[n] == 0) order_.push_back(static_cast<int>(n));
    for (size_t next = 0; next < order_.size(); ++next) {
      const int node = order_[next];
      for (int before : from[node]) join(node, before);
      for (int after : to[node])
        if (--waits[after] == 0) order_.push_back(after);
    }
  }

  const std::vector<int> &order() const {
    return order_;
  }                                    // one in which the turns could run; short if there is a cycle
  bool isBefore(int a, int b) const {  // a has ended before b begins
    return clocks_[b * streams_ + step_.nodes[a].stream] >= step_.nodes[a].position;
  }

 private:
  void join(int node, int before) {
    int *clock = &clocks_[node * streams_];
    const int *other = &clocks_[before * streams_];
    for (size_t s = 0; s < streams_; ++s) clock[s] = std::max(clock[s], other[s]);
    int &own = clock[step_.nodes[before].stream];
    own = std::max(own, step_.nodes[before].position);
  }

  const Unfolding &step_;
  const size_t streams_;
  std::vector<int> clocks_;
  std::vector<int> order_;
};

// One use of a register: from its first write to its last access it owns the bytes of its copy.
struct Use {
  int value = 0;
  int64_t begin = 0, end = 0;  // bytes
  std::vector<int> accesses;   // nodes
  std::vector<int> writers;    // nodes; those of parts too
  std::vector<int> displaced;  // uses that owned some of the bytes before
  std::vector<int>
      carried;  // uses that it went on with in place while their task still reads them (a loop's accumulator)
  bool isInput = false, isOutput = false;
};

class SharingProof {
 public:
  SharingProof(const Program &program, const Unfolding &step)
      : program_(program), step_(step), clocks_(step), roots_(rootsOf(program)) {}

  absl::Status run() {
    if (clocks_.order().size() != step_.nodes.size())
      return absl::FailedPreconditionError("requires a step without a cycle of waits, got one");
    collectUses();
    for (size_t u = 0; u < uses_.size(); ++u)
      if (uses_[u].isInput)
        if (absl::Status status = occupy(static_cast<int>(u), /*node=*/-1); !status.ok()) return status;
    for (int node : clocks_.order()) {
      const auto &task = program_.tasks[step_.nodes[node].task];
      for (int value : task.reads)
        if (absl::Status status = checkRead(node, value); !status.ok()) return status;
      for (int value : task.writes)
        if (absl::Status status = checkWrite(node, value); !status.ok()) return status;
    }
    return checkOutputs();
  }

 private:
  struct Owner {
    int64_t end;
    int use;
  };

  int useIndex(int root, int64_t use) {
    const auto [held, isNew] = useOf_.insert({{root, use}, static_cast<int>(uses_.size())});
    if (isNew) {
      const auto &value = program_.values[root];
      const int64_t begin = value.offset + use % value.count * value.copyBytes;
      Use &made = uses_.emplace_back();
      made.value = root;
      made.begin = begin;
      made.end = begin + value.bytes;
      made.isInput = value.isInput;
      made.isOutput = value.isOutput;
    }
    return held->second;
  }
  int useAt(int node, int value) { return useIndex(roots_[value], step_.useOf(program_, node, roots_[value])); }

  void collectUses() {
    for (size_t v = 0; v < program_.values.size(); ++v)
      if (program_.values[v].isInput && roots_[v] == static_cast<int>(v)) useIndex(static_cast<int>(v), 0);
    for (int node : clocks_.order()) {
      const auto &task = program_.tasks[step_.nodes[node].task];
      for (int value : task.reads) uses_[useAt(node, value)].accesses.push_back(node);
      for (int value : task.writes) {
        Use &use = uses_[useAt(node, value)];
        use.accesses.push_back(node);
        use.writers.push_back(node);
      }
    }
  }

  bool isVariable(int root) const { return program_.values[root].variable >= 0; }

  // The bytes of a value that `node` accesses.
  std::pair<int64_t, int64_t> rangeOf(int node, int value) {
    const auto &root = program_.values[roots_[value]];
    const int64_t begin =
        program_.values[value].offset + step_.useOf(program_, node, roots_[value]) % root.count * root.copyBytes;
    return {begin, begin + program_.values[value].bytes};
  }

  absl::Status checkRead(int node, int value) {
    if (isVariable(roots_[value]) || program_.values[roots_[value]].isInput) return absl::OkStatus();
    const auto [begin, end] = rangeOf(node, value);
    if (begin == end) return absl::OkStatus();
    std::vector<std::pair<int64_t, int64_t>> written;
    for (int writer : uses_[useAt(node, value)].writers) {
      if (!clocks_.isBefore(writer, node)) continue;
      for (int target : program_.tasks[step_.nodes[writer].task].writes)
        if (roots_[target] == roots_[value]) written.push_back(rangeOf(writer, target));
    }
    std::sort(written.begin(), written.end());
    int64_t reached = begin;
    for (const auto &[from, to] : written)
      if (from <= reached) reached = std::max(reached, to);
    if (reached >= end) return absl::OkStatus();
    return absl::FailedPreconditionError(absl::StrCat(
        describe(node), " requires register '", program_.values[value].name, "' to be written before it is read, got ",
        reached - begin, " of ", end - begin, " bytes written"));
  }

  absl::Status checkWrite(int node, int value) {
    if (isVariable(roots_[value]) || program_.values[roots_[value]].bytes == 0) return absl::OkStatus();
    const int use = useAt(node, value);
    if (uses_[use].writers.front() == node || uses_[use].isInput)
      if (absl::Status status = occupy(use, node); !status.ok()) return status;
    for (int before : uses_[use].displaced)
      if (absl::Status status = checkApart(before, use, node); !status.ok()) return status;
    return absl::OkStatus();
  }

  // Makes `use` the owner of its bytes, from `node` on (-1: from the start).
  absl::Status occupy(int use, int node) {
    const int64_t begin = uses_[use].begin, end = uses_[use].end;
    if (begin == end) return absl::OkStatus();
    auto segment = owners_.upper_bound(begin);
    if (segment != owners_.begin() && std::prev(segment)->second.end > begin) --segment;
    std::vector<std::pair<int64_t, Owner>> kept;
    while (segment != owners_.end() && segment->first < end) {
      const auto [from, owner] = *segment;
      if (owner.use != use) {
        if (node < 0) return overlapError(owner.use, use, node);
        auto &displaced = uses_[use].displaced;
        if (std::find(displaced.begin(), displaced.end(), owner.use) == displaced.end()) displaced.push_back(owner.use);
      }
      if (from < begin) kept.push_back({from, {begin, owner.use}});
      if (owner.end > end) kept.push_back({end, {owner.end, owner.use}});
      segment = owners_.erase(segment);
    }
    owners_.insert(kept.begin(), kept.end());
    owners_[begin] = {end, use};
    return absl::OkStatus();
  }

  // `before` must be over when `node` writes `use`, but for what `node` itself reads in place.
  absl::Status checkApart(int before, int use, int node) {
    bool isInPlace = false, isChecked = false;
    for (int access : uses_[before].accesses) {
      if (clocks_.isBefore(access, node)) continue;
      if (!isChecked) isInPlace = writesInPlace(before, use, node);
      isChecked = true;
      // In a loop the same task reads what it accumulates into again.
      if (!isInPlace || step_.nodes[access].task != step_.nodes[node].task) return overlapError(before, use, node);
      if (access != node) uses_[use].accesses.push_back(access);
    }
    if (isInPlace) {
      uses_[use].carried = uses_[before].carried;
      uses_[use].carried.push_back(before);
    }
    if (uses_[before].isOutput) return overlapError(before, use, node);
    return absl::OkStatus();
  }

  // Whether what `node` writes of `use` is exactly what it reads of `before`, and they share nothing else.
  bool writesInPlace(int before, int use, int node) {
    const auto &task = program_.tasks[step_.nodes[node].task];
    const int64_t begin = std::max(uses_[before].begin, uses_[use].begin),
                  end = std::min(uses_[before].end, uses_[use].end);
    for (int target : task.writes) {
      if (useAt(node, target) != use) continue;
      for (int source : task.reads) {
        const int read = useAt(node, source);
        const auto &carried = uses_[before].carried;
        if (read != before && std::find(carried.begin(), carried.end(), read) == carried.end()) continue;
        const auto range = rangeOf(node, target);
        const auto &from = program_.values[source], &to = program_.values[target];
        if (range == rangeOf(node, source) && from.isDense && to.isDense && from.elementBytes == to.elementBytes &&
            range.first <= begin && range.second >= end)
          return true;
      }
    }
    return false;
  }

  // What the host reads after the step still owns its bytes then.
  absl::Status checkOutputs() {
    for (size_t v = 0; v < program_.values.size(); ++v) {
      const auto &value = program_.values[v];
      if (!value.isOutput || isVariable(roots_[v]) || value.isInput || value.bytes == 0) continue;
      if (uses_[useIndex(static_cast<int>(v), step_.uses[v] - 1)].writers.empty())
        return absl::FailedPreconditionError(absl::StrCat("requires output register '", value.name,
                                                          "' to be written, got no task that does, on rank ", rank()));
    }
    return absl::OkStatus();
  }

  absl::Status overlapError(int before, int use, int node) const {
    const auto &first = program_.values[uses_[before].value], &second = program_.values[uses_[use].value];
    std::string last = "there from the start";
    for (int access : uses_[before].accesses)
      if (node < 0 || !clocks_.isBefore(access, node)) last = absl::StrCat("used by ", describe(access));
    if (uses_[before].isOutput) last = "an output, read after the step";
    return absl::FailedPreconditionError(
        absl::StrCat("requires registers that share bytes to be apart in time, got '", second.name, "', ",
                     node < 0 ? "an input" : absl::StrCat("written by ", describe(node)), ", over '", first.name, "', ",
                     last, " (bytes ", std::max(uses_[before].begin, uses_[use].begin), " to ",
                     std::min(uses_[before].end, uses_[use].end), ")"));
  }

  int rank() const { return program_.ranks.empty() ? 0 : program_.ranks[0]; }

  std::string describe(int node) const {
    const auto &turn = step_.nodes[node];
    return absl::StrCat(
        "op '", program_.tasks[turn.task].op, "' of rank ", rank(), " ",
        turn.stream < static_cast<int>(program_.streamNames.size()) ? program_.streamNames[turn.stream] : "");
  }

  const Program &program_;
  const Unfolding &step_;
  const Clocks clocks_;
  const std::vector<int> roots_;
  std::vector<Use> uses_;
  std::map<std::pair<int, int64_t>, int> useOf_;  // by register and use
  std::map<int64_t, Owner> owners_;               // by first byte
};

}  // namespace

absl::Status proveSharing(const ScheduleModel &model) {
  for (const Program &program : model.programs) {
    const absl::StatusOr<Unfolding> step = unfold(program);
    if (!step.ok()) return step.status();
    if (absl::Status status = SharingProof(program, *step).run(); !status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace cleave
