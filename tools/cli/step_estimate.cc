#include "tools/cli/step_estimate.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tools/cli/text_table.h"

namespace cleave::cli {
namespace {

using plan::Explanation;

std::string errorText(double predicted, double measured) {
  return measured > 0 ? absl::StrFormat("%+.0f %%", (predicted / measured - 1) * 100) : "-";
}

double measuredOf(const MeasuredStep &measured, const std::string &kernel) {
  const auto found = measured.byKernel.find(kernel);
  return found == measured.byKernel.end() ? 0 : found->second;
}

std::string headText(const Explanation::Estimate &estimate) {
  return absl::StrCat(
      "\nTime of a step, predicted for cluster ", estimate.cluster(), ": ", millisecondsText(estimate.step()),
      " ms; compute ", millisecondsText(estimate.compute()), ", communication ",
      millisecondsText(estimate.communication()), " (", millisecondsText(estimate.exposed()),
      " exposed), waiting for peers ", millisecondsText(estimate.late()), "\n", boundText(estimate));
}

}  // namespace

std::string boundText(const Explanation::Estimate &estimate) {
  if (estimate.bound() <= 0) return "";
  return absl::StrCat("No order of these ops and transfers takes less than ", millisecondsText(estimate.bound()),
                      " ms, by what they depend on.\n");
}

nlohmann::ordered_json boundJson(const Explanation::Estimate &estimate) {
  return estimate.bound() > 0 ? nlohmann::ordered_json(estimate.bound() * 1e3) : nlohmann::ordered_json(nullptr);
}

std::string estimateText(const plan::Plan &plan, const MeasuredStep *measured) {
  if (!plan.explanation().has_estimate()) return "";
  const Explanation::Estimate &estimate = plan.explanation().estimate();
  std::vector<std::vector<std::string>> rows = {{"kernel", "a step", "flops", "bytes", "predicted ms"}};
  if (measured) rows[0].insert(rows[0].end(), {"measured ms", "error"});
  for (const Explanation::Estimate::OpClass &held : estimate.classes()) {
    std::vector<std::string> row = {held.kernel(), absl::StrCat(held.count()),
                                    held.moves() ? "-" : absl::StrFormat("%.3g", held.flops()),
                                    absl::StrFormat("%.3g", held.bytes()), millisecondsText(held.seconds())};
    if (measured) {
      const double seconds = measuredOf(*measured, held.kernel());
      row.insert(row.end(), {millisecondsText(seconds), errorText(held.seconds(), seconds)});
    }
    rows.push_back(std::move(row));
  }
  std::vector<std::string> sum = {"step", "", "", "", millisecondsText(estimate.step())};
  if (measured)
    sum.insert(sum.end(), {millisecondsText(measured->seconds), errorText(estimate.step(), measured->seconds)});
  rows.push_back(std::move(sum));
  return absl::StrCat(
      headText(estimate), textTable(rows),
      "Kernels: of a device, on average, without waiting; bytes of collectives are those that it sends.\n",
      measured ? absl::StrCat("Measured: medians of ", measured->steps,
                              " steps; of a collective what links carried, else its task, with what it waited for.\n")
               : "");
}

nlohmann::ordered_json estimateJson(const plan::Plan &plan, const MeasuredStep *measured) {
  const Explanation::Estimate &estimate = plan.explanation().estimate();
  nlohmann::ordered_json root = {{"cluster", estimate.cluster()},
                                 {"step_ms", estimate.step() * 1e3},
                                 {"compute_ms", estimate.compute() * 1e3},
                                 {"communication_ms", estimate.communication() * 1e3},
                                 {"exposed_ms", estimate.exposed() * 1e3},
                                 {"late_ms", estimate.late() * 1e3},
                                 {"bound_ms", boundJson(estimate)}};
  if (measured) root["measured_step_ms"] = measured->seconds * 1e3;
  root["ops"] = nlohmann::ordered_json::array();
  for (const Explanation::Estimate::OpClass &held : estimate.classes()) {
    root["ops"].push_back({{"kernel", held.kernel()},
                           {"count", held.count()},
                           {"flops", held.flops()},
                           {"bytes", held.bytes()},
                           {"ms", held.seconds() * 1e3}});
    if (measured) root["ops"].back()["measured_ms"] = measuredOf(*measured, held.kernel()) * 1e3;
  }
  return root;
}

}  // namespace cleave::cli
