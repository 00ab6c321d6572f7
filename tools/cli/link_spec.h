// A link as it is typed: "model=1GB/s,50us".

#ifndef CLEAVE_TOOLS_CLI_LINK_SPEC_H
#define CLEAVE_TOOLS_CLI_LINK_SPEC_H

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace cleave::cli {

struct LinkSpec {
  std::string axis;           // of a mesh
  double bytesPerSecond = 0;  // in each direction; above 0
  double latencySeconds = 0;  // of one transfer; at least 0
};

// AXIS=BANDWIDTH,LATENCY: a bandwidth in B/s, kB/s, MB/s or GB/s (powers of 1000), a latency in ns, us, ms or s.
absl::StatusOr<LinkSpec> parseLink(absl::string_view text);

}  // namespace cleave::cli

#endif  // CLEAVE_TOOLS_CLI_LINK_SPEC_H
