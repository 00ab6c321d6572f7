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
#include "tools/cli/step_estimate.h"
#include "tools/cli/text_table.h"

namespace cleave::cli {
namespace {

using Json = nlohmann::ordered_json;
using plan::Explanation;

constexpr size_t kColumns = 160;  // of tables: names are long

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

using Values = std::vector<const Explanation::Value *>;

// Rows of values; those whose names differ in numbers alone, and which lie alike, share one.
std::string valuesTable(const plan::Plan &plan, const Values &values) {
  std::map<std::string, std::string> kinds;  // by op
  for (const Explanation::Op &op : plan.explanation().ops()) kinds[op.name()] = op.op();
  std::vector<std::pair<const Explanation::Value *, int64_t>> groups;
  std::map<std::tuple<std::string, std::string, std::string>, size_t> groupOf;
  for (const Explanation::Value *value : values) {
    const auto key = std::make_tuple(patternOf(value->name()), value->type(), placementText(*value));
    const auto [found, isNew] = groupOf.emplace(key, groups.size());
    if (isNew) groups.emplace_back(value, 0);
    ++groups[found->second].second;
  }
  std::vector<std::string> axes;
  for (const plan::MeshAxis &axis : plan.mesh()) axes.push_back(axis.name());
  std::vector<std::vector<std::string>> rows = {{"value", "op", "type", absl::StrJoin(axes, " "), "why"}};
  for (const auto &[value, count] : groups) {
    const auto kind = kinds.find(value->op());
    rows.push_back({count == 1 ? value->name() : absl::StrCat(count, " x ", patternOf(value->name())),
                    kind == kinds.end() ? "-" : kind->second, value->type(), placementText(*value), value->reason()});
  }
  return textTable(rows, kColumns);
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

// Parameters, and the states that don't lie as theirs.
std::string parametersText(const plan::Plan &plan) {
  std::map<std::string, const plan::Variable *> variables;
  for (const plan::Variable &variable : plan.variables()) variables[variable.name()] = &variable;
  Values shown;
  int64_t alike = 0;
  for (const Explanation::Value &value : plan.explanation().values()) {
    const auto found = variables.find(value.name());
    if (found == variables.end()) continue;
    const auto owner = variables.find(found->second->parameter());
    const bool isAlike =
        owner != variables.end() && absl::StrJoin(owner->second->layout().placement(), " ") == placementText(value);
    isAlike ? void(++alike) : shown.push_back(&value);
  }
  if (shown.empty()) return "";
  const std::string others =
      alike > 0 ? absl::StrCat(alike, " states of the optimizer lie as their parameters do.\n") : "";
  return absl::StrCat("\nParameters and state\n", valuesTable(plan, shown), others);
}

std::string placementsText(const plan::Plan &plan) {
  std::set<std::string> variables;
  for (const plan::Variable &variable : plan.variables()) variables.insert(variable.name());
  auto forwardOf = [&](const std::string &layerClass, int64_t instance) {
    Values values;
    for (const Explanation::Value &value : plan.explanation().values())
      if (value.phase() == "forward" && value.layer_class() == layerClass &&
          (layerClass.empty() || value.layer_instance() == instance) && variables.count(value.name()) == 0)
        values.push_back(&value);
    return values;
  };
  std::string text = "\nPlacements (S(d): split along dimension d; B: whole on each; P(sum): to be summed)\n";
  absl::StrAppend(&text, parametersText(plan));
  for (const auto &[layerClass, instances] : layerClasses(plan)) {
    const Values values = forwardOf(layerClass, *instances.begin());
    if (values.empty()) continue;
    const std::string many = absl::StrCat(instances.size(), " equal layers, the first shown");
    absl::StrAppend(&text, "\nForward, layer class ", layerClass, ": ", instances.size() == 1 ? "1 layer" : many, "\n",
                    valuesTable(plan, values));
  }
  if (const Values values = forwardOf("", 0); !values.empty())
    absl::StrAppend(&text, "\nForward, outside layers\n", valuesTable(plan, values));
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
  return absl::StrCat("\nCollectives of a step\n", textTable(rows, kColumns));
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

std::string explanationJson(const plan::Plan &plan, const MeasuredStep *measured) {
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
  if (explanation.has_estimate()) root["estimate"] = estimateJson(plan, measured);
  return root.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string explanationTables(const plan::Plan &plan, const MeasuredStep *measured) {
  return absl::StrCat(originText(plan), meshText(plan), placementsText(plan), collectivesText(plan), memoryText(plan),
                      estimateText(plan, measured));
}

}  // namespace cleave::cli
