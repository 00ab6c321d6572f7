#include "passes/figures.h"

#include "absl/strings/str_format.h"

namespace cleave {

std::string inMilliseconds(double seconds) { return absl::StrFormat("%.3f ms", seconds * 1e3); }

std::string inMicroseconds(double seconds) { return absl::StrFormat("%.1f us", seconds * 1e6); }

std::string inMegabytes(int64_t bytes) { return absl::StrFormat("%.3f MB", double(bytes) / 1e6); }

}  // namespace cleave
