// Plan files as they are: for tools that show a plan or make one. What runs a plan takes runtime/load_plan.h.

#ifndef CLEAVE_RUNTIME_PLAN_PLAN_FILE_H
#define CLEAVE_RUNTIME_PLAN_PLAN_FILE_H

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/plan/plan.pb.h"

namespace cleave {

inline constexpr uint32_t kPlanFormatVersion = 2;

// Checks that the bytes are a plan of a version that this build reads, with the hash that it says; nothing of its
// meaning.
absl::StatusOr<plan::Plan> parsePlan(absl::string_view bytes);
absl::StatusOr<plan::Plan> readPlanFile(const std::string &path);

// Fills in version and hash, and writes the file in one go.
absl::Status writePlanFile(const plan::Plan &plan, const std::string &path);

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_PLAN_PLAN_FILE_H
