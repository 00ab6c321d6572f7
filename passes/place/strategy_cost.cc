#include "passes/place/strategy_cost.h"

#include <limits>

namespace cleave {

//   from \ to |      B      |      S       |     P
//   B         |      0      |    copies    |   copies
//   S         |   gathers   |  exchanges   |    no
//   P         | all-reduces | scatters     | 0 (same combiner)
double conversionSeconds(const AxisPlacement &from, const AxisPlacement &to, double bytes, const Machine &machine,
                         int64_t axis, double n) {
  // A copy within a device, for what could be sent meanwhile.
  constexpr double kCopiedPerSent = 1e-3;
  if (from == to) return 0;
  if (from.isBroadcast()) return kCopiedPerSent * machine.sendSeconds(axis, bytes);
  if (to.isPartial()) return std::numeric_limits<double>::infinity();
  if (from.isPartial())
    return machine.transfer(to.isBroadcast() ? TransferKind::kAllReduce : TransferKind::kReduceScatter, {axis}, bytes).seconds();
  if (to.isBroadcast()) return machine.transfer(TransferKind::kAllGather, {axis}, bytes).seconds();
  return machine.transfer(TransferKind::kAllToAll, {axis}, bytes / n).seconds();
}

}  // namespace cleave
