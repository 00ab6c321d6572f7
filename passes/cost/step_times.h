// What a step takes: tasks with known durations run through streams, collectives and links. Knows no ops and no
// machine.

#ifndef CLEAVE_PASSES_COST_STEP_TIMES_H
#define CLEAVE_PASSES_COST_STEP_TIMES_H

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"

namespace cleave {

// All times are in seconds; all indices count from 0. Tasks of one stream run in the order in which they stand.
struct StepGraph {
  struct Task {
    int device = 0;
    int stream = 0;
    double seconds = 0;      // of its device; of a collective see below
    std::vector<int> after;  // tasks that must have ended; of a collective: that it must be over
    int collective = -1;     // that it is this device's part of
  };
  // Begins when the last of its tasks has been reached. The members' threads then are at work for `work` seconds, which
  // holds their streams, and whatever their compute streams are doing is held up as long. Once all links are free, too,
  // the transfer takes them for `wire` seconds. What it carries is there when both are over.
  struct Collective {
    double work = 0, wire = 0;
    std::vector<int> links;
  };

  std::vector<Task> tasks;
  std::vector<Collective> collectives;
  int computeStream = 0;  // whose idle time counts as exposed, or late; so do collectives that hold it
};

struct StepTimes {
  struct Span {
    double start = 0, end = 0;
  };
  struct Transfer {
    double arrived = 0;  // the last member was there
    double start = 0;    // its links were free too
    double end = 0;
    // Of its members' compute streams, the largest over members: time without work that waits for nothing but this
    // transfer (or for those that its links were busy with).
    double exposed = 0;
    double late = 0;  // the same before `arrived`: a peer was waited for
  };

  // A time in which a compute stream stands still for a transfer that all members have reached.
  struct Wait {
    int device = 0, collective = 0;
    int waiter = -1;  // the task that can't begin; -1: nothing but the end is waited for
    double from = 0, to = 0;
  };

  double seconds = 0;  // until all is over
  std::vector<Span> tasks;
  std::vector<int> causes;  // by task: whose end came last of all that it waited for, or -1
  std::vector<Transfer> collectives;
  std::vector<Wait> waits;  // by device, then latest first within what one task waits for
  // Of the device where it is largest.
  double compute = 0;  // of the compute stream
  double exposed = 0, late = 0;
  int exposedDevice = 0;     // where `exposed` is that long: the sum of its waits
  double communication = 0;  // links and copies are busy, overlaps counted once
};

// Runs the graph. Fails where tasks wait for each other in a circle, which names one of them.
absl::StatusOr<StepTimes> timesOf(const StepGraph &graph);

}  // namespace cleave

#endif  // CLEAVE_PASSES_COST_STEP_TIMES_H
