#include "runtime/plan/cluster.h"

#include <cmath>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "runtime/files/mapped_file.h"
#include "runtime/files/strict_number.h"
#include "runtime/plan/shipped_clusters.h"

namespace cleave {
namespace {

constexpr size_t kMostBytes = size_t{1} << 20;

struct Unit {
  absl::string_view name;
  double size;
};
constexpr Unit kBandwidths[] = {{"GB/s", 1e9}, {"MB/s", 1e6}, {"kB/s", 1e3}, {"B/s", 1}};
constexpr Unit kLatencies[] = {{"ns", 1e-9}, {"us", 1e-6}, {"ms", 1e-3}, {"s", 1}};

constexpr double kMostBandwidth = 1e18;  // bytes/s
constexpr double kMostLatency = 1e4;     // s

std::string inQuotes(absl::string_view text) { return absl::StrCat("\"", absl::CEscape(text.substr(0, 100)), "\""); }

// A number without a sign, and a unit right behind it.
bool parseQuantity(absl::string_view text, absl::Span<const Unit> units, double &value) {
  for (const Unit &unit : units) {
    absl::string_view digits = text;
    if (!absl::ConsumeSuffix(&digits, unit.name)) continue;
    const absl::optional<double> number = parseNumber(digits);
    if (!number || absl::StartsWith(digits, "-")) return false;
    value = *number * unit.size;
    return std::isfinite(value);
  }
  return false;
}

absl::Status wrongLink(absl::string_view rule, absl::string_view text) {
  return absl::InvalidArgumentError(absl::StrCat("requires ", rule, ", got ", inQuotes(text)));
}

// `text` with a comma; errors show `whole`.
absl::StatusOr<Cluster::Link> parseSpeed(absl::string_view text, absl::string_view whole) {
  const size_t comma = text.find(',');
  Cluster::Link link;
  link.algorithm = Cluster::Algorithm::kDirect;
  link.isFullDuplex = true;
  if (!parseQuantity(text.substr(0, comma), kBandwidths, link.bandwidth) || link.bandwidth <= 0 ||
      link.bandwidth > kMostBandwidth)
    return wrongLink(absl::StrCat("a bandwidth above 0 and up to ", kMostBandwidth, " in B/s, kB/s, MB/s or GB/s"), whole);
  if (!parseQuantity(text.substr(comma + 1), kLatencies, link.latency) || link.latency > kMostLatency)
    return wrongLink(absl::StrCat("a latency from 0 to ", kMostLatency, " seconds in ns, us, ms or s"), whole);
  return link;
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
  if (text.find(',') == absl::string_view::npos) return wrongLink("BANDWIDTH,LATENCY like 1GB/s,50us", text);
  return parseSpeed(text, text);
}

absl::StatusOr<Cluster::Link> parseAxisLink(absl::string_view text) {
  const size_t equals = text.find('='), comma = text.find(',');
  if (equals == absl::string_view::npos || equals == 0 || comma == absl::string_view::npos || comma < equals)
    return wrongLink("AXIS=BANDWIDTH,LATENCY like model=1GB/s,50us", text);
  absl::StatusOr<Cluster::Link> link = parseSpeed(text.substr(equals + 1), text);
  if (link.ok()) link->axis = std::string(text.substr(0, equals));
  return link;
}

}  // namespace cleave
