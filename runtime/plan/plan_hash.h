// What makes two plans the same.

#ifndef CLEAVE_RUNTIME_PLAN_PLAN_HASH_H
#define CLEAVE_RUNTIME_PLAN_PLAN_HASH_H

#include <string>

#include "runtime/plan/plan.pb.h"

namespace cleave {

// SHA-256 (32 bytes) of the plan's deterministic serialization without hash, provenance, explanation, locations and
// reasons: the same program for the same devices has one hash, whoever wrote the model.
std::string computePlanHash(const plan::Plan &plan);

// The plan's bytes with its hash filled in, as a plan file holds them.
std::string serializePlan(plan::Plan plan);

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_PLAN_PLAN_HASH_H
