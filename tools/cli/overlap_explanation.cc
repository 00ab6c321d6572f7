#include "tools/cli/overlap_explanation.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "nlohmann/json.hpp"
#include "tools/cli/step_estimate.h"
#include "tools/cli/text_table.h"

namespace cleave::cli {
namespace {

using Json = nlohmann::ordered_json;
using plan::Explanation;

constexpr size_t kColumns = 160;
constexpr double kLeastShare = 0.01;  // of a row's exposed time, of a cause that is shown

absl::Status checkTold(const plan::Plan &plan) {
  const Explanation &explanation = plan.explanation();
  const bool isTold = explanation.has_estimate() &&
                      std::none_of(explanation.collectives().begin(), explanation.collectives().end(),
                                   [](const auto &collective) { return collective.name().empty(); });
  if (isTold) return absl::OkStatus();
  const bool hasStep = std::any_of(plan.entries().begin(), plan.entries().end(),
                                   [](const auto &entry) { return entry.name() == "step"; });
  return absl::FailedPreconditionError(absl::StrCat(
      "--overlap requires a plan that holds a predicted step, got ",
      hasStep ? "one of an older compiler: compile it again" : "one without an entry that is called 'step'"));
}

// What things of one name but for numbers take together.
using Sums = std::map<std::string, double>;

std::string longestOf(const Sums &sums) {
  const auto longest =
      std::max_element(sums.begin(), sums.end(), [](const auto &a, const auto &b) { return a.second < b.second; });
  return longest == sums.end() ? "" : longest->first;
}

// Collectives that stand alike in every layer.
struct Group {
  const Explanation::Collective *first = nullptr;
  int64_t count = 0;
  double seconds = 0, hidden = 0, exposed = 0;
  Sums hiders, causes;
  std::map<std::string, Sums> ops;  // by cause
};

std::vector<Group> groupsOf(const Explanation &explanation) {
  std::vector<Group> groups;
  std::map<std::tuple<std::string, std::string, std::string, std::string, std::string, int64_t>, size_t> groupOf;
  for (const Explanation::Collective &held : explanation.collectives()) {
    const auto key = std::make_tuple(held.kind(), held.phase(), held.layer_class(), patternOf(held.op()),
                                     absl::StrJoin(held.axes(), ","), held.bytes());
    const auto [known, isNew] = groupOf.emplace(key, groups.size());
    if (isNew) groups.emplace_back().first = &held;
    Group &group = groups[known->second];
    ++group.count;
    group.seconds += held.seconds();
    group.exposed += held.exposed();
    for (const Explanation::Hider &hider : held.hidden_by()) {
      group.hidden += hider.seconds();
      group.hiders[absl::StrCat(hider.kernel(), " ", patternOf(hider.op()))] += hider.seconds();
    }
    for (const Explanation::Exposure &cause : held.causes()) {
      group.causes[cause.cause()] += cause.seconds();
      if (!cause.op().empty()) group.ops[cause.cause()][patternOf(cause.op())] += cause.seconds();
    }
  }
  return groups;
}

std::string hidersText(const Sums &hiders) {
  if (hiders.empty()) return "-";
  const std::string others = hiders.size() > 1 ? absl::StrCat(" and ", hiders.size() - 1, " more") : "";
  return absl::StrCat(longestOf(hiders), others);
}

// "order (mul h.*.mlp) 1.204 ms, no independent work 0.310 ms"
std::string causesText(const Group &group) {
  std::vector<std::pair<double, std::string>> causes;
  for (const auto &[cause, seconds] : group.causes)
    if (seconds > kLeastShare * group.exposed) causes.push_back({seconds, cause});
  std::sort(causes.rbegin(), causes.rend());
  std::vector<std::string> texts;
  for (const auto &[seconds, cause] : causes) {
    const auto ops = group.ops.find(cause);
    const std::string op = ops == group.ops.end() ? "" : absl::StrCat(" (", longestOf(ops->second), ")");
    texts.push_back(absl::StrCat(cause, op, causes.size() > 1 ? absl::StrCat(" ", millisecondsText(seconds)) : ""));
  }
  return texts.empty() ? "-" : absl::StrJoin(texts, ", ");
}

std::string headText(const Explanation::Estimate &estimate) {
  return absl::StrCat("Communication of a step, predicted for cluster ", estimate.cluster(), ": ",
                      millisecondsText(estimate.step()), " ms, of which links or copies are busy for ",
                      millisecondsText(estimate.communication()), " and computing stands still for them for ",
                      millisecondsText(estimate.exposed()), "\n", boundText(estimate));
}

constexpr char kLegend[] =
    "ms: of all in a row. hidden: what computing covers; by: what covers most. exposed: computing stands still for "
    "it.\n"
    "why: no independent work: all that is left needs it. order: something else (named) could be computed but has a\n"
    "later turn, or another transfer (named) keeps the link busy. memory cap: the same, but there is no room for it.\n";
constexpr char kCoresLegend[] =
    "own cores: devices share memory and copy themselves, which nothing hides; compile's --link or --cluster describe\n"
    "other machines.\n";

Json jsonOf(const Explanation::Collective &held) {
  Json to = {{"kind", held.kind()}, {"name", held.name()}, {"op", held.op()}, {"axes", Json::array()}};
  for (const std::string &axis : held.axes()) to["axes"].push_back(axis);
  to["bytes"] = held.bytes();
  to["phase"] = held.phase();
  to["layer"] = nullptr;
  if (!held.layer_class().empty()) to["layer"] = Json::array({held.layer_class(), held.layer_instance()});
  to["ms"] = held.seconds() * 1e3;
  to["begin_ms"] = held.begin() * 1e3;
  to["end_ms"] = held.end() * 1e3;
  double hidden = 0;
  Json hiders = Json::array(), causes = Json::array();
  for (const Explanation::Hider &hider : held.hidden_by()) {
    hidden += hider.seconds();
    hiders.push_back({{"op", hider.op()}, {"kernel", hider.kernel()}, {"ms", hider.seconds() * 1e3}});
  }
  for (const Explanation::Exposure &cause : held.causes())
    causes.push_back(
        {{"cause", cause.cause()}, {"ms", cause.seconds() * 1e3}, {"op", cause.op()}, {"waiter", cause.waiter()}});
  to["hidden_ms"] = hidden * 1e3;
  to["hidden_by"] = std::move(hiders);
  to["exposed_ms"] = held.exposed() * 1e3;
  to["causes"] = std::move(causes);
  return to;
}

}  // namespace

absl::StatusOr<std::string> overlapTables(const plan::Plan &plan) {
  if (absl::Status status = checkTold(plan); !status.ok()) return status;
  const Explanation &explanation = plan.explanation();
  if (explanation.collectives().empty()) return std::string("Nothing moves between devices.\n");
  std::vector<std::vector<std::string>> rows = {
      {"collective", "of", "phase", "axes", "bytes", "ms", "hidden", "by", "exposed", "why"}};
  Group all;
  for (const Group &group : groupsOf(explanation)) {
    const Explanation::Collective &first = *group.first;
    rows.push_back({group.count > 1 ? absl::StrCat(group.count, " x ", first.kind()) : first.kind(),
                    group.count > 1 ? patternOf(first.op()) : first.op(), first.phase(),
                    absl::StrJoin(first.axes(), ","), sizeText(first.bytes()), millisecondsText(group.seconds),
                    millisecondsText(group.hidden), hidersText(group.hiders), millisecondsText(group.exposed),
                    causesText(group)});
    all.count += group.count;
    all.seconds += group.seconds;
    all.hidden += group.hidden;
    all.exposed += group.exposed;
    for (const auto &[cause, seconds] : group.causes) all.causes[cause] += seconds;
  }
  rows.push_back({absl::StrCat(all.count, " in all"), "", "", "", "", millisecondsText(all.seconds),
                  millisecondsText(all.hidden), "", millisecondsText(all.exposed), causesText(all)});
  return absl::StrCat(headText(explanation.estimate()), textTable(rows, kColumns), kLegend,
                      all.causes.count("own cores") ? kCoresLegend : "");
}

absl::StatusOr<std::string> overlapJson(const plan::Plan &plan) {
  if (absl::Status status = checkTold(plan); !status.ok()) return status;
  const Explanation::Estimate &estimate = plan.explanation().estimate();
  Json root = {{"cluster", estimate.cluster()},
               {"step_ms", estimate.step() * 1e3},
               {"communication_ms", estimate.communication() * 1e3},
               {"exposed_ms", estimate.exposed() * 1e3},
               {"bound_ms", boundJson(estimate)},
               {"collectives", Json::array()}};
  for (const Explanation::Collective &held : plan.explanation().collectives())
    root["collectives"].push_back(jsonOf(held));
  return root.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace cleave::cli
