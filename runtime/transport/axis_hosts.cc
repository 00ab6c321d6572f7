#include "runtime/transport/axis_hosts.h"

#include <algorithm>
#include <cstddef>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace cleave {
namespace {

// The ranks that differ from `first` in one axis alone: `size` of them, `stride` apart.
std::vector<size_t> groupFrom(size_t first, size_t size, size_t stride) {
  std::vector<size_t> ranks;
  for (size_t i = 0; i < size; ++i) ranks.push_back(first + i * stride);
  return ranks;
}

// The first group of an axis that lies on several hosts; empty: none does.
std::vector<size_t> spreadGroup(size_t size, size_t stride, const std::vector<std::string> &hostOf) {
  for (size_t rank = 0; rank < hostOf.size(); ++rank) {
    if (rank / stride % size != 0) continue;
    const std::vector<size_t> group = groupFrom(rank, size, stride);
    if (std::any_of(group.begin(), group.end(), [&](size_t member) { return hostOf[member] != hostOf[rank]; }))
      return group;
  }
  return {};
}

}  // namespace

std::string ranksByHost(const std::vector<std::string> &hostOf) {
  std::vector<std::string> hosts;
  for (size_t begin = 0; begin < hostOf.size();) {
    size_t end = begin + 1;
    while (end < hostOf.size() && hostOf[end] == hostOf[begin]) ++end;
    hosts.push_back(end == begin + 1 ? absl::StrCat(hostOf[begin], " (rank ", begin, ")")
                                     : absl::StrCat(hostOf[begin], " (ranks ", begin, "-", end - 1, ")"));
    begin = end;
  }
  return hosts.size() < 2 ? "" : absl::StrCat("hosts: ", absl::StrJoin(hosts, ", "));
}

std::vector<std::string> warnOfHosts(const std::vector<program::MeshAxis> &mesh,
                                     const std::vector<std::string> &hostOf) {
  std::vector<std::string> warnings;
  size_t stride = 1;
  for (auto axis = mesh.rbegin(); axis != mesh.rend(); ++axis) {
    const size_t size = static_cast<size_t>(axis->size);
    const std::vector<size_t> group =
        axis->kind == "model" ? spreadGroup(size, stride, hostOf) : std::vector<size_t>();
    stride *= size;
    if (group.empty()) continue;
    std::set<std::string> hosts;
    for (size_t rank : group) hosts.insert(hostOf[rank]);
    warnings.push_back(absl::StrCat(
        "warning: axis \"", axis->name, "\" crosses hosts (ranks ", absl::StrJoin(group, ", "), " lie on ",
        absl::StrJoin(hosts, ", "), "), and its collectives stand in the way of every layer: the last axes of --mesh, ",
        "as many as the devices of a host, stay inside it"));
  }
  return warnings;
}

}  // namespace cleave
