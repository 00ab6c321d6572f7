#include "kernels/collectives/link_schedule.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace cleave {
namespace {

constexpr double kMostNanos = 9e15;  // a hundred days: sums of a thousand fit

// Which members hold a piece before (`has`) and after (`gets`).
struct Movement {
  std::vector<int> has, gets;
};

// How often a piece crosses a link.
int64_t crossings(const Movement &piece, bool isCombined) {
  const auto holds = [&](int member) { return std::count(piece.has.begin(), piece.has.end(), member) > 0; };
  const int64_t kept = std::count_if(piece.gets.begin(), piece.gets.end(), holds);
  const int64_t has = static_cast<int64_t>(piece.has.size()), gets = static_cast<int64_t>(piece.gets.size());
  if (gets == 0 || has == 0) return 0;
  if (!isCombined) return gets - kept;
  return (has - 1) + (kept > 0 ? gets - 1 : gets);  // combined at a member that gets it, then passed on
}

double wireElements(bool isCombined, const std::vector<int64_t> &dims, const CollectiveSpec::Boxes &segment) {
  const int members = static_cast<int>(segment.inputs.size());
  std::vector<Box> boxes = segment.inputs;
  boxes.insert(boxes.end(), segment.outputs.begin(), segment.outputs.end());
  double elements = 0;
  std::set<int> busy;
  for (const Piece &piece : cutByHolders(wholeBox(dims), boxes, /*firstOnly=*/false)) {
    Movement moved;
    for (int holder : piece.holders) (holder < members ? moved.has : moved.gets).push_back(holder % members);
    const int64_t times = crossings(moved, isCombined);
    if (times == 0) continue;
    elements += static_cast<double>(times) * static_cast<double>(piece.box.elements());
    for (int member : moved.gets)
      if (isCombined || std::count(moved.has.begin(), moved.has.end(), member) == 0) busy.insert(member);
    if (isCombined) busy.insert(moved.has.begin(), moved.has.end());
  }
  return busy.empty() ? 0 : elements / static_cast<double>(busy.size());
}

}  // namespace

double wireBytes(const CollectiveSpec &spec, const CollectiveSpec::Group &group) {
  double elements = 0;
  for (size_t s = 0; s < group.segments.size(); ++s)
    elements += wireElements(spec.reduction != Reduction::kNone, spec.dims[s], group.segments[s]);
  return elements * static_cast<double>(bytesOf(spec.dtype));
}

namespace collectives {

LinkSchedule::LinkSchedule(const std::vector<CollectiveSpec> &specs, const EmulatedLinks &links)
    : uses_(specs.size()), freeAt_(links.links.size(), 0) {
  for (size_t c = 0; c < specs.size() && c < links.usedBy.size(); ++c)
    for (size_t g = 0; g < specs[c].groups.size() && g < links.usedBy[c].size(); ++g) {
      Use &use = uses_[c].emplace_back();
      use.links = links.usedBy[c][g];
      const double bytes = use.links.empty() ? 0 : wireBytes(specs[c], specs[c].groups[g]);
      for (int link : use.links) {
        const EmulatedLinks::Speed &speed = links.links[link];
        const double nanos = static_cast<double>(speed.latencyNanos) + bytes / speed.bytesPerSecond * 1e9;
        use.nanos = std::max(use.nanos, static_cast<int64_t>(std::ceil(std::min(nanos, kMostNanos))));
      }
    }
}

Transfer LinkSchedule::reserve(int collective, int group, int64_t arrivedNanos) {
  Transfer transfer{arrivedNanos, arrivedNanos, arrivedNanos};
  if (group >= static_cast<int>(uses_[collective].size())) return transfer;
  const Use &use = uses_[collective][group];
  std::lock_guard<std::mutex> lock(mutex_);
  for (int link : use.links) transfer.beginNanos = std::max(transfer.beginNanos, freeAt_[link]);
  transfer.endNanos = transfer.beginNanos + use.nanos;
  for (int link : use.links) freeAt_[link] = transfer.endNanos;
  return transfer;
}

void LinkSchedule::reset() {
  std::lock_guard<std::mutex> lock(mutex_);
  std::fill(freeAt_.begin(), freeAt_.end(), 0);
}

}  // namespace collectives
}  // namespace cleave
