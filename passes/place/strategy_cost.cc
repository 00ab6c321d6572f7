#include "passes/place/strategy_cost.h"

#include <limits>

namespace cleave {

//   from \ to |      B      |      S       |     P
//   B         |      0      |    copies    |   copies
//   S         |   gathers   |  exchanges   |    no
//   P         | all-reduces | scatters     | 0 (same combiner)
double conversionCost(const AxisPlacement &from, const AxisPlacement &to, double bytes, double n) {
  constexpr double kCopy = 1e-3;
  constexpr double kNever = std::numeric_limits<double>::infinity();
  const double share = (n - 1) / n;
  if (from == to) return 0;
  if (from.isBroadcast()) return kCopy * bytes;
  if (to.isPartial()) return kNever;
  if (from.isPartial()) return (to.isBroadcast() ? 2 : 1) * share * bytes + kLatencyBytes;
  return share * (to.isBroadcast() ? bytes : bytes / n) + kLatencyBytes;
}

}  // namespace cleave
