#include "passes/mesh_axes.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace cleave {
namespace {

std::string inQuotes(absl::string_view text) { return absl::StrCat("\"", absl::CEscape(text.substr(0, 100)), "\""); }

absl::Status wrong(absl::string_view what, absl::string_view rule, absl::string_view seen) {
  return absl::InvalidArgumentError(absl::StrCat(what, " requires ", rule, ", got ", seen));
}

bool isName(absl::string_view text) {
  if (text.empty() || absl::ascii_isdigit(text[0])) return false;
  return std::all_of(text.begin(), text.end(), [](char c) { return absl::ascii_isalnum(c) || c == '_'; });
}

}  // namespace

absl::Status checkMeshAxis(const MeshAxis &axis) {
  const std::string what = absl::StrCat("mesh axis ", inQuotes(axis.name));
  if (!isName(axis.name)) return wrong("mesh axis", "a name of letters, digits and _", inQuotes(axis.name));
  if (!axis.kind.empty() && axis.kind != "data" && axis.kind != "model")
    return wrong(what, "kind data or model", inQuotes(axis.kind));
  if (!axis.kind.empty() && axis.name != axis.kind && (axis.name == "data" || axis.name == "model"))
    return wrong(what, "the kind that it is named after", inQuotes(axis.kind));
  if (axis.size < 1 || axis.size > kMostDevices)
    return wrong(what, absl::StrCat("a size from 1 to ", kMostDevices), absl::StrCat(axis.size));
  return absl::OkStatus();
}

absl::Status checkMesh(const std::vector<MeshAxis> &axes) {
  if (axes.empty()) return wrong("mesh", "at least one axis", "none");
  int64_t devices = 1;
  for (size_t i = 0; i < axes.size(); ++i) {
    if (absl::Status status = checkMeshAxis(axes[i]); !status.ok()) return status;
    for (size_t other = 0; other < i; ++other)
      if (axes[other].name == axes[i].name)
        return wrong("mesh", "axes of different names", absl::StrCat(inQuotes(axes[i].name), " twice"));
    devices *= axes[i].size;
    if (devices > kMostDevices)
      return wrong("mesh", absl::StrCat("at most ", kMostDevices, " devices"), absl::StrCat(devices, " and more"));
  }
  return absl::OkStatus();
}

}  // namespace cleave
