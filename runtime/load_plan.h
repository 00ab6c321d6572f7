// Loads plans: from bytes of unknown origin to structs that can be run without a further check.

#ifndef CLEAVE_RUNTIME_LOAD_PLAN_H
#define CLEAVE_RUNTIME_LOAD_PLAN_H

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "kernels/api/registry.h"
#include "runtime/plan/program.h"

namespace cleave {

struct LoadOptions {
  // What all arenas together may take; -1: what the machine (or its control group) has left.
  int64_t availableBytes = -1;
  // That the devices are spread over evenly: one holds that part of the arenas.
  int processes = 1;
  // False where another process proves the same plan (to be compared by its hash).
  bool proves = true;
};

// Checks format version and hash, then the meaning: indices, sizes, layouts, collectives, kernels; then proves that a
// step cannot deadlock and that values that share bytes never meet; last, that memory suffices. An error says what and
// where. `registry` must outlive the plan.
absl::StatusOr<LoadedPlan> loadPlan(absl::string_view bytes, const Registry &registry, const LoadOptions &options = {});
absl::StatusOr<LoadedPlan> loadPlanFile(const std::string &path, const Registry &registry,
                                        const LoadOptions &options = {});

// Bytes of memory that this process can still get.
int64_t availableMemory();

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_LOAD_PLAN_H
