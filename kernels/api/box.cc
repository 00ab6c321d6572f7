#include "kernels/api/box.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace cleave {
namespace {

// The parts of `box` outside `inner`, which lies inside `box`: at most two a dimension.
std::vector<Box> outside(Box box, const Box &inner) {
  std::vector<Box> parts;
  for (size_t d = 0; d < box.start.size(); ++d) {
    const int64_t begin = box.start[d], end = begin + box.extent[d];
    const int64_t innerBegin = inner.start[d], innerEnd = innerBegin + inner.extent[d];
    if (begin < innerBegin) {
      parts.push_back(box);
      parts.back().extent[d] = innerBegin - begin;
    }
    if (innerEnd < end) {
      parts.push_back(box);
      parts.back().start[d] = innerEnd;
      parts.back().extent[d] = end - innerEnd;
    }
    box.start[d] = innerBegin;
    box.extent[d] = inner.extent[d];
  }
  return parts;
}

}  // namespace

std::string Box::str() const {
  std::string text = "[";
  for (size_t d = 0; d < start.size(); ++d) absl::StrAppend(&text, d ? ", " : "", start[d], ":", start[d] + extent[d]);
  return text + "]";
}

Box wholeBox(absl::Span<const int64_t> dims) {
  return {std::vector<int64_t>(dims.size(), 0), std::vector<int64_t>(dims.begin(), dims.end())};
}

Box intersect(const Box &a, const Box &b) {
  Box shared = a;
  for (size_t d = 0; d < a.start.size(); ++d) {
    shared.start[d] = std::max(a.start[d], b.start[d]);
    const int64_t end = std::min(a.start[d] + a.extent[d], b.start[d] + b.extent[d]);
    shared.extent[d] = std::max<int64_t>(0, end - shared.start[d]);
  }
  return shared;
}

TensorView viewPart(const TensorView &view, const Box &of, const Box &part) {
  TensorView shown = view;
  int64_t offset = 0;
  for (int d = 0; d < view.rank; ++d) {
    shown.shape[d] = part.extent[d];
    offset += (part.start[d] - of.start[d]) * view.strides[d];
  }
  if (view.data && shown.elements() > 0) shown.data = view.as<char>() + offset * bytesOf(view.dtype);
  return shown;
}

std::vector<Piece> cutByHolders(const Box &box, absl::Span<const Box> sources, bool firstOnly) {
  std::vector<Piece> pieces;
  if (box.elements() > 0) pieces.push_back({box, {}});
  for (size_t s = 0; s < sources.size(); ++s) {
    std::vector<Piece> cut;
    for (Piece &piece : pieces) {
      const Box shared = intersect(piece.box, sources[s]);
      const bool isSettled = firstOnly && !piece.holders.empty();
      if (isSettled || shared.elements() == 0) {
        cut.push_back(std::move(piece));
        continue;
      }
      for (Box &rest : outside(piece.box, shared)) cut.push_back({std::move(rest), piece.holders});
      cut.push_back({shared, std::move(piece.holders)});
      cut.back().holders.push_back(static_cast<int>(s));
    }
    pieces = std::move(cut);
  }
  return pieces;
}

}  // namespace cleave
