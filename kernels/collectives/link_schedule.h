// When the transfers over emulated links run.

#ifndef CLEAVE_KERNELS_COLLECTIVES_LINK_SCHEDULE_H
#define CLEAVE_KERNELS_COLLECTIVES_LINK_SCHEDULE_H

#include <cstdint>
#include <mutex>
#include <vector>

#include "kernels/api/communicator.h"

namespace cleave::collectives {

// From any thread.
class LinkSchedule {
 public:
  LinkSchedule(const std::vector<CollectiveSpec> &collectives, const EmulatedLinks &links);

  // Takes the links of a group for its transfer: first come, first served.
  Transfer reserve(int collective, int group, int64_t arrivedNanos);

  // All links are free.
  void reset();

 private:
  struct Use {
    std::vector<int> links;
    int64_t nanos = 0;  // that the transfer takes
  };
  std::vector<std::vector<Use>> uses_;  // by collective, then group; const
  std::mutex mutex_;
  std::vector<int64_t> freeAt_;  // by link
};

}  // namespace cleave::collectives

#endif  // CLEAVE_KERNELS_COLLECTIVES_LINK_SCHEDULE_H
