#include "kernels/collectives/combine.h"
#include "kernels/collectives/exchange.h"

namespace cleave::collectives {
namespace {

class BoxExchange final : public Exchange {
 public:
  BoxExchange(Reduction reduction, const CollectiveSpec::Boxes &boxes) : reduction_(reduction), boxes_(boxes) {
    for (const Box &output : boxes.outputs)
      pieces_.push_back(cutByHolders(output, boxes.inputs, /*firstOnly=*/reduction == Reduction::kNone));
  }

  void run(int member, absl::Span<const TensorView> inputs, absl::Span<const TensorView> outputs) const final {
    std::vector<TensorView> sources;
    for (const Piece &piece : pieces_[member]) {
      sources.clear();
      for (int holder : piece.holders) sources.push_back(viewPart(inputs[holder], boxes_.inputs[holder], piece.box));
      if (sources.empty()) continue;
      const TensorView target = viewPart(outputs[member], boxes_.outputs[member], piece.box);
      combineViews(reduction_, sources, {target}, /*share=*/0, /*shares=*/1);
    }
  }

 private:
  Reduction reduction_;
  const CollectiveSpec::Boxes &boxes_;
  std::vector<std::vector<Piece>> pieces_;  // by member
};

}  // namespace

std::unique_ptr<Exchange> makeBoxExchange(Reduction reduction, const CollectiveSpec::Boxes &boxes) {
  return std::make_unique<BoxExchange>(reduction, boxes);
}

}  // namespace cleave::collectives
