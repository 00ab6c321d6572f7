// Moves values between devices. Behind this interface a collective looks the same whether the peers are threads of one
// process, other processes or GPUs.

#ifndef CLEAVE_KERNELS_API_COMMUNICATOR_H
#define CLEAVE_KERNELS_API_COMMUNICATOR_H

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "kernels/api/box.h"
#include "kernels/api/tensor_view.h"
#include "kernels/api/transport.h"

namespace cleave {

enum class Reduction { kNone, kSum, kMax, kMin };

// What one collective means, for member r of a group and each element of its output box:
//   kNone: the element of the first member whose input box holds it
//   else:  the elements of all members whose input boxes hold it, combined in the order of the group, in the value's
//   dtype
//          (bf16 and f16 are summed in f32 and rounded once)
// An element of an output box that no member holds is an error of the plan. A collective may move several values, its
// segments, each by itself: the members meet once, and a link has one latency for all.
struct CollectiveSpec {
  // Of one segment.
  struct Boxes {
    std::vector<Box> inputs, outputs;  // one a member
  };
  struct Group {
    std::vector<int> ranks;
    std::vector<Boxes> segments;
  };
  std::string kind, name;
  Reduction reduction = Reduction::kNone;
  DType dtype = DType::kF32;
  std::vector<std::vector<int64_t>> dims;  // of each segment's value, global
  std::vector<Group> groups;  // disjoint
  std::vector<std::string> axes;
  int64_t bytes = 0;
};

// When a collective was where, by the clock of its members' calls.
struct Transfer {
  int64_t arrivedNanos = 0;  // the last member was there
  int64_t beginNanos = 0;    // its links were free too
  int64_t endNanos = 0;      // of what its links carry; without emulated links all three are the same
};

// Where a member's call hears of its collective. Called from any thread; must not block.
class CollectiveListener {
 public:
  enum class Event {
    kShare,  // all members have arrived, and this one's own thread is to call Communicator::work (some members may have
             // none)
    kDone,   // the output is filled, and nobody reads the input any more, from `transfer.endNanos` on
    kFailed  // given up: see Communicator::abort
  };
  virtual ~CollectiveListener() = default;
  virtual void onCollective(Event event, const Transfer &transfer) = 0;
};

// One member's part in one collective.
struct CollectiveCall {
  int collective = 0;  // index of the spec
  int rank = 0;
  // One a segment. Of the member's boxes' extents, in this rank's memory, any strides. The output may be the very bytes of
  // the segment's input where all boxes of the group are equal; without a reduction the input may be the output's part
  // that it brings, if no member before brings it; else all are disjoint. The communicator owns what they show until
  // kDone or kFailed; the lists are read within start.
  absl::Span<const TensorView> inputs, outputs;
  CollectiveListener *listener = nullptr;
  int64_t nowNanos = 0;  // of the caller's clock, which all members share
};

// The collectives of one entry of a plan, all ranks. A collective may run any number of times, but a member starts it
// again only after kDone. All methods may be called from any thread.
class Communicator {
 public:
  virtual ~Communicator() = default;

  // Never blocks. kDone or kFailed comes once to the listener, perhaps before start returns; kShare may come before.
  virtual void start(const CollectiveCall &call) = 0;

  // Does the member's share of the work, on the caller's thread; never waits for a peer. Called once for each kShare.
  virtual void work(int collective, int rank) = 0;

  // Gives up every collective under way; calls that wait hear kFailed, later ones at once, until reset. A member that
  // is at work ends its share first; only then do the others hear of it, so that nobody frees memory under it.
  virtual void abort() = 0;
  virtual void reset() = 0;  // after abort, when no call is under way

  // The peers that `rank` waits for in a collective that it has started: those that have not come or not done their
  // share.
  virtual std::vector<int> awaited(int collective, int rank) const = 0;
};

// Links that devices of one process act as if they had. A transfer begins when the last member has arrived and all its
// links are free, in the order of last arrivals; it then occupies all of them, for as long as the slowest takes:
// latency + wireBytes / bandwidth. It takes no thread's time: the data are moved at once, and the end is a point in
// time, told with kDone. Links are full duplex: what members send and what they receive runs at once.
struct EmulatedLinks {
  struct Speed {
    int64_t latencyNanos = 0;
    double bytesPerSecond = 0;  // above 0, in each direction
  };
  std::vector<Speed> links;
  std::vector<std::vector<std::vector<int>>> usedBy;  // by collective, then group: of `links`; empty: none
};

// What each member of a group sends or receives over its link, on average of those that have something to do: 2(n-1)/n
// of its payload for an all-reduce, (n-1)/n of the full value for a gather or a scatter; of all segments together. Link
// //kernels/collectives.
double wireBytes(const CollectiveSpec &spec, const CollectiveSpec::Group &group);

// Between devices of one process, which share memory: each member's thread does its share of the work. `collectives`
// must outlive the communicator. Link //kernels/collectives for it.
std::unique_ptr<Communicator> makeSharedMemoryCommunicator(const std::vector<CollectiveSpec> &collectives,
                                                           const EmulatedLinks &links = {});

// The same with transfers of floats left out, to see what they cost: every member is done at once, with numbers that are
// wrong. Each element of its output box that its own input box holds is that one; the others repeat the input box over
// and over (zero where it is empty). Collectives of integers and truth values are as they should be: kernels rely on
// them.
std::unique_ptr<Communicator> makeLocalCommunicator(const std::vector<CollectiveSpec> &collectives,
                                                    const EmulatedLinks &links = {});

// Between devices of several processes: calls are for the ranks of this one alone. The results are the same to the last bit as in one process: every element is combined in the order of the group. `processOf`: by rank. What
// is waiting in memory of its own comes on top of the plan's. After abort there is no going on. `collectives` and
// `transport` must outlive it; all processes make theirs in the same order.
std::unique_ptr<Communicator> makeProcessCommunicator(const std::vector<CollectiveSpec> &collectives,
                                                      const std::vector<int> &processOf, Transport &transport);

}  // namespace cleave

#endif  // CLEAVE_KERNELS_API_COMMUNICATOR_H
