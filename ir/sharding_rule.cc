#include "ir/sharding_rule.h"

#include <algorithm>

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/ErrorHandling.h"

namespace cleave {
namespace {

// A side that is not there at all has no field; one blank is a field, of a scalar.
llvm::SmallVector<llvm::StringRef> splitFields(llvm::StringRef side) {
  llvm::SmallVector<llvm::StringRef> fields;
  if (!side.empty()) side.split(fields, ',');
  return fields;
}

// Names of the dimensions of a value of that rank, by one field of the rule: "... m [k]".
std::vector<std::string> expand(llvm::StringRef field, int64_t rank, llvm::StringRef rule, std::vector<std::string> &whole) {
  llvm::SmallVector<llvm::StringRef> words;
  field.split(words, ' ', /*MaxSplit=*/-1, /*KeepEmpty=*/false);
  const int64_t named = llvm::count_if(words, [](llvm::StringRef word) { return word != "..."; });
  std::vector<std::string> indices;
  for (llvm::StringRef word : words) {
    if (word == "...") {
      for (int64_t i = 0; i < rank - named; ++i) indices.push_back("..." + std::to_string(i));
      continue;
    }
    if (word.consume_front("[")) {
      if (!word.consume_back("]")) llvm::report_fatal_error(llvm::Twine("rule has an open bracket: ") + rule);
      if (word == "*") {
        indices.push_back("*" + std::to_string(whole.size()));
        whole.push_back(indices.back());
        continue;
      }
      if (!llvm::is_contained(whole, word)) whole.push_back(word.str());
    }
    indices.push_back(word.str());
  }
  return indices;
}

void checkFields(size_t fields, llvm::ArrayRef<unsigned> counts, llvm::StringRef rule) {
  if (fields != counts.size())
    llvm::report_fatal_error(llvm::Twine("rule '") + rule + "' has " + llvm::Twine(fields) + " fields for " +
                             llvm::Twine(counts.size()) + " operands or results");
}

std::vector<std::vector<std::string>> expandSide(llvm::StringRef side, llvm::ArrayRef<unsigned> counts,
                                                 llvm::ArrayRef<int64_t> ranks, llvm::StringRef rule,
                                                 std::vector<std::string> &whole) {
  std::vector<std::vector<std::string>> values;
  const auto fields = splitFields(side);
  checkFields(fields.size(), counts, rule);
  for (auto [field, count] : llvm::zip(fields, counts))
    for (unsigned i = 0; i < count; ++i) values.push_back(expand(field, ranks[values.size()], rule, whole));
  return values;
}

// Where `index` stands in a tensor: S(d), or B where it does not occur.
AxisPlacement placementOf(llvm::StringRef index, llvm::ArrayRef<std::string> indices) {
  auto found = llvm::find(indices, index);
  return found == indices.end() ? AxisPlacement::broadcast() : AxisPlacement::split(found - indices.begin());
}

// Calls `visit(pattern, used)` for all pairs of placements; false as soon as one call is.
template <typename Visit>
bool allPairs(const Strategy &pattern, const Strategy &used, Visit visit) {
  for (auto [a, b] : llvm::zip_equal(pattern.operands, used.operands))
    if (!visit(a, b)) return false;
  for (auto [a, b] : llvm::zip_equal(pattern.results, used.results))
    if (!visit(a, b)) return false;
  return true;
}

bool isInstance(const Strategy &pattern, const Strategy &used) {
  std::optional<int64_t> unit;
  std::optional<bool> minor;
  return allPairs(pattern, used, [&](const AxisPlacement &p, const AxisPlacement &u) {
    if (!p.isSplit() || !u.isSplit()) return p == u;
    if (p.dim != u.dim || u.unit % p.unit != 0) return false;
    if (!unit) unit = u.unit / p.unit;
    if (!minor) minor = u.minor;
    return u.unit / p.unit == *unit && u.minor == *minor;
  });
}

}  // namespace

std::string Strategy::str() const {
  std::string text;
  llvm::raw_string_ostream os(text);
  llvm::interleaveComma(operands, os);
  os << " -> ";
  llvm::interleaveComma(results, os);
  return text;
}

Strategy instantiate(const Strategy &pattern, int64_t unit, bool minor) {
  Strategy strategy = pattern;
  auto scale = [&](AxisPlacement &placement) {
    if (!placement.isSplit()) return;
    placement.unit *= unit;
    placement.minor = minor;
  };
  llvm::for_each(strategy.operands, scale);
  llvm::for_each(strategy.results, scale);
  return strategy;
}

std::optional<std::pair<size_t, size_t>> findConflict(llvm::ArrayRef<Strategy> strategies) {
  auto valuesOf = [](const Strategy &strategy) { return llvm::concat<const AxisPlacement>(strategy.operands, strategy.results); };
  auto isInside = [&](size_t minor, size_t major) {  // both split one dimension of a value, in that order
    for (auto [inner, outer] : llvm::zip(valuesOf(strategies[minor]), valuesOf(strategies[major])))
      if (inner.isSplit() && outer.isSplit() && inner.dim == outer.dim &&
          (inner.minor != outer.minor ? inner.minor : minor > major))
        return true;
    return false;
  };
  for (size_t major = 0; major < strategies.size(); ++major)
    for (size_t minor = 0; minor < strategies.size(); ++minor) {
      if (major == minor || !isInside(minor, major)) continue;
      for (auto [inner, outer] : llvm::zip(valuesOf(strategies[minor]), valuesOf(strategies[major])))
        if (inner.isSplit() && !outer.isSplit()) return std::make_pair(major, minor);
    }
  return std::nullopt;
}

llvm::SmallVector<int64_t> ShardingRule::operandCounts() const {
  llvm::SmallVector<int64_t> counts;
  for (auto [first, count] : slots_) counts.push_back(count);
  return counts;
}

std::pair<unsigned, unsigned> ShardingRule::countFields(llvm::StringRef text) {
  auto [inputs, outputs] = text.split("->");
  return {splitFields(inputs).size(), splitFields(outputs).size()};
}

ShardingRule::ShardingRule(llvm::StringRef text, llvm::ArrayRef<unsigned> operandCounts,
                           llvm::ArrayRef<int64_t> operandRanks, llvm::ArrayRef<unsigned> resultCounts,
                           llvm::ArrayRef<int64_t> resultRanks, const Linearity &linearity, Combiner combiner)
    : text_(text), addends_(linearity.addends) {
  if (!text.contains("->")) llvm::report_fatal_error(llvm::Twine("rule lacks '->': ") + text);
  auto [inputs, outputs] = text.split("->");
  operands_ = expandSide(inputs, operandCounts, operandRanks, text, whole_);
  results_ = expandSide(outputs, resultCounts, resultRanks, text, whole_);
  unsigned first = 0;
  for (unsigned count : operandCounts) {
    slots_.push_back({first, count});
    first += count;
  }
  addWholeAndSplitStrategies(combiner);
  for (int slot : linearity.each) addPartialStrategy(slot, Combiner::Sum, Combiner::Sum);
  if (!linearity.together.empty()) addPartialStrategy(linearity.together, Combiner::Sum, Combiner::Sum);
  for (Combiner extreme : {Combiner::Max, Combiner::Min}) {
    const Combiner opposite = extreme == Combiner::Max ? Combiner::Min : Combiner::Max;
    for (int slot : linearity.monotone) addPartialStrategy(slot, extreme, extreme);
    for (int slot : linearity.antitone) addPartialStrategy(slot, extreme, opposite);
  }
}

AxisPlacement ShardingRule::inResult(llvm::StringRef index, llvm::ArrayRef<std::string> indices,
                                     Combiner combiner) const {
  return llvm::is_contained(indices, index) ? placementOf(index, indices) : AxisPlacement::partial(combiner);
}

// What is added to a partial sum must be one itself, or it would be counted once for each device.
void ShardingRule::completeAddends(Strategy &strategy) const {
  if (!llvm::any_of(strategy.results, [](const AxisPlacement &p) { return p.isPartial(); })) return;
  for (int slot : addends_)
    for (unsigned i = 0; i < slots_[slot].second; ++i)
      strategy.operands[slots_[slot].first + i] = AxisPlacement::partial(Combiner::Sum);
}

void ShardingRule::addWholeAndSplitStrategies(Combiner combiner) {
  std::vector<std::string> indices;
  auto collect = [&](llvm::ArrayRef<std::vector<std::string>> values) {
    for (const auto &value : values)
      for (const std::string &index : value)
        if (!llvm::is_contained(indices, index) && !llvm::is_contained(whole_, index)) indices.push_back(index);
  };
  collect(operands_);
  collect(results_);

  Strategy whole;
  whole.operands.resize(operands_.size());
  whole.results.resize(results_.size());
  strategies_.push_back(std::move(whole));
  for (const std::string &index : indices) {
    Strategy strategy;
    for (const auto &operand : operands_) strategy.operands.push_back(placementOf(index, operand));
    for (const auto &result : results_) strategy.results.push_back(inResult(index, result, combiner));
    completeAddends(strategy);
    strategies_.push_back(std::move(strategy));
  }
}

void ShardingRule::addPartialStrategy(llvm::ArrayRef<int> partialSlots, Combiner from, Combiner to) {
  Strategy strategy;
  strategy.operands.resize(operands_.size());
  strategy.results.assign(results_.size(), AxisPlacement::partial(to));
  bool isUsed = false;
  for (int slot : partialSlots)
    for (unsigned i = 0; i < slots_[slot].second; ++i, isUsed = true)
      strategy.operands[slots_[slot].first + i] = AxisPlacement::partial(from);
  completeAddends(strategy);
  if (isUsed) strategies_.push_back(std::move(strategy));
}

const Strategy *ShardingRule::match(const Strategy &used) const {
  for (const Strategy &pattern : strategies_)
    if (isInstance(pattern, used)) return &pattern;
  return nullptr;
}

}  // namespace cleave
