#include "kernels/collectives/combine.h"
#include "kernels/collectives/exchange.h"

namespace cleave::collectives {
namespace {

class BoxExchange final : public Exchange {
 public:
  BoxExchange(const CollectiveSpec &spec, const CollectiveSpec::Group &group)
      : combiner_(spec.combiner), group_(group) {
    for (const Box &output : group.outputs)
      pieces_.push_back(cutByHolders(output, group.inputs, /*firstOnly=*/spec.combiner == Combiner::kNone));
  }

  void run(int member, absl::Span<const TensorView> inputs, absl::Span<const TensorView> outputs) const final {
    std::vector<TensorView> sources;
    for (const Piece &piece : pieces_[member]) {
      sources.clear();
      for (int holder : piece.holders) sources.push_back(viewPart(inputs[holder], group_.inputs[holder], piece.box));
      if (sources.empty()) continue;
      const TensorView target = viewPart(outputs[member], group_.outputs[member], piece.box);
      combineViews(combiner_, sources, {target}, /*share=*/0, /*shares=*/1);
    }
  }

 private:
  Combiner combiner_;
  const CollectiveSpec::Group &group_;
  std::vector<std::vector<Piece>> pieces_;  // by member
};

}  // namespace

std::unique_ptr<Exchange> makeBoxExchange(const CollectiveSpec &spec, const CollectiveSpec::Group &group) {
  return std::make_unique<BoxExchange>(spec, group);
}

}  // namespace cleave::collectives
