#include "runtime/links.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/plan/plan_checks.h"

namespace cleave {
namespace {

// Ranks are row-major: how many ranks one step along an axis is.
int64_t strideOf(const LoadedPlan &plan, int axis) {
  int64_t stride = 1;
  for (size_t a = axis + 1; a < plan.mesh.size(); ++a) stride *= plan.mesh[a].size;
  return stride;
}

int64_t coordinateOf(const LoadedPlan &plan, int rank, int axis) {
  return rank / strideOf(plan, axis) % plan.mesh[axis].size;
}

absl::Status checkAxes(const LoadedPlan &plan, const LinkSpeeds &speeds) {
  std::vector<std::string> names;
  for (const program::MeshAxis &axis : plan.mesh) names.push_back(axis.name);
  for (const auto &[name, speed] : speeds) {
    if (!(speed.bytesPerSecond > 0) || speed.latencyNanos < 0)
      return planError(absl::StrCat("link ", quoted(name)), "a bandwidth above 0 and a latency of at least 0",
                       speed.bytesPerSecond, " bytes/s and ", speed.latencyNanos, " ns");
    if (std::find(names.begin(), names.end(), name) == names.end())
      return planError("link", absl::StrCat("an axis of the plan's mesh (", absl::StrJoin(names, ", "), ")"),
                       quoted(name));
  }
  return absl::OkStatus();
}

}  // namespace

std::vector<int> axesOfGroup(const LoadedPlan &plan, const std::vector<int> &ranks) {
  std::vector<int> axes;
  for (int axis = 0; axis < static_cast<int>(plan.mesh.size()); ++axis) {
    const auto differs = [&](int rank) {
      return coordinateOf(plan, rank, axis) != coordinateOf(plan, ranks[0], axis);
    };
    if (std::any_of(ranks.begin(), ranks.end(), differs)) axes.push_back(axis);
  }
  return axes;
}

absl::StatusOr<EmulatedLinks> placeLinks(const LoadedPlan &plan, const program::Entry &entry,
                                         const LinkSpeeds &speeds) {
  EmulatedLinks links;
  if (speeds.empty()) return links;
  if (absl::Status status = checkAxes(plan, speeds); !status.ok()) return status;
  std::map<std::pair<int, int64_t>, int> linkOf;  // by axis, and the first rank of the line along it
  for (const CollectiveSpec &spec : entry.collectives) {
    auto &groups = links.usedBy.emplace_back();
    for (const CollectiveSpec::Group &group : spec.groups) {
      std::set<int> used;
      for (int axis : axesOfGroup(plan, group.ranks)) {
        const auto speed = speeds.find(plan.mesh[axis].name);
        if (speed == speeds.end()) continue;
        for (int rank : group.ranks) {
          const int64_t line = rank - coordinateOf(plan, rank, axis) * strideOf(plan, axis);
          const auto [known, isNew] = linkOf.insert({{axis, line}, static_cast<int>(links.links.size())});
          if (isNew) links.links.push_back(speed->second);
          used.insert(known->second);
        }
      }
      groups.emplace_back(used.begin(), used.end());
    }
  }
  return links;
}

}  // namespace cleave
