#include <algorithm>

#include "kernels/collectives/combine.h"
#include "kernels/collectives/exchange.h"

namespace cleave::collectives {
namespace {

class AllReduce final : public Exchange {
 public:
  AllReduce(Reduction reduction, int members) : reduction_(reduction), members_(members) {}

  void run(int member, absl::Span<const TensorView> inputs, absl::Span<const TensorView> outputs) const final {
    const auto sources = reduction_ == Reduction::kNone ? inputs.subspan(0, 1) : inputs;
    combineViews(reduction_, sources, outputs, member, members_);
  }

 private:
  Reduction reduction_;
  int members_;
};

}  // namespace

bool areBoxesEqual(const CollectiveSpec::Boxes &boxes) {
  const auto isFirst = [&](const Box &box) { return box == boxes.inputs[0]; };
  return std::all_of(boxes.inputs.begin(), boxes.inputs.end(), isFirst) &&
         std::all_of(boxes.outputs.begin(), boxes.outputs.end(), isFirst);
}

std::unique_ptr<Exchange> makeAllReduce(Reduction reduction, int members) {
  return std::make_unique<AllReduce>(reduction, members);
}

}  // namespace cleave::collectives
