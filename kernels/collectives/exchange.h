// How the members of a group share the work of one collective once all have arrived.

#ifndef CLEAVE_KERNELS_COLLECTIVES_EXCHANGE_H
#define CLEAVE_KERNELS_COLLECTIVES_EXCHANGE_H

#include <memory>
#include <vector>

#include "absl/types/span.h"
#include "kernels/api/communicator.h"

namespace cleave::collectives {

// The work of one group for one segment, planned once from its boxes.
class Exchange {
 public:
  virtual ~Exchange() = default;
  // Does the share of `member`: any member's thread may run any share, all of them at once. One view a member.
  virtual void run(int member, absl::Span<const TensorView> inputs, absl::Span<const TensorView> outputs) const = 0;
};

// Whether every member holds and gets the same box: every share then is 1/n of the elements, combined in one pass over
// all inputs and written to all outputs, which may be the inputs. (all_reduce, broadcast within a box)
bool areBoxesEqual(const CollectiveSpec::Boxes &boxes);
std::unique_ptr<Exchange> makeAllReduce(Reduction reduction, int members);

// Any boxes, which outlive it: each member fills its own output, piece by piece. (all_gather, reduce_scatter, all_to_all,
// permute, ...)
std::unique_ptr<Exchange> makeBoxExchange(Reduction reduction, const CollectiveSpec::Boxes &boxes);

// What a member of a local communicator does in place of a collective.
std::unique_ptr<Exchange> makeLocalExchange(const Box &input, const Box &output);

}  // namespace cleave::collectives

#endif  // CLEAVE_KERNELS_COLLECTIVES_EXCHANGE_H
