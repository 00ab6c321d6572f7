#include "tools/pages/plan_page.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tools/cli/text_table.h"
#include "tools/pages/html.h"

namespace cleave::pages {
namespace {

using cli::sizeText;
using plan::Explanation;

std::string row(absl::string_view cssClass, const std::vector<std::string> &cells) {
  std::string text;
  for (size_t i = 0; i < cells.size(); ++i) absl::StrAppend(&text, element("td", i == 0 ? "name" : "", cells[i]));
  return element("tr", cssClass, text) + "\n";
}

std::string headRow(const std::vector<std::string> &cells) {
  std::string text;
  for (const std::string &cell : cells) absl::StrAppend(&text, element("th", "", escaped(cell)));
  return element("tr", "", text) + "\n";
}

// What collectives of one kind along the same axes come to.
std::string movesTable(const std::vector<const Explanation::Collective *> &collectives) {
  std::map<std::tuple<std::string, std::string, std::string>, std::pair<int64_t, int64_t>> sums;
  for (const Explanation::Collective *each : collectives) {
    auto &[count, bytes] = sums[{each->phase(), each->kind(), absl::StrJoin(each->axes(), ", ")}];
    count += each->count();
    bytes += each->count() * each->bytes();
  }
  std::string rows = headRow({"phase", "what", "along", "how often", "bytes of a device"});
  for (const auto &[key, sum] : sums)
    rows += row("move", {escaped(std::get<0>(key)), escaped(std::get<1>(key)), escaped(std::get<2>(key)),
                         absl::StrCat(sum.first), sizeText(sum.second)});
  return element("table", "", rows);
}

// The forward ops of one layer, or those between layers.
struct Block {
  std::string layerClass;
  std::set<int64_t> instances;
  std::vector<const Explanation::Op *> ops;  // of the first instance
};

std::vector<Block> blocksOf(const Explanation &explanation) {
  std::vector<Block> blocks;
  for (const Explanation::Op &op : explanation.ops()) {
    if (op.phase() != "forward" || op.op() == "constant") continue;
    // Equal layers that follow each other are one block.
    if (blocks.empty() || blocks.back().layerClass != op.layer_class()) blocks.push_back({op.layer_class(), {}, {}});
    Block &block = blocks.back();
    block.instances.insert(op.layer_instance());
    if (op.layer_class().empty() || op.layer_instance() == *block.instances.begin()) block.ops.push_back(&op);
  }
  return blocks;
}

class BlockWriter {
 public:
  explicit BlockWriter(const plan::Plan &plan) : plan_(plan) {
    for (const Explanation::Value &value : plan.explanation().values()) values_[value.name()] = &value;
    for (const plan::Variable &variable : plan.variables())
      if (variable.role() == plan::Variable::PARAMETER) parameters_.insert(variable.name());
    for (const Explanation::Collective &collective : plan.explanation().collectives())
      if (collective.phase() == "forward") moves_[collective.op()].push_back(&collective);
  }

  std::string write(const Block &block) {
    std::vector<std::string> head = {"value", "op", "type"};
    for (const plan::MeshAxis &axis : plan_.mesh()) head.push_back(axis.name());
    std::string rows = headRow(head);
    for (const Explanation::Op *op : block.ops) writeOp(*op, &rows);
    const std::string many = block.instances.size() > 1
                                 ? absl::StrCat(" <small>", block.instances.size(), " equal layers, the first shown</small>")
                                 : "";
    const std::string name = block.layerClass.empty() ? "outside of layers" : escaped(block.layerClass);
    return element("section", "block", absl::StrCat("<h3>", name, many, "</h3>\n", element("table", "", rows),
                                                    backwardOf(block)));
  }

 private:
  void writeOp(const Explanation::Op &op, std::string *rows) {
    for (const std::string &operand : op.operands())
      if (parameters_.count(operand) > 0 && shown_.insert(operand).second) writeValue(operand, "weight", "", rows);
    // A statistic beside the first result lies as that does.
    if (op.results_size() > 0) writeValue(op.results(0), "", op.op(), rows);
    for (const Explanation::Collective *each : moves_[op.name()])
      absl::StrAppend(rows, "<tr class=\"move\"><td class=\"name\" colspan=\"", 3 + plan_.mesh_size(), "\" title=\"",
                      escaped(each->why()), "\">&#8644; ", escaped(each->kind()), " along ",
                      escaped(absl::StrJoin(each->axes(), ", ")), ", ", sizeText(each->bytes()), "</td></tr>\n");
  }

  void writeValue(const std::string &name, absl::string_view cssClass, const std::string &kind, std::string *rows) {
    const auto found = values_.find(name);
    if (found == values_.end()) return;
    const Explanation::Value &value = *found->second;
    std::vector<std::string> cells = {escaped(name), escaped(kind.empty() ? "parameter" : kind),
                                      absl::StrCat("<code>", escaped(value.type()), "</code>")};
    for (const std::string &placement : value.placement()) cells.push_back(placementChip(placement, value.reason()));
    absl::StrAppend(rows, row(cssClass, cells));
  }

