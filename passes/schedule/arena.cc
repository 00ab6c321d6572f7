#include "passes/schedule/arena.h"

#include <algorithm>
#include <numeric>

namespace cleave {
namespace {

// The task of the list behind which nothing meets a buffer.
int endOf(const Lifetime &life) { return *std::max_element(life.freedAt.begin(), life.freedAt.end()) - 1; }

// Buffers by the part of the list that they live in: a tree over places for those that begin earlier than a query, and
// lists by place for those that begin inside it.
class BufferIndex {
 public:
  explicit BufferIndex(int places) : places_(std::max(places, 1)), tree_(2 * size_t(places_)), beginAt_(places_) {}

  void insert(int buffer, int begin, int end) {
    beginAt_[begin].push_back(buffer);
    for (size_t low = begin + 1 + size_t(places_), high = end + 1 + size_t(places_); low < high; low /= 2, high /= 2) {
      if (low & 1) tree_[low++].push_back(buffer);
      if (high & 1) tree_[--high].push_back(buffer);
    }
  }

  // Calls visit once for each buffer that lives somewhere in [begin, end].
  template <typename Visit>
  void forEach(int begin, int end, Visit visit) const {
    for (size_t node = begin + size_t(places_); node > 0; node /= 2)
      for (int buffer : tree_[node]) visit(buffer);
    for (int place = begin; place <= end; ++place)
      for (int buffer : beginAt_[place]) visit(buffer);
  }

 private:
  int places_;
  std::vector<std::vector<int>> tree_;     // of the places behind a buffer's first
  std::vector<std::vector<int>> beginAt_;
};

ArenaPlan placeInOrder(const std::vector<Buffer> &buffers, const std::vector<int> &order, int tasks) {
  const int places = tasks + 2;  // the start, the tasks, the end
  BufferIndex index(places);
  ArenaPlan plan;
  plan.offsets.assign(buffers.size(), 0);
  std::vector<std::pair<int64_t, int64_t>> taken;
  for (int b : order) {
    const Buffer &buffer = buffers[b];
    const int begin = buffer.life.begin + 1, end = std::max(begin, endOf(buffer.life) + 1);
    taken.clear();
    index.forEach(begin, end, [&](int other) {
      if (meet(buffer.life, buffers[other].life))
        taken.push_back({plan.offsets[other], plan.offsets[other] + aligned(buffers[other].bytes)});
    });
    std::sort(taken.begin(), taken.end());
    const int64_t bytes = aligned(buffer.bytes);
    int64_t top = 0, best = -1, bestGap = 0;
    for (const auto &[from, to] : taken) {
      const int64_t gap = from - top;
      if (gap >= bytes && (best < 0 || gap < bestGap)) best = top, bestGap = gap;
      top = std::max(top, to);
    }
    plan.offsets[b] = best < 0 ? top : best;
    plan.bytes = std::max(plan.bytes, plan.offsets[b] + bytes);
    index.insert(b, begin, end);
  }
  return plan;
}

}  // namespace

bool meet(const Lifetime &a, const Lifetime &b) {
  const bool isAfter = a.begin >= 0 && a.begin >= b.freedAt[a.stream],
             isBefore = b.begin >= 0 && b.begin >= a.freedAt[b.stream];
  return !isAfter && !isBefore;
}

ArenaPlan planArena(const std::vector<Buffer> &buffers, int tasks, int64_t enough) {
  std::vector<int> filled;
  for (size_t b = 0; b < buffers.size(); ++b)
    if (buffers[b].bytes > 0) filled.push_back(static_cast<int>(b));
  const auto bytes = [&](int b) { return aligned(buffers[b].bytes); };
  const auto length = [&](int b) { return int64_t{endOf(buffers[b].life)} - buffers[b].life.begin + 1; };
  const auto planBy = [&](auto isFirst) {
    std::vector<int> order = filled;
    std::stable_sort(order.begin(), order.end(), isFirst);
    return placeInOrder(buffers, order, tasks);
  };
  ArenaPlan best =
      planBy([&](int a, int b) { return bytes(a) != bytes(b) ? bytes(a) > bytes(b) : length(a) > length(b); });
  const auto improve = [&](auto isFirst) {
    if (best.bytes <= enough) return;
    ArenaPlan plan = planBy(isFirst);
    if (plan.bytes < best.bytes) best = std::move(plan);
  };
  improve([&](int a, int b) { return length(a) != length(b) ? length(a) > length(b) : bytes(a) > bytes(b); });
  improve([&](int a, int b) { return double(bytes(a)) * double(length(a)) > double(bytes(b)) * double(length(b)); });
  return best;
}

Peak findPeak(const std::vector<Buffer> &buffers, const std::vector<int> &lastAccess, int tasks) {
  std::vector<int64_t> change(tasks + 2, 0);
  int64_t atStart = 0;
  for (size_t b = 0; b < buffers.size(); ++b) {
    const int begin = std::max(buffers[b].life.begin, 0);
    if (buffers[b].life.begin < 0) atStart += buffers[b].bytes;
    change[begin] += buffers[b].bytes;
    change[std::min(std::max(lastAccess[b], begin) + 1, tasks + 1)] -= buffers[b].bytes;
  }
  Peak peak{atStart, 0};
  int64_t alive = 0;
  for (int task = 0; task < tasks; ++task) {
    alive += change[task];
    if (alive > peak.bytes) peak = {alive, task};
  }
  return peak;
}

}  // namespace cleave
