// Training plans of small models in which communication is hidden, as `cleave compile` makes them.

#ifndef CLEAVE_TESTS_CONFORMANCE_OVERLAPPED_PLANS_H
#define CLEAVE_TESTS_CONFORMANCE_OVERLAPPED_PLANS_H

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/plan/plan.pb.h"

namespace cleave {

struct OverlappedCase {
  std::string family, mesh;  // "gpt2", "llama" or "t5"; "data=2,model=2"
  std::vector<std::string> flags;
  std::string str() const;
};

// Every overlap pass alone and all together, each family, each mesh, with and without microbatches.
std::vector<OverlappedCase> overlappedCases();

absl::StatusOr<plan::Plan> compilePlan(const OverlappedCase &overlapped);

// The step of a plan.
plan::Entry &stepOf(plan::Plan &plan);

// Gives each rank a class, and hence a program, of its own.
void splitClasses(plan::Plan &plan);

}  // namespace cleave

#endif  // CLEAVE_TESTS_CONFORMANCE_OVERLAPPED_PLANS_H
