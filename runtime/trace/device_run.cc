#include "runtime/trace/device_run.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "runtime/trace/spans.h"

namespace cleave {
namespace {

// The collectives that are under way at some time of a wait.
class Moment {
 public:
  // Of the events from `first` on, which are in order of their start.
  Moment(const DeviceRun::Wait &wait, const CollectiveEvent *first, const CollectiveEvent *last,
         const std::unordered_map<const TaskLabel *, const CollectiveEvent *> &eventOf)
      : wait_(wait) {
    for (const CollectiveEvent *event = first; event != last && event->startNanos < wait.endNanos; ++event)
      if (event->endNanos > wait.beginNanos) events_.push_back(event);
    for (const TaskLabel *label : wait.awaited)
      if (const auto known = eventOf.find(label); known != eventOf.end() && known->second->endNanos > wait.beginNanos)
        awaited_.push_back(known->second);
    if (wait.isAtEnd) awaited_ = events_;
  }

  // Where the cause may change, the wait's own ends included.
  std::vector<int64_t> cuts() const {
    std::vector<int64_t> cuts = {wait_.beginNanos, wait_.endNanos};
    const auto add = [&](int64_t nanos) {
      if (nanos > wait_.beginNanos && nanos < wait_.endNanos) cuts.push_back(nanos);
    };
    for (const auto *events : {&events_, &awaited_})
      for (const CollectiveEvent *event : *events) {
        add(event->startNanos);
        add(event->arrivedNanos);
        add(event->endNanos);
      }
    std::sort(cuts.begin(), cuts.end());
    cuts.erase(std::unique(cuts.begin(), cuts.end()), cuts.end());
    return cuts;
  }

  // From `nanos` to the next cut.
  Idle at(int64_t nanos) const {
    const auto idle = [&](IdleCause cause, const CollectiveEvent *event) {
      return Idle{nanos, nanos, cause, event ? event->label : nullptr};
    };
    const CollectiveEvent *open = nullptr, *notStarted = nullptr;
    for (const CollectiveEvent *event : awaited_) {
      if (event->endNanos <= nanos) continue;
      open = event;
      if (event->startNanos <= nanos && nanos < event->arrivedNanos) return idle(IdleCause::kLate, event);
      if (nanos < event->startNanos) notStarted = event;
    }
    const IdleCause nobody = wait_.isAtEnd ? IdleCause::kEnd : IdleCause::kHandOver;
    if (!open) return idle(nobody, nullptr);
    if (!notStarted) return idle(IdleCause::kExposed, open);
    // Behind others of its stream, or behind a transfer that it needs.
    const CollectiveEvent *underWay = nullptr;
    for (const CollectiveEvent *event : events_) {
      if (nanos < event->startNanos || event->endNanos <= nanos) continue;
      if (nanos < event->arrivedNanos) return idle(IdleCause::kLate, event);
      underWay = event;
    }
    return underWay ? idle(IdleCause::kExposed, underWay) : idle(nobody, notStarted);
  }

 private:
  const DeviceRun::Wait &wait_;
  std::vector<const CollectiveEvent *> events_, awaited_;
};

}  // namespace

const char *nameOf(IdleCause cause) {
  switch (cause) {
    case IdleCause::kExposed: return "exposed";
    case IdleCause::kLate: return "late";
    case IdleCause::kHandOver: return "hand-over";
    case IdleCause::kEnd: return "end";
  }
  return "";
}

std::vector<Idle> explainIdle(const DeviceRun &run) {
  std::vector<Idle> idle;
  std::unordered_map<const TaskLabel *, const CollectiveEvent *> eventOf;
  for (const CollectiveEvent &event : run.collectives) eventOf[event.label] = &event;
  const CollectiveEvent *first = run.collectives.data();
  const CollectiveEvent *const last = first + run.collectives.size();
  for (const DeviceRun::Wait &wait : run.waits) {
    while (first != last && first->endNanos <= wait.beginNanos) ++first;
    const Moment moment(wait, first, last, eventOf);
    const std::vector<int64_t> cuts = moment.cuts();
    for (size_t i = 0; i + 1 < cuts.size(); ++i) {
      Idle part = moment.at(cuts[i]);
      part.endNanos = cuts[i + 1];
      const bool goesOn = i > 0 && idle.back().cause == part.cause && idle.back().awaited == part.awaited;
      if (goesOn) {
        idle.back().endNanos = part.endNanos;
      } else {
        idle.push_back(part);
      }
    }
  }
  return idle;
}

DeviceTimes timesOf(const DeviceRun &run, const std::vector<Idle> &idle) {
  DeviceTimes times;
  Spans busy, exposed;
  for (const CollectiveEvent &event : run.collectives) busy.push_back({event.beginNanos, event.endNanos});
  for (const Idle &part : idle) {
    const int64_t nanos = part.endNanos - part.beginNanos;
    switch (part.cause) {
      case IdleCause::kExposed:
        times.exposed += nanos;
        exposed.push_back({part.beginNanos, part.endNanos});
        break;
      case IdleCause::kLate: times.late += nanos; break;
      case IdleCause::kHandOver: times.handOver += nanos; break;
      case IdleCause::kEnd: times.end += nanos; break;
    }
  }
  busy = unionOf(std::move(busy));
  times.communication = lengthOf(busy);
  times.hidden = lengthOutside(busy, unionOf(std::move(exposed)));
  return times;
}

}  // namespace cleave
