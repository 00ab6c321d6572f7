#include <algorithm>

#include "kernels/collectives/combine.h"
#include "kernels/collectives/exchange.h"

namespace cleave::collectives {
namespace {

// A part of the output box, and the part of the input box that it shows.
struct Tile {
  Box to, from;
};

// Cuts the output box where the repeated input box begins anew. The input box is not empty.
std::vector<Tile> tilesOf(const Box &input, const Box &output) {
  std::vector<Tile> tiles;
  if (output.elements() > 0) tiles.push_back({output, output});
  for (size_t d = 0; d < output.start.size(); ++d) {
    std::vector<Tile> cut;
    for (const Tile &tile : tiles) {
      const int64_t end = tile.to.start[d] + tile.to.extent[d];
      for (int64_t begin = tile.to.start[d]; begin < end;) {
        const int64_t size = input.extent[d];
        const int64_t place = ((begin - input.start[d]) % size + size) % size;  // in the input box
        Tile &made = cut.emplace_back(tile);
        made.to.start[d] = begin;
        made.from.start[d] = input.start[d] + place;
        made.to.extent[d] = made.from.extent[d] = std::min(end - begin, size - place);
        begin += made.to.extent[d];
      }
    }
    tiles = std::move(cut);
  }
  return tiles;
}

class LocalExchange final : public Exchange {
 public:
  LocalExchange(const Box &input, const Box &output) : input_(input), output_(output), isEmpty_(input.elements() == 0) {
    if (!isEmpty_) tiles_ = tilesOf(input, output);
  }

  void run(int, absl::Span<const TensorView> inputs, absl::Span<const TensorView> outputs) const final {
    if (isEmpty_) return clear(outputs[0]);
    for (const Tile &tile : tiles_)
      combineViews(Reduction::kNone, {viewPart(inputs[0], input_, tile.from)}, {viewPart(outputs[0], output_, tile.to)},
                   /*share=*/0, /*shares=*/1);
  }

 private:
  static void clear(const TensorView &view) {
    double zero = 0;  // the bytes of a zero of any type
    TensorView zeros = view;
    zeros.data = &zero;
    zeros.strides.fill(0);
    combineViews(Reduction::kNone, {zeros}, {view}, /*share=*/0, /*shares=*/1);
  }

  const Box input_, output_;
  const bool isEmpty_;
  std::vector<Tile> tiles_;
};

}  // namespace

std::unique_ptr<Exchange> makeLocalExchange(const Box &input, const Box &output) {
  return std::make_unique<LocalExchange>(input, output);
}

}  // namespace cleave::collectives
