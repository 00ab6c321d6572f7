// When what ran, and the file that Chrome (chrome://tracing) and Perfetto show.

#ifndef CLEAVE_RUNTIME_TRACE_CHROME_TRACE_H
#define CLEAVE_RUNTIME_TRACE_CHROME_TRACE_H

#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "actors/task_event.h"
#include "runtime/trace/device_run.h"

namespace cleave {

struct TraceLog {
  struct Run {
    std::string entry;
    int64_t beginNanos = 0, endNanos = 0;
  };
  struct Device {
    int rank = 0;
    std::vector<Run> runs;                     // in order, as all below
    std::vector<TaskEvent> tasks;              // of the compute stream
    std::vector<TaskEvent> communicate;        // of all others: kernels, and collectives up to doneNanos
    std::vector<CollectiveEvent> collectives;  // by start
    std::vector<Idle> idle;                    // of the compute stream
    size_t events() const;                     // how many the file gets, about
  };
  std::vector<Device> devices;  // one for each rank

  // Appends to what is there of the device's rank.
  void add(Device device);

  int64_t beginNanos() const;  // of the first event; the largest number where there is none
  void mapTimes(absl::FunctionRef<int64_t(int64_t nanos)> map);  // keeps their order

  std::shared_ptr<const void> labels;  // what the events point to
};

// JSON object format. A device is a process of the trace, with these rows (threads):
//   phases        a slice for each run of an entry (category "run"), and in it those of "forward", "backward", "update"
//   compute       kernels
//   idle          why the compute stream stood still: "exposed", "late", "hand-over", "end" (see IdleCause)
//   communicate   what collectives do to their stream: from a rank's arrival until the data have been moved
//   link AXIS     transfers, from a free link to the end; a collective along several axes is in the rows of all
// Arrows (flow events) lead from the start of a collective over its transfer to the task that waits for it. All events
// but arrows are complete events ("ph": "X") with times in microseconds from the first event of all.
void writeChromeTrace(const TraceLog &log, std::ostream &out);

// The same in parts, of processes that have some of the devices each: events, with times from `startNanos` on, and the
// file that they make together.
void writeTraceEvents(const TraceLog &log, int64_t startNanos, std::ostream &out);
std::string joinTraceEvents(const std::vector<std::string> &parts);

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_TRACE_CHROME_TRACE_H
