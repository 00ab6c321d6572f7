// The links of a mesh: one for each group of ranks along an axis.

#ifndef CLEAVE_RUNTIME_LINKS_H
#define CLEAVE_RUNTIME_LINKS_H

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "kernels/api/communicator.h"
#include "runtime/plan/program.h"

namespace cleave {

using LinkSpeeds = std::map<std::string, EmulatedLinks::Speed>;  // by mesh axis; axes without one have no link to wait for

// The axes that a group of ranks lies along: those on which its ranks differ, as indices of plan.mesh.
std::vector<int> axesOfGroup(const LoadedPlan &plan, const std::vector<int> &ranks);

// The links that the groups of an entry's collectives use. A group along several axes uses a link of each of them, as
// often as it has lines of ranks along it. Fails for an axis that the plan's mesh lacks.
absl::StatusOr<EmulatedLinks> placeLinks(const LoadedPlan &plan, const program::Entry &entry, const LinkSpeeds &speeds);

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_LINKS_H
