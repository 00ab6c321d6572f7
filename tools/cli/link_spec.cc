#include "tools/cli/link_spec.h"

#include "runtime/plan/cluster.h"

namespace cleave::cli {

absl::StatusOr<LinkSpec> parseLink(absl::string_view text) {
  const absl::StatusOr<Cluster::Link> link = parseAxisLink(text);
  if (!link.ok()) return link.status();
  return LinkSpec{link->axis, link->bandwidth, link->latency};
}

}  // namespace cleave::cli
