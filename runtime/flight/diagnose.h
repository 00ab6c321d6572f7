// Who kept whom waiting, from the flight records of a job's processes.

#ifndef CLEAVE_RUNTIME_FLIGHT_DIAGNOSE_H
#define CLEAVE_RUNTIME_FLIGHT_DIAGNOSE_H

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/flight/flight_record.h"

namespace cleave {

struct Diagnosis {
  // A rank in a collective that it has not left, or a process in a message.
  struct Wait {
    int process = 0;
    int rank = -1;           // -1: the process itself, in a message
    int64_t step = 0;
    std::string what;        // "all_reduce 'loss' of entry step (...), turn 12"
    int64_t beginNanos = 0, endNanos = 0;  // until its process gave up or its last sign of life
    std::vector<int> absent; // ranks (processes for a message) that have not come; empty: all are there, and data are
                             // under way
  };
  struct Suspect {
    int process = 0;
    std::vector<int> ranks;
    std::string host;                  // empty where there is no record
    std::vector<std::string> reasons;  // sentences about "it", the strongest first
    std::vector<std::string> absentFrom;
  };
  std::vector<Suspect> suspects;  // the likeliest first; empty: all ended well, or nothing stands out
  std::vector<Wait> waits;
  // Processes all of which have come to a collective or message between them whose data do not arrive: where no process
  // stands out, a link between them is cut or slow.
  std::vector<int> linked;
};

// `records` are of one job, by process. What counts, the strongest first: a process failed by itself; it has left no
// record; it gave no sign of life while others waited, or its signs ended half a second before others' although it had
// not given up (clocks of hosts should agree better than that); others wait for it, and it waits for nobody.
Diagnosis diagnose(const std::vector<FlightRecord> &records);

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_FLIGHT_DIAGNOSE_H
