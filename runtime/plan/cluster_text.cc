// Text form to structs and back. Protobuf parses; where each field stands comes from its parser.

#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/text_format.h>

#include <cmath>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "runtime/plan/cluster.h"
#include "runtime/plan/cluster.pb.h"

namespace cleave {
namespace {

using google::protobuf::Message;
using google::protobuf::TextFormat;
using Tree = TextFormat::ParseInfoTree;

struct Named {
  const char *name;
  int value;
};
constexpr Named kReaches[] = {{"", int(Cluster::Reach::kAny)},
                              {"host", int(Cluster::Reach::kHost)},
                              {"network", int(Cluster::Reach::kNetwork)}};
constexpr Named kAlgorithms[] = {{"", int(Cluster::Algorithm::kRingOrTree)},
                                 {"direct", int(Cluster::Algorithm::kDirect)},
                                 {"ring", int(Cluster::Algorithm::kRing)},
                                 {"tree", int(Cluster::Algorithm::kTree)},
                                 {"one_pass", int(Cluster::Algorithm::kOnePass)}};

template <size_t kNames>
const char *nameOf(int value, const Named (&names)[kNames]) {
  for (const Named &known : names)
    if (known.value == value) return known.name;
  return "";
}

// Keeps the first error of the parser.
class FirstError final : public google::protobuf::io::ErrorCollector {
 public:
  void AddError(int line, int, const std::string &message) final {
    if (text_.empty()) text_ = absl::StrCat(line + 1, ": ", message);
  }
  const std::string &text() const { return text_; }

 private:
  std::string text_;
};

// What is wrong first, if anything.
struct Complaint {
  std::string file, text;  // no text: nothing
};

// A message of the file: its name there, and where its fields stand.
class Part {
 public:
  Part(const Message &message, const Tree *tree, std::string path, int line, Complaint &complaint)
      : message_(message), tree_(tree), path_(std::move(path)), line_(line), complaint_(complaint) {}

  // A field that holds a message, or one of several.
  Part at(const char *field, const Message &message, int index = -1) const {
    const std::string name = index < 0 ? field : absl::StrCat(field, "[", index, "]");
    const Tree *tree = tree_ ? tree_->GetTreeForNested(find(field), index) : nullptr;
    return Part(message, tree, path_.empty() ? name : absl::StrCat(path_, ".", name), lineOf(field, index), complaint_);
  }

  bool has(const char *field) const { return tree_ && tree_->GetLocation(find(field), listed(field)).line >= 0; }

  void complain(const char *field, absl::string_view rule, absl::string_view seen) const {
    if (!complaint_.text.empty()) return;
    complaint_.text = absl::StrCat(complaint_.file, ":", lineOf(field, listed(field)) + 1, ": ", path_,
                                   path_.empty() ? "" : ".", field, " requires ", rule, ", got ", seen);
  }

  void above0(const char *field, double value) const { check(field, value > 0, "a number above 0", value); }
  void atLeast0(const char *field, double value) const { check(field, value >= 0, "a number of at least 0", value); }
  void fraction(const char *field, double value) const {
    check(field, value > 0 && value <= 1, "a number above 0 and up to 1", value);
  }
  void needs(const char *field, bool isThere) const {
    if (!isThere) complain(field, "a value", "none");
  }
  template <size_t kNames>
  int oneOf(const char *field, const std::string &value, const Named (&names)[kNames]) const {
    std::string known;
    for (const Named &name : names) {
      if (value == name.name) return name.value;
      absl::StrAppend(&known, known.empty() ? "" : ", ", name.name);
    }
    complain(field, absl::StrCat("one of ", known), absl::StrCat("\"", value, "\""));
    return 0;
  }

 private:
  const google::protobuf::FieldDescriptor *find(const char *field) const {
    return message_.GetDescriptor()->FindFieldByName(field);
  }
  int listed(const char *field) const { return find(field)->is_repeated() ? 0 : -1; }
  // Of the message itself where the field is absent.
  int lineOf(const char *field, int index) const {
    const int line = tree_ ? tree_->GetLocation(find(field), index).line : -1;
    return line < 0 ? line_ : line;
  }
  void check(const char *field, bool holds, absl::string_view rule, double value) const {
    if (!has(field)) return complain(field, rule, "none");
    if (!holds || !std::isfinite(value)) complain(field, rule, absl::StrCat(value));
  }

