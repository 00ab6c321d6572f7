// How a value lies along one mesh axis.

#ifndef CLEAVE_IR_AXIS_PLACEMENT_H
#define CLEAVE_IR_AXIS_PLACEMENT_H

#include <cstdint>

#include "llvm/ADT/Hashing.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/raw_ostream.h"

namespace cleave {

// How the terms of a partial value become the value.
//
//   combiner | identity | combine(a, b)
//   sum      |        0 | a + b
//   max      |     -inf | the greater
//   min      |     +inf | the less
enum class Combiner : uint8_t { Sum, Max, Min };

inline llvm::StringRef nameOf(Combiner combiner) {
  return combiner == Combiner::Sum ? "sum" : combiner == Combiner::Max ? "max" : "min";
}

struct AxisPlacement {
  enum class Kind : uint8_t { Split, Broadcast, Partial };

  // Shares are counted in units of `unit` elements; `minor` puts the axis behind all others that split the dimension.
  static AxisPlacement split(unsigned dim, int64_t unit = 1, bool minor = false) {
    return {Kind::Split, dim, unit, minor, Combiner::Sum};
  }
  static AxisPlacement broadcast() { return {}; }
  static AxisPlacement partial(Combiner combiner) { return {Kind::Partial, 0, 1, false, combiner}; }

  Kind kind = Kind::Broadcast;
  unsigned dim = 0;  // of a split, and so are the next two
  int64_t unit = 1;
  bool minor = false;
  Combiner combiner = Combiner::Sum;  // of a partial

  bool isSplit() const { return kind == Kind::Split; }
  bool isBroadcast() const { return kind == Kind::Broadcast; }
  bool isPartial() const { return kind == Kind::Partial; }

  bool operator==(const AxisPlacement &other) const {
    return kind == other.kind && dim == other.dim && unit == other.unit && minor == other.minor &&
           combiner == other.combiner;
  }
  bool operator!=(const AxisPlacement &other) const { return !(*this == other); }
};

inline llvm::hash_code hash_value(const AxisPlacement &p) {
  return llvm::hash_combine(p.kind, p.dim, p.unit, p.minor, p.combiner);
}

// "S(0)", "S(2, unit=64)", "S(0, minor)", "B", "P(sum)". For llvm::raw_ostream and for diagnostics.
template <typename Stream>
auto operator<<(Stream &&os, const AxisPlacement &p) -> decltype(os << "B") {
  if (p.isBroadcast()) return os << "B";
  if (p.isPartial()) return os << "P(" << nameOf(p.combiner) << ")";
  os << "S(" << p.dim;
  if (p.unit != 1) os << ", unit=" << p.unit;
  if (p.minor) os << ", minor";
  return os << ")";
}

}  // namespace cleave

#endif  // CLEAVE_IR_AXIS_PLACEMENT_H
