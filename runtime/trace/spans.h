// Sets of moments, as spans of time.

#ifndef CLEAVE_RUNTIME_TRACE_SPANS_H
#define CLEAVE_RUNTIME_TRACE_SPANS_H

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

namespace cleave {

using Spans = std::vector<std::pair<int64_t, int64_t>>;  // from, to

// The same moments as disjoint spans in order.
inline Spans unionOf(Spans spans) {
  std::sort(spans.begin(), spans.end());
  Spans merged;
  for (const auto &[begin, end] : spans) {
    if (begin >= end) continue;
    if (!merged.empty() && begin <= merged.back().second) {
      merged.back().second = std::max(merged.back().second, end);
    } else {
      merged.push_back({begin, end});
    }
  }
  return merged;
}

// Of disjoint spans.
inline int64_t lengthOf(const Spans &spans) {
  int64_t length = 0;
  for (const auto &[begin, end] : spans) length += end - begin;
  return length;
}

// Of the first that lies outside the second; both are disjoint spans.
inline int64_t lengthOutside(const Spans &spans, const Spans &others) {
  Spans all = spans;
  all.insert(all.end(), others.begin(), others.end());
  return lengthOf(unionOf(std::move(all))) - lengthOf(others);
}

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_TRACE_SPANS_H
