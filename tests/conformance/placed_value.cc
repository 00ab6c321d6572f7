#include "tests/conformance/placed_value.h"

#include <cmath>
#include <limits>
#include <map>

#include "absl/strings/str_cat.h"

namespace cleave {
namespace {

double identityOf(Combiner combiner, DType dtype) {
  if (combiner == Combiner::Sum) return 0;
  double greatest = std::numeric_limits<double>::infinity();
  if (dtype == DType::kI32) greatest = std::numeric_limits<int32_t>::max();
  const double least = dtype == DType::kI32 ? double(std::numeric_limits<int32_t>::min()) : -greatest;
  return combiner == Combiner::Max ? least : greatest;
}

double combine(Combiner combiner, double a, double b) {
  if (combiner == Combiner::Sum) return a + b;
  return combiner == Combiner::Max ? std::max(a, b) : std::min(a, b);
}

// Number of a rank's term: its coordinates along the axes for which `isTerm` holds, row-major.
template <typename IsTerm>
int64_t termOf(llvm::ArrayRef<int64_t> coordinates, Sizes mesh, IsTerm isTerm) {
  int64_t term = 0;
  for (size_t axis = 0; axis < mesh.size(); ++axis)
    if (isTerm(axis)) term = term * mesh[axis] + coordinates[axis];
  return term;
}

template <typename IsTerm>
int64_t termCount(Sizes mesh, IsTerm isTerm) {
  int64_t count = 1;
  for (size_t axis = 0; axis < mesh.size(); ++axis)
    if (isTerm(axis)) count *= mesh[axis];
  return count;
}

Combiner combinerOf(Placement placement) {
  for (const AxisPlacement &axis : placement)
    if (axis.isPartial()) return axis.combiner;
  return Combiner::Sum;
}

std::vector<Tensor> drawTerms(const Tensor &whole, Combiner combiner, int64_t count, std::mt19937 &random) {
  std::vector<Tensor> terms(count, whole);
  for (size_t i = 0; i < whole.values.size() && count > 1; ++i) {
    if (combiner == Combiner::Sum) {
      double rest = whole.values[i];
      for (int64_t term = 1; term < count; ++term) {
        terms[term].values[i] = double(int64_t(random() % 9)) - 4;
        rest -= terms[term].values[i];
      }
      terms[0].values[i] = rest;
    } else {
      const int64_t keeper = random() % count;
      for (int64_t term = 0; term < count; ++term)
        if (term != keeper) terms[term].values[i] += (combiner == Combiner::Max ? -1.0 : 1.0) * double(random() % 3);
    }
  }
  return terms;
}

Tensor cut(const Tensor &whole, const Shard &shard) {
  Tensor part = Tensor::filled(whole.dtype, {shard.extent.begin(), shard.extent.end()}, 0);
  size_t next = 0;
  forEachIndex(part.shape, [&](absl::Span<const int64_t> index) {
    std::vector<int64_t> global(index.begin(), index.end());
    for (size_t dim = 0; dim < global.size(); ++dim) global[dim] += shard.start[dim];
    part.values[next++] = whole.values[flatten(global, whole.shape)];
  });
  return part;
}

bool isEqualOrBothNan(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

}  // namespace

int64_t rankCount(Sizes mesh) {
  return termCount(mesh, [](size_t) { return true; });
}

llvm::SmallVector<int64_t> coordinatesOf(int64_t rank, Sizes mesh) {
  llvm::SmallVector<int64_t> coordinates(mesh.size());
  for (size_t axis = mesh.size(); axis-- > 0; rank /= mesh[axis]) coordinates[axis] = rank % mesh[axis];
  return coordinates;
}

PlacedValue distribute(const Tensor &whole, Placement placement, Sizes mesh, std::mt19937 &random) {
  auto isTerm = [&](size_t axis) { return axis < placement.size() && placement[axis].isPartial(); };
  const std::vector<Tensor> terms = drawTerms(whole, combinerOf(placement), termCount(mesh, isTerm), random);
  PlacedValue value;
  for (int64_t rank = 0; rank < rankCount(mesh); ++rank) {
    const auto coordinates = coordinatesOf(rank, mesh);
    value.push_back(cut(terms[termOf(coordinates, mesh, isTerm)], shardOf(whole.shape, placement, mesh, coordinates)));
  }
  return value;
}

absl::StatusOr<Tensor> assemble(const PlacedValue &value, absl::Span<const int64_t> shape, Placement placement,
                                Sizes mesh) {
  auto isTerm = [&](size_t axis) { return axis < placement.size() && placement[axis].isPartial(); };
  const std::vector<int64_t> sizes(shape.begin(), shape.end());
  Tensor whole = Tensor::filled(value[0].dtype, sizes, 0);
  std::vector<Tensor> terms(termCount(mesh, isTerm), whole);
  std::vector<std::vector<int64_t>> writers(terms.size(), std::vector<int64_t>(whole.values.size(), -1));
  absl::Status status;
  for (int64_t rank = 0; rank < rankCount(mesh); ++rank) {
    const auto coordinates = coordinatesOf(rank, mesh);
    const Shard shard = shardOf(sizes, placement, mesh, coordinates);
    if (value[rank].shape != std::vector<int64_t>(shard.extent.begin(), shard.extent.end()))
      return absl::InternalError(
          absl::StrCat("rank ", rank, " holds a share of another shape than its placement says"));
    const int64_t term = termOf(coordinates, mesh, isTerm);
    size_t next = 0;
    forEachIndex(value[rank].shape, [&](absl::Span<const int64_t> index) {
      std::vector<int64_t> global(index.begin(), index.end());
      for (size_t dim = 0; dim < global.size(); ++dim) global[dim] += shard.start[dim];
      const int64_t flat = flatten(global, sizes);
      const double seen = value[rank].values[next++];
      if (writers[term][flat] >= 0 && !isEqualOrBothNan(terms[term].values[flat], seen))
        status = absl::InternalError(absl::StrCat("requires equal copies, got ", terms[term].values[flat], " on rank ",
                                                  writers[term][flat], " and ", seen, " on rank ", rank,
                                                  " for element ", flat));
      writers[term][flat] = rank;
      terms[term].values[flat] = seen;
    });
  }
  if (!status.ok()) return status;
  for (const auto &written : writers)
    for (size_t flat = 0; flat < written.size(); ++flat)
      if (written[flat] < 0) return absl::InternalError(absl::StrCat("no rank holds element ", flat));
  for (size_t flat = 0; flat < whole.values.size(); ++flat) {
    whole.values[flat] = terms[0].values[flat];
    for (size_t term = 1; term < terms.size(); ++term)
      whole.values[flat] = combine(combinerOf(placement), whole.values[flat], terms[term].values[flat]);
  }
  return whole;
}

namespace {

// One move of a value: what each rank reads of the others.
class Move {
 public:
  Move(const PlacedValue &value, std::vector<int64_t> shape, Placement from, Placement to, llvm::ArrayRef<int64_t> axes,
       Sizes mesh)
      : value_(value), shape_(std::move(shape)), from_(from), to_(to), axes_(axes), mesh_(mesh) {
    for (int64_t rank = 0; rank < rankCount(mesh); ++rank)
      shards_.push_back(shardOf(shape_, from, mesh, coordinatesOf(rank, mesh)));
    terms_ = termCount(mesh, [&](size_t axis) { return isReduced(axis); });
  }

