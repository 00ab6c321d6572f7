#include <algorithm>

#include "kernels/collectives/combine.h"
#include "kernels/collectives/exchange.h"

namespace cleave::collectives {
namespace {

class AllReduce final : public Exchange {
 public:
  AllReduce(Combiner combiner, int members) : combiner_(combiner), members_(members) {}

  void run(int member, absl::Span<const TensorView> inputs, absl::Span<const TensorView> outputs) const final {
    const auto sources = combiner_ == Combiner::kNone ? inputs.subspan(0, 1) : inputs;
    combineViews(combiner_, sources, outputs, member, members_);
  }

 private:
  Combiner combiner_;
  int members_;
};

}  // namespace

bool areBoxesEqual(const CollectiveSpec::Group &group) {
  const auto isFirst = [&](const Box &box) { return box == group.inputs[0]; };
  return std::all_of(group.inputs.begin(), group.inputs.end(), isFirst) &&
         std::all_of(group.outputs.begin(), group.outputs.end(), isFirst);
}

std::unique_ptr<Exchange> makeAllReduce(const CollectiveSpec &spec, const CollectiveSpec::Group &group) {
  return std::make_unique<AllReduce>(spec.combiner, static_cast<int>(group.ranks.size()));
}

}  // namespace cleave::collectives
