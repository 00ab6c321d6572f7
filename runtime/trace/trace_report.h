// What a trace says about where the time of a step goes.

#ifndef CLEAVE_RUNTIME_TRACE_TRACE_REPORT_H
#define CLEAVE_RUNTIME_TRACE_TRACE_REPORT_H

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace cleave {

// Milliseconds, means over the steps. step = compute + exposed + late + handOver + end + other, and
// communication = hidden + what of it was exposed (see DeviceTimes and IdleCause).
struct DeviceReport {
  int64_t device = 0;
  double step = 0, compute = 0, communication = 0, hidden = 0;
  double exposed = 0, late = 0, handOver = 0, end = 0;
  double other = 0;  // between tasks that follow each other
};

// A collective that computing stood still for: milliseconds a step, on the device where it cost most.
struct AwaitedCollective {
  std::string op;
  double exposed = 0, late = 0;
};

struct TraceReport {
  std::string entry;  // whose runs count: "step", or where the trace has none of it that of the first run
  int64_t runs = 0;   // of each device
  std::vector<DeviceReport> devices;
  std::vector<AwaitedCollective> awaited;  // the most expensive first
};

// Of a file that writeChromeTrace has written. An error names what is missing or the event that is wrong.
absl::StatusOr<TraceReport> readTraceReport(absl::string_view trace);

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_TRACE_TRACE_REPORT_H
