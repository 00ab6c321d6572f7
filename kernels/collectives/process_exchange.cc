#include "kernels/collectives/process_exchange.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <set>
#include <tuple>

#include "kernels/collectives/combine.h"
#include "kernels/collectives/exchange.h"

namespace cleave::collectives {
namespace {

using Part = Transport::Part;
using Direction = Part::Direction;

// A value of less is exchanged at once: a second turn takes longer than more bytes.
constexpr int64_t kDirectBytes = int64_t{32} << 10;

// The pool keeps few sizes, so that exchanges find what others gave back.
int64_t capacityFor(int64_t bytes) {
  int64_t capacity = 64;
  while (capacity < bytes) capacity *= 2;
  return capacity;
}

// Memory for values of one round on their way: taken when it is first needed.
class Stage {
 public:
  explicit Stage(StagePool &pool) : pool_(pool) {}

  // Place for so many bytes.
  int64_t reserve(int64_t bytes) {
    const int64_t offset = size_;
    size_ += (bytes + 63) / 64 * 64;
    return offset;
  }
  char *at(int64_t offset) {
    if (!bytes_) bytes_ = pool_.take(size_);
    return bytes_.get() + offset;
  }
  void release() {
    if (bytes_) pool_.give(std::move(bytes_), size_);
  }

 private:
  StagePool &pool_;
  int64_t size_ = 0;
  StagePool::Memory bytes_;
};

void copyViews(const TensorView &from, const TensorView &to) {
  combineViews(Reduction::kNone, {from}, {to}, /*share=*/0, /*shares=*/1);
}

class DirectExchange final : public ProcessExchange {
 public:
  DirectExchange(const CollectiveSpec &spec, const CollectiveSpec::Group &group, ProcessPlaces places, StagePool &pool)
      : spec_(spec), group_(group), places_(std::move(places)), fills_(places_.processOf.size()), stage_(pool) {
    for (size_t s = 0; s < group_.segments.size(); ++s)
      for (size_t o = 0; o < places_.processOf.size(); ++o) planOutput(static_cast<int>(s), static_cast<int>(o));
  }

  std::vector<Part> first(const Views &inputs, const Views &) final {
    std::vector<Part> parts;
    for (const Message &message : messages_) {
      char *staged = stage_.at(message.offset);
      const int64_t bytes = message.box.elements() * bytesOf(spec_.dtype);
      if (!places_.isLocal(message.holder)) {
        parts.push_back({Direction::kReceive, places_.processOf[message.holder], staged, bytes});
        continue;
      }
      const TensorView part = partOf(inputs, message.segment, message.holder, message.box);
      if (!part.isContiguous()) copyViews(part, stagedView(message));
      parts.push_back({Direction::kSend, message.to, part.isContiguous() ? part.data : staged, bytes});
    }
    return parts;
  }

  void work(int member, const Views &inputs, const Views &outputs) final {
    std::vector<TensorView> sources, targets;
    for (const Fill &fill : fills_[member]) {
      sources.clear();
      targets.clear();
      for (const Source &source : fill.sources)
        sources.push_back(source.message >= 0 ? stagedView(messages_[source.message])
                                              : partOf(inputs, fill.segment, source.holder, fill.box));
      for (int output : fill.outputs)
        targets.push_back(viewPart(outputs[fill.segment][output], group_.segments[fill.segment].outputs[output], fill.box));
      combineViews(spec_.reduction, sources, targets, /*share=*/0, /*shares=*/1);
    }
  }

  std::vector<Part> second() final { return {}; }
  void finish(const Views &) final {}
  void release() final { stage_.release(); }

 private:
  struct Message {
    int segment = 0, holder = 0, to = 0;  // a member, a process
    Box box;
    int64_t offset = 0;  // in the stage
  };
  struct Source {
    int holder = 0, message = -1;  // -1: of this process
  };
  struct Fill {
    int segment = 0;
    Box box;
    std::vector<Source> sources;
    std::vector<int> outputs;  // local members
  };

  TensorView partOf(const Views &inputs, int segment, int holder, const Box &box) const {
    return viewPart(inputs[segment][holder], group_.segments[segment].inputs[holder], box);
  }
  TensorView stagedView(const Message &message) {
    return TensorView::contiguous(stage_.at(message.offset), spec_.dtype, message.box.extent);
  }

