#include "runtime/plan/cluster.h"

#include <cmath>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "runtime/files/mapped_file.h"
#include "runtime/plan/shipped_clusters.h"

namespace cleave {
namespace {

constexpr size_t kMostBytes = size_t{1} << 20;

struct Unit {
  const char *name;
  double factor;
};
constexpr Unit kRates[] = {{"kB/s", 1e3}, {"MB/s", 1e6}, {"GB/s", 1e9}, {"TB/s", 1e12}, {"B/s", 1}};
constexpr Unit kTimes[] = {{"ns", 1e-9}, {"us", 1e-6}, {"ms", 1e-3}, {"s", 1}};

std::string inQuotes(absl::string_view text) { return absl::StrCat("\"", absl::CEscape(text.substr(0, 100)), "\""); }

// The number in front of one of the units; NaN if it isn't one.
template <size_t kUnits>
double quantity(absl::string_view text, const Unit (&units)[kUnits]) {
  for (const Unit &unit : units) {
    if (!absl::EndsWith(text, unit.name)) continue;
    double number = 0;
    const absl::string_view digits = text.substr(0, text.size() - std::string(unit.name).size());
    if (absl::SimpleAtod(digits, &number) && std::isfinite(number * unit.factor)) return number * unit.factor;
  }
  return std::nan("");
}

}  // namespace

double valueAt(const Cluster::Table &table, double size, double otherwise) {
  if (table.empty()) return otherwise;
  if (size <= table.front().size) return table.front().value;
  for (size_t i = 1; i < table.size(); ++i) {
    const Cluster::Point &below = table[i - 1], &above = table[i];
    if (size > above.size) continue;
    const double part = std::log(size / below.size) / std::log(above.size / below.size);
    return below.value + part * (above.value - below.value);
  }
  return table.back().value;
}

absl::StatusOr<Cluster> readCluster(const std::string &nameOrFile) {
  for (const ShippedCluster &shipped : shippedClusterFiles())
    if (nameOrFile == shipped.name) return parseCluster(shipped.text, absl::StrCat(shipped.name, ".textproto"));
  const absl::StatusOr<MappedFile> file = MappedFile::open(nameOrFile);
  if (absl::IsNotFound(file.status()))
    return absl::NotFoundError(absl::StrCat("requires a cluster's file, or one of ",
                                            absl::StrJoin(shippedClusters(), ", "), ", got ", inQuotes(nameOrFile)));
  if (!file.ok()) return absl::Status(file.status().code(), absl::StrCat("cluster: ", file.status().message()));
  if (file->bytes().size() > kMostBytes)
    return absl::InvalidArgumentError(absl::StrCat(nameOrFile, ": requires a cluster of at most ", kMostBytes,
                                                   " bytes, got ", file->bytes().size()));
  return parseCluster(file->bytes(), nameOrFile);
}

std::vector<std::string> shippedClusters() {
  std::vector<std::string> names;
  for (const ShippedCluster &shipped : shippedClusterFiles()) names.push_back(shipped.name);
  return names;
}

absl::StatusOr<Cluster::Link> parseLinkSpeed(absl::string_view text) {
  const std::vector<absl::string_view> parts = absl::StrSplit(text, ',');
  Cluster::Link link;
  link.algorithm = Cluster::Algorithm::kDirect;
  link.isFullDuplex = true;
  link.bandwidth = quantity(parts[0], kRates);
  link.latency = parts.size() == 2 ? quantity(parts[1], kTimes) : std::nan("");
  if (!(link.bandwidth > 0) || !(link.latency >= 0))
    return absl::InvalidArgumentError(absl::StrCat(
        "requires a bandwidth above 0 and a latency, such as \"1GB/s,50us\", got ", inQuotes(text)));
  return link;
}

absl::StatusOr<Cluster::Link> parseAxisLink(absl::string_view text) {
  const size_t equals = text.find('=');
  if (equals == absl::string_view::npos || equals == 0)
    return absl::InvalidArgumentError(
        absl::StrCat("requires AXIS=BANDWIDTH,LATENCY, such as \"model=1GB/s,50us\", got ", inQuotes(text)));
  absl::StatusOr<Cluster::Link> link = parseLinkSpeed(text.substr(equals + 1));
  if (link.ok()) link->axis = std::string(text.substr(0, equals));
  return link;
}

}  // namespace cleave