  absl::StatusOr<Tensor> localOf(int64_t rank) const {
    const Shard shard = shardOf(shape_, to_, mesh_, coordinatesOf(rank, mesh_));
    Tensor local = Tensor::filled(value_[0].dtype, {shard.extent.begin(), shard.extent.end()}, 0);
    if (isIdentity(rank)) {
      for (double &number : local.values) number = identityOf(combinerOf(to_), local.dtype);
      return local;
    }
    const std::vector<int64_t> group = groupOf(rank);
    size_t next = 0;
    bool isComplete = true;
    forEachIndex(local.shape, [&](absl::Span<const int64_t> index) {
      std::vector<int64_t> global(index.begin(), index.end());
      for (size_t dim = 0; dim < global.size(); ++dim) global[dim] += shard.start[dim];
      isComplete &= read(global, group, local.values[next++]);
    });
    if (!isComplete) return absl::InternalError(absl::StrCat("rank ", rank, " misses elements: its group lacks them"));
    return local;
  }

 private:
  bool isAlong(size_t axis) const { return llvm::is_contained(axes_, int64_t(axis)); }
  bool isReduced(size_t axis) const { return isAlong(axis) && from_[axis].isPartial() && from_[axis] != to_[axis]; }

  // It holds no term, so that the first rank's is the only one.
  bool isIdentity(int64_t rank) const {
    const auto own = coordinatesOf(rank, mesh_);
    for (size_t axis = 0; axis < mesh_.size(); ++axis)
      if (isAlong(axis) && to_[axis].isPartial() && from_[axis] != to_[axis] && own[axis] != 0) return true;
    return false;
  }

