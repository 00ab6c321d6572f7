// Index rules: from "m k, k n -> m n" to everything that placement needs.

#ifndef CLEAVE_IR_SHARDING_RULE_H
#define CLEAVE_IR_SHARDING_RULE_H

#include <optional>
#include <string>
#include <vector>

#include "ir/axis_placement.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"

namespace cleave {

// One legal way to lay an op's values along one mesh axis. In a rule's strategies the unit of a split is a multiplier: the
// strategy stands for every unit u, with each split counted in u times its own unit (that is how a reshape of 768 features
// into 12 heads of 64 ties S(2, unit=64) to S(2)).
struct Strategy {
  llvm::SmallVector<AxisPlacement, 4> operands;
  llvm::SmallVector<AxisPlacement, 2> results;

  std::string str() const;  // "S(1), S(0) -> P(sum)"
  bool operator==(const Strategy &other) const { return operands == other.operands && results == other.results; }
};

// `pattern` with its splits counted in `unit` times their own units, minor if `minor`.
Strategy instantiate(const Strategy &pattern, int64_t unit, bool minor);

// Strategies of all mesh axes that can't hold at once: where two axes split one dimension, the minor one may not split a
// value that the major one leaves whole, since its shares would not meet (query heads split by both axes, key heads by the
// minor one alone). Gives the major and the minor axis of such a pair, if there is one.
std::optional<std::pair<size_t, size_t>> findConflict(llvm::ArrayRef<Strategy> strategies);

// What a record says of its op besides the text.
struct Linearity {
  llvm::ArrayRef<int> each = {};      // operands of which one may be partial while the others are whole
  llvm::ArrayRef<int> together = {};  // operands that may be partial all at once
  llvm::ArrayRef<int> addends = {};   // operands added to the result: partial sums where it is one (a fused bias)
  llvm::ArrayRef<int> monotone = {};  // an operand whose maximum or minimum the result keeps
  llvm::ArrayRef<int> antitone = {};  // an operand whose maximum gives the result's minimum, and the other way round
};

class ShardingRule {
 public:
  // `text` names each dimension of each operand and result of the op's record: equal names share an index.
  //   "..."   all dimensions that are not named (an operand with no more than the named ones has none)
  //   "[c]"   an index that is never split
  //   "[*]"   a dimension that is never split and has a size of its own
  // An index that a result lacks is reduced there, by `combiner`.
  // `operandCounts` says how many values each operand of the record has (0 for an absent optional one), `operandRanks` the
  // rank of each value; likewise for results. A malformed rule is a bug in a record: it ends the program.
  ShardingRule(llvm::StringRef text, llvm::ArrayRef<unsigned> operandCounts, llvm::ArrayRef<int64_t> operandRanks,
               llvm::ArrayRef<unsigned> resultCounts, llvm::ArrayRef<int64_t> resultRanks, const Linearity &linearity,
               Combiner combiner);

  // Every way to lay the op along one axis, whole values first:
  //
  //   nothing split              B, B    -> B
  //   index of the result        S, B    -> S       ("m")
  //   index that is reduced      S, S    -> P(sum)  ("k")
  //   linear in one operand      P, B    -> P(sum)  (matmul)
  //   linear in all together     P, P    -> P(sum)  (add)
  llvm::ArrayRef<Strategy> strategies() const { return strategies_; }

  // For ways that no index tells (reshapes, grouped heads).
  void addStrategy(Strategy strategy) { strategies_.push_back(std::move(strategy)); }

  // Drops the strategies for which `keeps` is false; "nothing split" must be among those that stay.
  void keepStrategies(llvm::function_ref<bool(const Strategy &)> keeps) {
    llvm::erase_if(strategies_, [&](const Strategy &strategy) { return !keeps(strategy); });
  }

  // The strategy that `used` is an instance of, or null.
  const Strategy *match(const Strategy &used) const;

  llvm::StringRef text() const { return text_; }
  // The index of each dimension of each value; those behind "..." are named "...0", "...1", from the left.
  llvm::ArrayRef<std::vector<std::string>> operandIndices() const { return operands_; }
  llvm::ArrayRef<std::vector<std::string>> resultIndices() const { return results_; }

  // How many values each operand of the record has.
  llvm::SmallVector<int64_t> operandCounts() const;

  // How many operands and results of a record `text` speaks of.
  static std::pair<unsigned, unsigned> countFields(llvm::StringRef text);

 private:
  void addWholeAndSplitStrategies(Combiner combiner);
  void addPartialStrategy(llvm::ArrayRef<int> partialSlots, Combiner from, Combiner to);
  AxisPlacement inResult(llvm::StringRef index, llvm::ArrayRef<std::string> indices, Combiner combiner) const;
  void completeAddends(Strategy &strategy) const;

  std::string text_;
  std::vector<std::vector<std::string>> operands_;
  std::vector<std::vector<std::string>> results_;
  std::vector<std::string> whole_;                       // indices that are never split
  std::vector<std::pair<unsigned, unsigned>> slots_;     // first value and count of each operand of the record
  llvm::SmallVector<int> addends_;                       // slots
  std::vector<Strategy> strategies_;
};

}  // namespace cleave

#endif  // CLEAVE_IR_SHARDING_RULE_H
