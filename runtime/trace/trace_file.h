// Traces as writeChromeTrace has written them, read again.

#ifndef CLEAVE_RUNTIME_TRACE_TRACE_FILE_H
#define CLEAVE_RUNTIME_TRACE_TRACE_FILE_H

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace cleave {

struct TraceSlice {
  std::string name, category;
  std::string awaited;         // of idle time: the collective
  std::string phase;           // of a task: "forward", "backward", "update"
  int64_t begin = 0, end = 0;  // ns
};
// The slices of one device, by row: "phases", "compute", "idle", "communicate", "link AXIS".
using TraceRows = std::map<std::string, std::vector<TraceSlice>>;

struct TraceFile {
  std::string entry;                     // whose runs count: "step", or where there is none of it that of the first run
  std::map<int64_t, TraceRows> devices;  // by rank
};

// An error names what is missing or the event that is wrong.
absl::StatusOr<TraceFile> readTrace(absl::string_view trace);

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_TRACE_TRACE_FILE_H