  // All processes go through all outputs, so that they agree on the order of messages.
  void planOutput(int segment, int output) {
    const CollectiveSpec::Boxes &boxes = group_.segments[segment];
    const int to = places_.processOf[output];
    // Where outputs may be the very bytes of inputs, one member fills those of all.
    const bool areEqual = areBoxesEqual(boxes);
    const std::vector<int> locals = places_.localMembers();
    if (areEqual && to == places_.self && output != locals[0]) return;
    for (const Piece &piece :
         cutByHolders(boxes.outputs[output], boxes.inputs, /*firstOnly=*/spec_.reduction == Reduction::kNone)) {
      Fill fill{segment, piece.box, {}, areEqual ? locals : std::vector<int>{output}};
      for (int holder : piece.holders) {
        const bool isNear = places_.processOf[holder] == to;
        fill.sources.push_back({holder, isNear ? -1 : messageOf(segment, holder, to, piece.box)});
      }
      if (to == places_.self && !fill.sources.empty()) fills_[output].push_back(std::move(fill));
    }
  }

  // Several outputs of a process may need the same part: it comes once. -1 for messages between others.
  int messageOf(int segment, int holder, int to, const Box &box) {
    const auto key = std::make_tuple(segment, holder, to, box.start, box.extent);
    const auto known = known_.find(key);
    if (known != known_.end()) return known->second;
    int index = -1;
    if (to == places_.self || places_.isLocal(holder)) {
      index = static_cast<int>(messages_.size());
      messages_.push_back({segment, holder, to, box, stage_.reserve(box.elements() * bytesOf(spec_.dtype))});
    }
    known_.emplace(key, index);
    return index;
  }

  const CollectiveSpec &spec_;
  const CollectiveSpec::Group &group_;
  const ProcessPlaces places_;
  std::vector<Message> messages_;
  std::map<std::tuple<int, int, int, std::vector<int64_t>, std::vector<int64_t>>, int> known_;
  std::vector<std::vector<Fill>> fills_;  // by member
  Stage stage_;
};

class SharedExchange final : public ProcessExchange {
 public:
  SharedExchange(const CollectiveSpec &spec, const CollectiveSpec::Group &group, ProcessPlaces places, StagePool &pool)
      : spec_(spec), places_(std::move(places)), processes_(places_.processes()), locals_(places_.localMembers()) {
    const auto self = std::find(processes_.begin(), processes_.end(), places_.self);
    self_ = static_cast<int>(self - processes_.begin());
    for (const CollectiveSpec::Boxes &boxes : group.segments) {
      Segment &segment = segments_.emplace_back();
      segment.count = boxes.inputs[0].elements();
      segment.inputs.resize(places_.processOf.size());
      segment.outputs.resize(places_.processOf.size());
      for (size_t m = 0; m < places_.processOf.size(); ++m) {
        const bool isLocal = places_.isLocal(static_cast<int>(m));
        segment.inputStage.push_back(stages_.size());
        stages_.emplace_back(pool).reserve((isLocal ? segment.count : shareOf(segment, self_).size()) * bytes());
        segment.outputStage.push_back(stages_.size());
        stages_.emplace_back(pool).reserve(isLocal ? segment.count * bytes() : 0);
      }
    }
  }

  // Every process gets its share of all members' elements.
  std::vector<Part> first(const Views &inputs, const Views &outputs) final {
    std::vector<Part> parts;
    for (size_t s = 0; s < segments_.size(); ++s) {
      Segment &segment = segments_[s];
      for (size_t m = 0; m < places_.processOf.size(); ++m) {
        char *staged = stages_[segment.inputStage[m]].at(0);
        if (!places_.isLocal(static_cast<int>(m))) {
          segment.inputs[m] = staged;  // of this process's share
          addPart(parts, Direction::kReceive, places_.processOf[m], staged, shareOf(segment, self_).size());
          continue;
        }
        segment.inputs[m] = flat(inputs[s][m], staged);
        if (segment.inputs[m] == staged) copyViews(inputs[s][m], likeOf(inputs[s][m], staged));
        segment.outputs[m] = flat(outputs[s][m], stages_[segment.outputStage[m]].at(0));
        for (size_t p = 0; p < processes_.size(); ++p)
          if (static_cast<int>(p) != self_) addShare(parts, Direction::kSend, p, segment, segment.inputs[m]);
      }
    }
    return parts;
  }

  // A local member's thread combines one part of this process's share.
  void work(int member, const Views &, const Views &) final {
    const int64_t workers = static_cast<int64_t>(locals_.size());
    const int64_t worker = std::find(locals_.begin(), locals_.end(), member) - locals_.begin();
    for (const Segment &segment : segments_) {
      const Share share = shareOf(segment, self_);
      const int64_t begin = share.size() * worker / workers, end = share.size() * (worker + 1) / workers;
      if (begin == end) continue;
      std::vector<const char *> sources;
      std::vector<char *> targets;
      for (size_t m = 0; m < places_.processOf.size(); ++m) {
        const int64_t offset = places_.isLocal(static_cast<int>(m)) ? share.begin + begin : begin;
        sources.push_back(segment.inputs[m] + offset * bytes());
      }
      for (int m : locals_) targets.push_back(segment.outputs[m] + (share.begin + begin) * bytes());
      combineRows(spec_.reduction, spec_.dtype, sources, targets, end - begin);
    }
  }