  // The ranks that it may read.
  std::vector<int64_t> groupOf(int64_t rank) const {
    const auto own = coordinatesOf(rank, mesh_);
    std::vector<int64_t> group;
    for (int64_t other = 0; other < int64_t(shards_.size()); ++other) {
      const auto theirs = coordinatesOf(other, mesh_);
      bool isNear = true;
      for (size_t axis = 0; axis < mesh_.size(); ++axis) {
        const bool isFree = isAlong(axis) && !(from_[axis].isPartial() && from_[axis] == to_[axis]);
        isNear &= isFree || own[axis] == theirs[axis];
      }
      if (isNear) group.push_back(other);
    }
    return group;
  }

  // One element of the value, combined from its terms; false if the group lacks one.
  bool read(const std::vector<int64_t> &global, const std::vector<int64_t> &group, double &result) const {
    std::map<int64_t, double> found;  // by term
    for (int64_t other : group) {
      const Shard &theirs = shards_[other];
      std::vector<int64_t> inside = global;
      bool holds = true;
      for (size_t dim = 0; dim < inside.size(); ++dim) {
        inside[dim] -= theirs.start[dim];
        holds &= inside[dim] >= 0 && inside[dim] < theirs.extent[dim];
      }
      if (!holds) continue;
      const int64_t term = termOf(coordinatesOf(other, mesh_), mesh_, [&](size_t axis) { return isReduced(axis); });
      found.try_emplace(term, value_[other].values[flatten(inside, value_[other].shape)]);
    }
    bool isFirst = true;
    for (const auto &[term, number] : found)
      result = std::exchange(isFirst, false) ? number : combine(combinerOf(from_), result, number);
    return int64_t(found.size()) == terms_;
  }

  const PlacedValue &value_;
  std::vector<int64_t> shape_;
  Placement from_, to_;
  llvm::ArrayRef<int64_t> axes_;
  Sizes mesh_;
  std::vector<Shard> shards_;  // of all ranks, before
  int64_t terms_ = 1;
};

}  // namespace

absl::StatusOr<PlacedValue> move(const PlacedValue &value, absl::Span<const int64_t> shape, Placement from,
                                 Placement to, llvm::ArrayRef<int64_t> axes, Sizes mesh) {
  const Move move(value, {shape.begin(), shape.end()}, from, to, axes, mesh);
  PlacedValue moved;
  for (int64_t rank = 0; rank < rankCount(mesh); ++rank) {
    auto local = move.localOf(rank);
    if (!local.ok()) return local.status();
    moved.push_back(*std::move(local));
  }
  return moved;
}

}  // namespace cleave
