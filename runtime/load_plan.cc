#include "runtime/load_plan.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <string>
#include <utility>

#include "runtime/plan/check_plan.h"
#include "runtime/plan/convert_plan.h"
#include "runtime/plan/plan_checks.h"
#include "runtime/plan/plan_file.h"
#include "runtime/plan/prove_liveness.h"
#include "runtime/plan/prove_sharing.h"

namespace cleave {
namespace {

absl::Status checkMemory(const LoadedPlan &plan, const LoadOptions &options) {
  const int64_t available = options.availableBytes >= 0 ? options.availableBytes : availableMemory();
  int64_t needed = 0;
  for (const program::RankClass &rankClass : plan.classes) {
    int64_t bytes;
    if (rankClass.arenaBytes < 0 ||
        __builtin_mul_overflow(rankClass.arenaBytes, static_cast<int64_t>(rankClass.ranks.size()), &bytes) ||
        __builtin_add_overflow(needed, bytes, &needed))
      return planError("plan", "arenas with a size", rankClass.arenaBytes, " bytes");
  }
  if (needed > available)
    return absl::ResourceExhaustedError(absl::StrCat("plan requires arenas that fit the available memory, ", available,
                                                     " bytes, got ", needed, " for ", plan.ranks(), " devices"));
  return absl::OkStatus();
}

absl::StatusOr<LoadedPlan> loadParsed(const plan::Plan &parsed, const Registry &registry, const LoadOptions &options) {
  absl::StatusOr<LoadedPlan> plan = convertPlan(parsed);
  if (!plan.ok()) return plan;
  CLEAVE_RETURN_IF_ERROR(checkPlan(*plan));
  CLEAVE_RETURN_IF_ERROR(findKernels(registry, *plan));
  for (const program::Entry &entry : plan->entries) {
    const ScheduleModel model = makeScheduleModel(*plan, entry);
    for (const absl::Status &proof : {proveLiveness(model), proveSharing(model)})
      if (!proof.ok())
        return absl::Status(proof.code(), absl::StrCat("entry ", quoted(entry.name), ": ", proof.message()));
  }
  CLEAVE_RETURN_IF_ERROR(checkMemory(*plan, options));
  return plan;
}

int64_t readNumber(const std::string &path) {
  std::ifstream file(path);
  int64_t number;
  return file >> number ? number : std::numeric_limits<int64_t>::max();
}

}  // namespace

absl::StatusOr<LoadedPlan> loadPlan(absl::string_view bytes, const Registry &registry, const LoadOptions &options) {
  const absl::StatusOr<plan::Plan> parsed = parsePlan(bytes);
  if (!parsed.ok()) return parsed.status();
  return loadParsed(*parsed, registry, options);
}

absl::StatusOr<LoadedPlan> loadPlanFile(const std::string &path, const Registry &registry, const LoadOptions &options) {
  const absl::StatusOr<plan::Plan> parsed = readPlanFile(path);
  if (!parsed.ok()) return parsed.status();
  absl::StatusOr<LoadedPlan> plan = loadParsed(*parsed, registry, options);
  if (!plan.ok())
    return absl::Status(plan.status().code(), absl::StrCat("plan '", path, "': ", plan.status().message()));
  return plan;
}

int64_t availableMemory() {
  int64_t available = std::numeric_limits<int64_t>::max();
  std::ifstream info("/proc/meminfo");
  std::string key, unit;
  int64_t kilobytes;
  while (info >> key >> kilobytes) {
    std::getline(info, unit);
    if (key == "MemAvailable:") available = kilobytes * 1024;
  }
  // "max" reads as no number, hence as no limit. What is used includes caches that would give way, so this is careful.
  const int64_t limit = readNumber("/sys/fs/cgroup/memory.max");
  if (limit != std::numeric_limits<int64_t>::max()) {
    const int64_t used = readNumber("/sys/fs/cgroup/memory.current");
    available = std::min(available, used < limit ? limit - used : int64_t{0});
  }
  return available;
}

}  // namespace cleave
