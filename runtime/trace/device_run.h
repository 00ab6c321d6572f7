// What one device did while an entry ran, and why it was idle.

#ifndef CLEAVE_RUNTIME_TRACE_DEVICE_RUN_H
#define CLEAVE_RUNTIME_TRACE_DEVICE_RUN_H

#include <cstdint>
#include <vector>

#include "actors/task_event.h"

namespace cleave {

struct DeviceRun {
  // The compute stream had nothing to do.
  struct Wait {
    int64_t beginNanos = 0, endNanos = 0;
    std::vector<const TaskLabel *> awaited;  // the collectives that its next task needs
    bool isAtEnd = false;                    // there is no next task: all collectives are awaited
  };
  int rank = 0;
  int64_t beginNanos = 0, endNanos = 0;      // of the run, the same for all devices
  std::vector<CollectiveEvent> collectives;  // of all streams, by start
  std::vector<Wait> waits;                   // in order
};

// Whom an idle compute stream waits for, at one moment:
enum class IdleCause {
  kExposed,   // transfers alone: all ranks of all collectives that it still waits for have arrived
  kLate,      // a rank that has not arrived, at the collective or at one before it on its stream
  kHandOver,  // nobody: what it needs is there, or about to be started (threads wake up, messages travel)
  kEnd        // the same behind its last task: until other devices and the host have done theirs
};
const char *nameOf(IdleCause cause);  // "exposed", "late", "hand-over", "end"

struct Idle {
  int64_t beginNanos = 0, endNanos = 0;
  IdleCause cause = IdleCause::kHandOver;
  const TaskLabel *awaited = nullptr;  // a collective that holds the stream; null where there is none
};

// Every wait, cut where its cause changes.
std::vector<Idle> explainIdle(const DeviceRun &run);

// Nanoseconds of a run.
struct DeviceTimes {
  int64_t communication = 0;  // the union of the device's transfers: from links free (and all arrived) to the end
  int64_t hidden = 0;         // those of it in which the compute stream was not idle for want of a transfer
  int64_t exposed = 0, late = 0, handOver = 0, end = 0;  // idle, by cause
};
DeviceTimes timesOf(const DeviceRun &run, const std::vector<Idle> &idle);

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_TRACE_DEVICE_RUN_H