  // Every process sends its share of the result to all; the first local member takes what comes.
  std::vector<Part> second() final {
    std::vector<Part> parts;
    for (Segment &segment : segments_)
      for (size_t p = 0; p < processes_.size(); ++p) {
        if (static_cast<int>(p) == self_) continue;
        char *result = segment.outputs[locals_[0]];
        addShare(parts, Direction::kReceive, p, segment, result);
        const Share mine = shareOf(segment, self_);
        addPart(parts, Direction::kSend, processes_[p], result + mine.begin * bytes(), mine.size());
      }
    return parts;
  }

  void finish(const Views &outputs) final {
    for (size_t s = 0; s < segments_.size(); ++s) {
      const Segment &segment = segments_[s];
      for (int m : locals_) {
        for (size_t p = 0; p < processes_.size() && m != locals_[0]; ++p) {
          const Share share = shareOf(segment, static_cast<int>(p));
          if (static_cast<int>(p) != self_)
            std::memcpy(segment.outputs[m] + share.begin * bytes(),
                        segment.outputs[locals_[0]] + share.begin * bytes(), share.size() * bytes());
        }
        if (segment.outputs[m] != outputs[s][m].data) copyViews(likeOf(outputs[s][m], segment.outputs[m]), outputs[s][m]);
      }
    }
  }

  void release() final {
    for (Stage &stage : stages_) stage.release();
  }

 private:
  struct Segment {
    int64_t count = 0;
    std::vector<size_t> inputStage, outputStage;  // by member
    std::vector<char *> inputs, outputs;          // of the round, by member; rows without gaps
  };
  struct Share {
    int64_t begin = 0, end = 0;
    int64_t size() const { return end - begin; }
  };

  int64_t bytes() const { return bytesOf(spec_.dtype); }
  Share shareOf(const Segment &segment, int p) const {
    const int64_t shares = static_cast<int64_t>(processes_.size());
    return {segment.count * p / shares, segment.count * (p + 1) / shares};
  }
  static char *flat(const TensorView &view, char *staged) { return view.isContiguous() ? view.as<char>() : staged; }
  static TensorView likeOf(const TensorView &view, char *data) {
    return TensorView::contiguous(data, view.dtype, view.dims());
  }
  void addPart(std::vector<Part> &parts, Direction direction, int process, char *data, int64_t count) const {
    if (count > 0) parts.push_back({direction, process, data, count * bytes()});
  }
  // The share of the p-th process, of values that lie from `data` on.
  void addShare(std::vector<Part> &parts, Direction direction, size_t p, const Segment &segment, char *data) const {
    const Share share = shareOf(segment, static_cast<int>(p));
    addPart(parts, direction, processes_[p], data + share.begin * bytes(), share.size());
  }

  const CollectiveSpec &spec_;
  const ProcessPlaces places_;
  const std::vector<int> processes_, locals_;
  int self_ = 0;  // in processes_
  std::vector<Segment> segments_;
  std::vector<Stage> stages_;
};

}  // namespace

StagePool::Memory StagePool::take(int64_t bytes) {
  const int64_t capacity = capacityFor(bytes);
  {
    std::lock_guard<std::mutex> lock(mutex_);
    std::vector<Memory> &free = free_[capacity];
    if (!free.empty()) {
      Memory memory = std::move(free.back());
      free.pop_back();
      return memory;
    }
  }
  return Memory(new char[capacity]);
}

void StagePool::give(Memory memory, int64_t bytes) {
  std::lock_guard<std::mutex> lock(mutex_);
  free_[capacityFor(bytes)].push_back(std::move(memory));
}

std::vector<int> ProcessPlaces::processes() const {
  const std::set<int> all(processOf.begin(), processOf.end());
  return std::vector<int>(all.begin(), all.end());
}

std::vector<int> ProcessPlaces::localMembers() const {
  std::vector<int> members;
  for (size_t m = 0; m < processOf.size(); ++m)
    if (isLocal(static_cast<int>(m))) members.push_back(static_cast<int>(m));
  return members;
}

std::unique_ptr<ProcessExchange> makeProcessExchange(const CollectiveSpec &spec, const CollectiveSpec::Group &group,
                                                     ProcessPlaces places, StagePool &pool) {
  const bool areEqual = std::all_of(group.segments.begin(), group.segments.end(), areBoxesEqual);
  int64_t bytes = 0;
  for (const CollectiveSpec::Boxes &boxes : group.segments) bytes += boxes.inputs[0].elements() * bytesOf(spec.dtype);
  if (areEqual && spec.reduction != Reduction::kNone && bytes > kDirectBytes)
    return std::make_unique<SharedExchange>(spec, group, std::move(places), pool);
  return std::make_unique<DirectExchange>(spec, group, std::move(places), pool);
}

}  // namespace cleave::collectives
