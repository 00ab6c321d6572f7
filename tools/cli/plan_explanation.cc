#include "tools/cli/plan_explanation.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "nlohmann/json.hpp"
#include "tools/cli/text_table.h"

namespace cleave::cli {
namespace {

using Json = nlohmann::ordered_json;
using plan::Explanation;

template <typename Item>
Json layerOf(const Item &item) {
  if (item.layer_class().empty()) return nullptr;
  return Json::array({item.layer_class(), item.layer_instance()});
}

template <typename Texts>
Json listOf(const Texts &texts) {
  Json list = Json::array();
  for (const auto &text : texts) list.push_back(text);
  return list;
}

std::string sizeText(int64_t bytes) {
  if (bytes < 10'000) return absl::StrCat(bytes, " B");
  if (bytes < 10'000'000) return absl::StrFormat("%.1f kB", double(bytes) / 1e3);
  if (bytes < 10'000'000'000) return absl::StrFormat("%.1f MB", double(bytes) / 1e6);
  return absl::StrFormat("%.1f GB", double(bytes) / 1e9);
}

std::string originText(const plan::Plan &plan) {
  std::vector<std::vector<std::string>> rows;
  const plan::Provenance &provenance = plan.provenance();
  rows.push_back({"model", provenance.model_name()});
  if (!plan.family().model_type().empty()) rows.push_back({"family", plan.family().model_type()});
  rows.push_back({"flags", absl::StrJoin(provenance.flags(), " ")});
  rows.push_back({"compiler", provenance.compiler()});
  rows.push_back({"hash", absl::BytesToHexString(plan.hash())});
  const plan::Training &training = plan.training();
  rows.push_back(
      {"step",
       absl::StrCat("batch ", training.batch(), ", sequence ", training.seq(),
                    training.target_seq() > 0 ? absl::StrCat(", target sequence ", training.target_seq()) : "",
                    training.microbatches() > 1 ? absl::StrCat(", in ", training.microbatches(), " microbatches") : "",
                    ", ", training.optimizer(), absl::StrFormat(", %.3g flops", training.flops_per_step()))});
  return textTable(rows);
}

std::string meshText(const plan::Plan &plan) {
  std::vector<std::vector<std::string>> rows = {{"axis", "kind", "size"}};
  int64_t devices = 1;
  for (const plan::MeshAxis &axis : plan.mesh()) {
    rows.push_back({axis.name(), axis.kind(), absl::StrCat(axis.size())});
    devices *= axis.size();
  }
  return absl::StrCat("\nMesh of ", devices, devices == 1 ? " device" : " devices", "\n", textTable(rows));
}

std::string placementText(const Explanation::Value &value) { return absl::StrJoin(value.placement(), " "); }

std::vector<std::string> headOfValues(const plan::Plan &plan) {
  std::vector<std::string> axes;
  for (const plan::MeshAxis &axis : plan.mesh()) axes.push_back(axis.name());
  return {"value", "op", "type", absl::StrJoin(axes, " "), "why"};
}

// The values of one phase outside all layers (an empty class) or of the first layer of a class.
std::string valuesText(const plan::Plan &plan, const std::string &layerClass, int64_t instance,
                       const std::string &phase) {
  std::vector<std::vector<std::string>> rows = {headOfValues(plan)};
  for (const Explanation::Value &value : plan.explanation().values())
    if (value.layer_class() == layerClass && (layerClass.empty() || value.layer_instance() == instance) &&
        value.phase() == phase)
      rows.push_back({value.name(), value.op(), value.type(), placementText(value), value.reason()});
  return rows.size() == 1 ? "" : textTable(rows);
}

// Each class of layers, in order of appearance, with its instances.
std::vector<std::pair<std::string, std::set<int64_t>>> layerClasses(const plan::Plan &plan) {
  std::vector<std::pair<std::string, std::set<int64_t>>> classes;
  for (const Explanation::Value &value : plan.explanation().values()) {
    if (value.layer_class().empty()) continue;
    auto found = std::find_if(classes.begin(), classes.end(),
                              [&](const auto &known) { return known.first == value.layer_class(); });
    if (found == classes.end()) found = classes.insert(classes.end(), {value.layer_class(), {}});
    found->second.insert(value.layer_instance());
  }
  return classes;
}

std::string placementsText(const plan::Plan &plan) {
  std::string text = "\nPlacements, forward (S(d): split along dimension d; B: whole; P(sum): to be summed)\n";
  absl::StrAppend(&text, valuesText(plan, "", 0, "forward"));
  for (const auto &[layerClass, instances] : layerClasses(plan)) {
    const std::string table = valuesText(plan, layerClass, *instances.begin(), "forward");
    if (table.empty()) continue;
    absl::StrAppend(&text, "\nLayer class ", layerClass, ": ", instances.size(),
                    instances.size() == 1 ? " layer" : " equal layers, the first shown", "\n", table);
  }
  std::map<std::string, int64_t> others;
  for (const Explanation::Value &value : plan.explanation().values())
    if (value.phase() != "forward") ++others[value.phase()];
  for (const auto &[phase, count] : others)
    absl::StrAppend(&text, count, " values of phase ", phase, " are in --json.\n");
  return text;
}

std::string collectivesText(const plan::Plan &plan) {
  struct Sum {
    int64_t count = 0, bytes = 0;
    std::string why;
  };
  std::map<std::tuple<std::string, std::string, std::string, std::string>, Sum> sums;
  for (const Explanation::Collective &collective : plan.explanation().collectives()) {
    Sum &sum =
        sums[{collective.phase(), collective.layer_class(), collective.kind(), absl::StrJoin(collective.axes(), ",")}];
    sum.count += collective.count();
    sum.bytes += collective.count() * collective.bytes();
    if (sum.why.empty()) sum.why = collective.why();
  }
  if (sums.empty()) return "\nNothing moves between devices.\n";
  std::vector<std::vector<std::string>> rows = {
      {"phase", "layers", "collective", "axes", "a step", "bytes a device", "why (of the first)"}};
  Sum total;
  for (const auto &[key, sum] : sums) {
    const auto &[phase, layerClass, kind, axes] = key;
    rows.push_back({phase, layerClass.empty() ? "-" : layerClass, kind, axes, absl::StrCat(sum.count),
                    sizeText(sum.bytes), sum.why});
    total.count += sum.count;
    total.bytes += sum.bytes;
  }
  rows.push_back({"all", "", "", "", absl::StrCat(total.count), sizeText(total.bytes), ""});
  return absl::StrCat("\nCollectives of a step\n", textTable(rows));
}

std::string memoryText(const plan::Plan &plan) {
  std::vector<std::vector<std::string>> rows = {
      {"device", "planned peak", "lower bound", "parameters", "optimizer", "gradients", "activations", "scratch"}};
  for (const Explanation::Memory &memory : plan.explanation().memory())
    rows.push_back({absl::StrCat(memory.device()), sizeText(memory.planned_peak()), sizeText(memory.lower_bound()),
                    sizeText(memory.parameters()), sizeText(memory.optimizer()), sizeText(memory.gradients()),
                    sizeText(memory.activations()), sizeText(memory.scratch())});
  return absl::StrCat("\nMemory\n", textTable(rows));
}

}  // namespace

std::string explanationJson(const plan::Plan &plan) {
  const Explanation &explanation = plan.explanation();
  Json root;
  root["mesh"] = Json::object();
  for (const plan::MeshAxis &axis : plan.mesh()) root["mesh"][axis.name()] = axis.size();
  root["values"] = Json::array();
  for (const Explanation::Value &value : explanation.values())
    root["values"].push_back({{"name", value.name()},
                              {"op", value.op()},
                              {"type", value.type()},
                              {"placement", listOf(value.placement())},
                              {"reason", value.reason()},
                              {"phase", value.phase()},
                              {"layer", layerOf(value)}});
  root["ops"] = Json::array();
  for (const Explanation::Op &op : explanation.ops())
    root["ops"].push_back({{"name", op.name()},
                           {"op", op.op()},
                           {"operands", listOf(op.operands())},
                           {"results", listOf(op.results())},
                           {"phase", op.phase()},
                           {"layer", layerOf(op)}});
  root["collectives"] = Json::array();
  for (const Explanation::Collective &collective : explanation.collectives())
    root["collectives"].push_back({{"kind", collective.kind()},
                                   {"axes", listOf(collective.axes())},
                                   {"bytes", collective.bytes()},
                                   {"count", collective.count()},
                                   {"phase", collective.phase()},
                                   {"op", collective.op()},
                                   {"layer", layerOf(collective)},
                                   {"why", collective.why()}});
  root["memory"] = Json::array();
  for (const Explanation::Memory &memory : explanation.memory())
    root["memory"].push_back({{"device", memory.device()},
                              {"planned_peak", memory.planned_peak()},
                              {"lower_bound", memory.lower_bound()},
                              {"parameters", memory.parameters()},
                              {"optimizer", memory.optimizer()},
                              {"gradients", memory.gradients()},
                              {"activations", memory.activations()},
                              {"scratch", memory.scratch()}});
  return root.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string explanationTables(const plan::Plan &plan) {
  return absl::StrCat(originText(plan), meshText(plan), placementsText(plan), collectivesText(plan), memoryText(plan));
}

}  // namespace cleave::cli