  // What moves for the block's gradients and updates, of all its instances.
  std::string backwardOf(const Block &block) const {
    if (block.layerClass.empty()) return "";
    std::vector<const Explanation::Collective *> collectives;
    for (const Explanation::Collective &each : plan_.explanation().collectives())
      if (each.layer_class() == block.layerClass && each.phase() != "forward") collectives.push_back(&each);
    return collectives.empty() ? "" : movesTable(collectives);
  }

  const plan::Plan &plan_;
  std::map<std::string, const Explanation::Value *> values_;
  std::set<std::string> parameters_, shown_;
  std::map<std::string, std::vector<const Explanation::Collective *>> moves_;
};

// One drawing for each way in which parameters of one rank lie.
std::string parameterDrawings(const plan::Plan &plan) {
  struct Alike {
    const plan::Variable *first = nullptr;
    int64_t count = 0;
  };
  std::vector<std::string> order;
  std::map<std::string, Alike> groups;
  for (const plan::Variable &variable : plan.variables()) {
    if (variable.role() != plan::Variable::PARAMETER) continue;
    const std::string key = absl::StrCat(variable.type().dims_size(), absl::StrJoin(variable.layout().placement(), " "));
    Alike &alike = groups[key];
    if (alike.count++ > 0) continue;
    alike.first = &variable;
    order.push_back(key);
  }
  std::string figures;
  for (const std::string &key : order) {
    const Alike &alike = groups[key];
    const std::string others = alike.count > 1 ? absl::StrCat(" and ", alike.count - 1, " more") : "";
    figures += element("figure", "", drawingSvg(drawVariable(plan, *alike.first)) +
                                         absl::StrCat("<figcaption><code>", escaped(alike.first->name()), "</code>",
                                                      others, ": ",
                                                      escaped(absl::StrJoin(alike.first->layout().placement(), " ")),
                                                      "</figcaption>\n"));
  }
  return element("div", "drawings", figures);
}

}  // namespace

std::string dtypeName(plan::DType dtype) { return absl::AsciiStrToLower(plan::DType_Name(dtype)); }

Drawing drawVariable(const plan::Plan &plan, const plan::Variable &variable) {
  Drawing drawing{variable.name(), dtypeName(variable.type().dtype()),
                  {variable.type().dims().begin(), variable.type().dims().end()}, {},
                  {variable.layout().placement().begin(), variable.layout().placement().end()}, {}};
  for (const plan::MeshAxis &axis : plan.mesh()) drawing.mesh.emplace_back(axis.name(), axis.size());
  for (const plan::Box &box : variable.layout().boxes())
    drawing.boxes.push_back({{box.start().begin(), box.start().end()}, {box.extent().begin(), box.extent().end()}});
  return drawing;
}

std::string planSummary(const plan::Plan &plan) {
  std::vector<std::string> mesh;
  int64_t devices = 1, parameters = 0, peak = 0;
  for (const plan::MeshAxis &axis : plan.mesh()) {
    mesh.push_back(absl::StrCat(axis.name(), " ", axis.size()));
    devices *= axis.size();
  }
  for (const plan::Variable &variable : plan.variables()) {
    int64_t elements = variable.role() == plan::Variable::PARAMETER ? 1 : 0;
    for (const int64_t size : variable.type().dims()) elements *= size;
    parameters += elements;
  }
  for (const plan::RankClass &rankClass : plan.classes()) peak = std::max(peak, rankClass.arena_bytes());
  const Explanation &explanation = plan.explanation();
  std::string tiles = tile(absl::StrCat(devices), absl::StrCat("devices: ", absl::StrJoin(mesh, ", ")));
  tiles += tile(figure(static_cast<double>(parameters)), "parameters");
  tiles += tile(sizeText(peak), "memory of a device, at most");
  if (explanation.has_estimate())
    tiles += tile(absl::StrCat(figure(explanation.estimate().step() * 1e3), " ms"),
                  absl::StrCat("a step, predicted for ", explanation.estimate().cluster()));
  std::vector<const Explanation::Collective *> collectives;
  for (const Explanation::Collective &each : explanation.collectives()) collectives.push_back(&each);
  const std::string moves = collectives.empty() ? "<p>Nothing moves between devices.</p>\n" : movesTable(collectives);
  return absl::StrCat("<h1>", escaped(plan.provenance().model_name()), "</h1>\n<p>Plan <code>",
                      absl::BytesToHexString(plan.hash()).substr(0, 12), "</code>, batch ", plan.training().batch(),
                      ", ", escaped(plan.training().optimizer()), "</p>\n", element("div", "tiles", tiles),
                      "\n<h2>What moves between devices in a step</h2>\n", moves);
}

std::string planBlocks(const plan::Plan &plan) {
  std::string text = absl::StrCat(
      "<h2>How parameters lie on the mesh</h2>\n", parameterDrawings(plan), "\n<h2>Blocks of the forward pass</h2>\n<p>",
      placementChip("S(d)", ""), " split along dimension d; ", placementChip("B", ""), " whole on each device; ",
      placementChip("P(sum)", ""), " parts that are to be summed. Reasons show under the pointer.</p>\n");
  BlockWriter writer(plan);
  for (const Block &block : blocksOf(plan.explanation())) text += writer.write(block) + "\n";
  return text;
}

}  // namespace cleave::pages
