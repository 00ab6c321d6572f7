// When tasks ran, and the file that Chrome (chrome://tracing) and Perfetto show.

#ifndef CLEAVE_RUNTIME_TRACE_CHROME_TRACE_H
#define CLEAVE_RUNTIME_TRACE_CHROME_TRACE_H

#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "actors/task_event.h"

namespace cleave {

// The events of the streams of all ranks. A device is a process of the trace, a stream one of its threads.
struct TraceLog {
  struct Stream {
    int rank = 0;
    std::string name;
    std::vector<TaskEvent> events;  // in order
  };
  std::vector<Stream> streams;
  std::shared_ptr<const void> labels;  // what the events point to
};

// JSON object format: complete events ("ph": "X") with times in microseconds from the first event of all.
void writeChromeTrace(const TraceLog &log, std::ostream &out);

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_TRACE_CHROME_TRACE_H
