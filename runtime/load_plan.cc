#include "runtime/load_plan.h"

#include <algorithm>
#include <fstream>
#include <initializer_list>
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
  needed /= options.processes;
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
    if (!options.proves) break;
    const ScheduleModel model = makeScheduleModel(*plan, entry);
    for (const absl::Status &proof : {proveLiveness(model), proveSharing(model)})
      if (!proof.ok())
        return absl::Status(proof.code(), absl::StrCat("entry ", quoted(entry.name), ": ", proof.message()));
  }
  CLEAVE_RETURN_IF_ERROR(checkMemory(*plan, options));
  return plan;
}

constexpr int64_t kNoNumber = std::numeric_limits<int64_t>::max();

int64_t readNumber(const std::string &path) {
  std::ifstream file(path);
  int64_t number;
  return file >> number ? number : kNoNumber;
}

// The sum of the values that stand behind `keys` in a file of lines "key value ...".
int64_t sumOf(const std::string &path, std::initializer_list<const char *> keys) {
  std::ifstream file(path);
  int64_t sum = 0;
  std::string key, rest;
  for (int64_t value; file >> key >> value; std::getline(file, rest))
    if (std::find(keys.begin(), keys.end(), key) != keys.end()) sum += value;
  return sum;
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
  const int64_t available = sumOf("/proc/meminfo", {"MemAvailable:"}) * 1024;
  // "max" reads as no number, hence as no limit.
  const std::string group = "/sys/fs/cgroup/";
  const int64_t limit = readNumber(group + "memory.max"), used = readNumber(group + "memory.current");
  if (limit == kNoNumber || used == kNoNumber) return available;
  const int64_t caches = sumOf(group + "memory.stat", {"inactive_file", "active_file"});  // these give way
  return std::min(available, std::max<int64_t>(0, limit - used + caches));
}

}  // namespace cleave