  const Message &message_;
  const Tree *tree_;  // null: nothing of it stands in the file
  std::string path_;
  int line_;
  Complaint &complaint_;
};

enum class Values { kFractions, kRates };

template <typename Rows>
Cluster::Table takeTable(const Part &part, const char *field, const Rows &rows, Values values) {
  Cluster::Table table;
  for (int i = 0; i < rows.size(); ++i) {
    const Part row = part.at(field, rows[i], i);
    row.above0("size", rows[i].size());
    values == Values::kFractions ? row.fraction("value", rows[i].value()) : row.above0("value", rows[i].value());
    if (i > 0 && rows[i].size() <= rows[i - 1].size())
      row.complain("size", absl::StrCat("a size above that of the row before, ", rows[i - 1].size()),
                   absl::StrCat(rows[i].size()));
    table.push_back({rows[i].size(), rows[i].value()});
  }
  return table;
}

void takeCaches(const Part &part, const plan::Device &from, Cluster::Device &to) {
  for (int i = 0; i < from.caches_size(); ++i) {
    const plan::Cache &cache = from.caches(i);
    const Part row = part.at("caches", cache, i);
    row.above0("bytes", double(cache.bytes()));
    row.above0("bandwidth", cache.bandwidth());
    if (i > 0 && cache.bytes() <= from.caches(i - 1).bytes())
      row.complain("bytes", absl::StrCat("a size above that of the cache before, ", from.caches(i - 1).bytes()),
                   absl::StrCat(cache.bytes()));
    to.caches.push_back({cache.bytes(), cache.bandwidth()});
  }
}

Cluster::Device takeDevice(const Part &part, const plan::Device &from) {
  Cluster::Device to;
  part.needs("peaks", from.peaks_size() > 0);
  for (int i = 0; i < from.peaks_size(); ++i) {
    const Part row = part.at("peaks", from.peaks(i), i);
    row.needs("dtype", !from.peaks(i).dtype().empty());
    row.above0("flops", from.peaks(i).flops());
    to.peaks.push_back({from.peaks(i).dtype(), from.peaks(i).flops()});
  }
  to.matmulEfficiency = takeTable(part, "matmul_efficiency", from.matmul_efficiency(), Values::kFractions);
  part.above0("memory_bytes", double(from.memory_bytes()));
  part.above0("memory_bandwidth", from.memory_bandwidth());
  part.atLeast0("launch_overhead", from.launch_overhead());
  to.memoryBytes = from.memory_bytes();
  to.memoryBandwidth = from.memory_bandwidth();
  to.launchOverhead = from.launch_overhead();
  takeCaches(part, from, to);
  for (int i = 0; i < from.kernels_size(); ++i) {
    const plan::Kernel &kernel = from.kernels(i);
    const Part row = part.at("kernels", kernel, i);
    row.needs("name", !kernel.name().empty());
    if (row.has("flops_by_sum")) row.above0("flops_by_sum", kernel.flops_by_sum());
    to.kernels.push_back({kernel.name(), takeTable(row, "efficiency", kernel.efficiency(), Values::kFractions),
                          takeTable(row, "bandwidth", kernel.bandwidth(), Values::kRates), kernel.flops_by_sum()});
  }
  return to;
}

Cluster::Host takeHost(const Part &part, const plan::Host &from) {
  if (part.has("devices")) part.above0("devices", double(from.devices()));
  if (part.has("cores")) part.above0("cores", double(from.cores()));
  if (part.has("memory_bandwidth")) part.above0("memory_bandwidth", from.memory_bandwidth());
  return {from.devices(), from.cores(), from.memory_bandwidth()};
}

Cluster::Link takeLink(const Part &part, const plan::Link &from) {
  Cluster::Link to;
  to.axis = from.axis();
  to.reach = Cluster::Reach(part.oneOf("reach", from.reach(), kReaches));
  to.algorithm = Cluster::Algorithm(part.oneOf("algorithm", from.algorithm(), kAlgorithms));
  part.atLeast0("latency", from.latency());
  part.above0("bandwidth", from.bandwidth());
  to.latency = from.latency();
  to.bandwidth = from.bandwidth();
  to.isFullDuplex = from.full_duplex();
  return to;
}

// Every pair of devices must have a link.
bool reaches(const std::vector<Cluster::Link> &links, Cluster::Reach reach) {
  for (const Cluster::Link &link : links)
    if (link.axis.empty() && (link.reach == Cluster::Reach::kAny || link.reach == reach)) return true;
  return false;
}

Cluster takeCluster(const Part &part, const plan::Cluster &from) {
  Cluster to;
  part.needs("name", !from.name().empty());
  part.needs("device", from.has_device());
  to.name = from.name();
  to.device = takeDevice(part.at("device", from.device()), from.device());
  if (from.has_host()) to.host = takeHost(part.at("host", from.host()), from.host());
  for (int i = 0; i < from.links_size(); ++i)
    to.links.push_back(takeLink(part.at("links", from.links(i), i), from.links(i)));
  if (!reaches(to.links, Cluster::Reach::kHost))
    part.complain("links", "a link between devices of a machine, for any axis", "none");
  if (to.host.devices > 0 && !reaches(to.links, Cluster::Reach::kNetwork))
    part.complain("links", "a link between machines, for any axis, since host.devices is given", "none");
  return to;
}

template <typename Rows>
void giveTable(const Cluster::Table &from, Rows &to) {
  for (const Cluster::Point &point : from) {
    auto &row = *to.Add();
    row.set_size(point.size);
    row.set_value(point.value);
  }
}

plan::Device giveDevice(const Cluster::Device &from) {
  plan::Device to;
  for (const Cluster::Peak &peak : from.peaks) {
    plan::Peak &row = *to.add_peaks();
    row.set_dtype(peak.dtype);
    row.set_flops(peak.flops);
  }
  giveTable(from.matmulEfficiency, *to.mutable_matmul_efficiency());
  to.set_memory_bytes(from.memoryBytes);
  to.set_memory_bandwidth(from.memoryBandwidth);
  for (const Cluster::Cache &cache : from.caches) {
    plan::Cache &row = *to.add_caches();
    row.set_bytes(cache.bytes);
    row.set_bandwidth(cache.bandwidth);
  }
  to.set_launch_overhead(from.launchOverhead);
  for (const Cluster::Kernel &kernel : from.kernels) {
    plan::Kernel &row = *to.add_kernels();
    row.set_name(kernel.name);
    giveTable(kernel.efficiency, *row.mutable_efficiency());
    giveTable(kernel.bandwidth, *row.mutable_bandwidth());
    row.set_flops_by_sum(kernel.flopsBySum);
  }
  return to;
}

}  // namespace

absl::StatusOr<Cluster> parseCluster(absl::string_view text, absl::string_view where) {
  FirstError error;
  Tree tree;
  plan::Cluster parsed;
  TextFormat::Parser parser;
  parser.RecordErrorsTo(&error);
  parser.WriteLocationsTo(&tree);
  if (!parser.ParseFromString(std::string(text), &parsed))
    return absl::InvalidArgumentError(absl::StrCat(where, ":", error.text()));
  Complaint complaint{std::string(where), ""};
  Cluster cluster = takeCluster(Part(parsed, &tree, "", 0, complaint), parsed);
  if (!complaint.text.empty()) return absl::InvalidArgumentError(complaint.text);
  return cluster;
}

std::string printCluster(const Cluster &cluster, absl::string_view comment) {
  plan::Cluster to;
  to.set_name(cluster.name);
  *to.mutable_device() = giveDevice(cluster.device);
  if (cluster.host.devices > 0) to.mutable_host()->set_devices(cluster.host.devices);
  if (cluster.host.cores > 0) to.mutable_host()->set_cores(cluster.host.cores);
  if (cluster.host.memoryBandwidth > 0) to.mutable_host()->set_memory_bandwidth(cluster.host.memoryBandwidth);
  for (const Cluster::Link &link : cluster.links) {
    plan::Link &row = *to.add_links();
    row.set_axis(link.axis);
    row.set_reach(nameOf(int(link.reach), kReaches));
    row.set_algorithm(nameOf(int(link.algorithm), kAlgorithms));
    row.set_latency(link.latency);
    row.set_bandwidth(link.bandwidth);
    row.set_full_duplex(link.isFullDuplex);
  }
  std::string text;
  TextFormat::PrintToString(to, &text);
  std::string remark;
  for (absl::string_view line : absl::StrSplit(comment, '\n'))
    absl::StrAppend(&remark, line.empty() ? "#" : "# ", line, "\n");
  return absl::StrCat(comment.empty() ? "" : remark, text);
}

}  // namespace cleave
