#include "tools/pages/run_history.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/files/strict_json.h"

namespace cleave::pages {
namespace {

void dropEverySecond(std::vector<RunPoint> *points) {
  size_t kept = 0;
  for (size_t i = 0; i < points->size(); i += 2) (*points)[kept++] = (*points)[i];
  points->resize(kept);
}

// A number of a metrics file: those that are not finite are texts there.
absl::StatusOr<double> numberOf(const nlohmann::json &line, const char *name) {
  const auto found = line.find(name);
  if (found != line.end() && found->is_number()) return found->get<double>();
  if (found != line.end() && *found == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (found != line.end() && *found == "Infinity") return std::numeric_limits<double>::infinity();
  if (found != line.end() && *found == "-Infinity") return -std::numeric_limits<double>::infinity();
  return absl::InvalidArgumentError(
      absl::StrCat("requires a number as \"", name, "\", got ", found == line.end() ? "none" : found->dump()));
}

absl::StatusOr<StepMetrics> metricsOf(absl::string_view text) {
  const absl::StatusOr<nlohmann::json> line = parseStrictJson(text, 3);
  if (!line.ok()) return line.status();
  if (!line->is_object() || !line->contains("step") || !(*line)["step"].is_number_integer())
    return absl::InvalidArgumentError("requires an object with an integer \"step\", as train --metrics writes them");
  StepMetrics metrics;
  metrics.step = (*line)["step"].get<int64_t>();
  const std::pair<const char *, double *> numbers[] = {{"loss", &metrics.loss},
                                                       {"step_ms", &metrics.stepMs},
                                                       {"exposed_ms", &metrics.exposedMs},
                                                       {"late_ms", &metrics.lateMs},
                                                       {"data_ms", &metrics.dataMs},
                                                       {"tokens_per_s", &metrics.tokensPerSecond}};
  for (const auto &[name, to] : numbers) {
    const absl::StatusOr<double> number = numberOf(*line, name);
    if (!number.ok()) return number.status();
    *to = *number;
  }
  if (line->contains("eval_loss")) {
    const absl::StatusOr<double> number = numberOf(*line, "eval_loss");
    if (!number.ok()) return number.status();
    metrics.evalLoss = *number;
  }
  const auto peaks = line->find("peak_bytes");
  if (peaks == line->end() || !peaks->is_array())
    return absl::InvalidArgumentError("requires a list of numbers as \"peak_bytes\"");
  for (const nlohmann::json &bytes : *peaks) {
    if (!bytes.is_number_integer())
      return absl::InvalidArgumentError(absl::StrCat("requires integers in \"peak_bytes\", got ", bytes.dump()));
    metrics.peakBytes.push_back(bytes.get<int64_t>());
  }
  return metrics;
}

}  // namespace

void RunHistory::add(const StepMetrics &metrics) {
  const bool isAgain = seen_ > 0 && metrics.step == newest_.step;
  newest_ = {metrics.step,   metrics.loss,   metrics.stepMs,         metrics.exposedMs,
             metrics.lateMs, metrics.dataMs, metrics.tokensPerSecond};
  if (isAgain && points_.back().step == newest_.step) points_.back() = newest_;
  if (!isAgain && seen_++ % distance_ == 0) points_.push_back(newest_);
  if (points_.size() > kMostPoints) {
    dropEverySecond(&points_);
    distance_ *= 2;
  }
  if (metrics.evalLoss) {
    if (!evaluations_.empty() && evaluations_.back().step == newest_.step) evaluations_.pop_back();
    evaluations_.push_back(newest_);
    evaluations_.back().loss = *metrics.evalLoss;
    if (evaluations_.size() > kMostPoints) dropEverySecond(&evaluations_);
  }
  peakBytes_.resize(std::max(peakBytes_.size(), metrics.peakBytes.size()));
  for (size_t device = 0; device < metrics.peakBytes.size(); ++device)
    peakBytes_[device] = std::max(peakBytes_[device], metrics.peakBytes[device]);
}

std::vector<RunPoint> RunHistory::points() const {
  std::vector<RunPoint> points = points_;
  if (!points.empty() && points.back().step != newest_.step) points.push_back(newest_);
  return points;
}

absl::StatusOr<RunHistory> readHistory(absl::string_view text) {
  RunHistory history;
  for (int64_t number = 1; !text.empty(); ++number) {
    const absl::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const absl::StatusOr<StepMetrics> metrics = metricsOf(line);
    if (!metrics.ok())
      return absl::Status(metrics.status().code(), absl::StrCat("line ", number, ": ", metrics.status().message()));
    history.add(*metrics);
  }
  return history;
}

}  // namespace cleave::pages
