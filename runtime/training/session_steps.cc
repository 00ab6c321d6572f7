#include "runtime/training/session_steps.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "runtime/training/learning_rate.h"
#include "runtime/weights/tensor_source.h"
#include "runtime/weights/weight_map.h"

namespace cleave {
namespace {

using Time = std::chrono::steady_clock;

// The words that random numbers of a step are keyed by: seed low, seed high, step low, step high.
HostTensor keyOf(uint64_t seed, int64_t step) {
  HostTensor key(DType::kI32, {4});
  const uint32_t words[] = {uint32_t(seed), uint32_t(seed >> 32), uint32_t(step), uint32_t(uint64_t(step) >> 32)};
  for (size_t i = 0; i < 4; ++i) key.as<int32_t>()[i] = int32_t(words[i]);
  return key;
}

absl::StatusOr<double> scalarOf(const Outputs &outputs, const std::string &name) {
  auto found = outputs.find(name);
  if (found == outputs.end() || found->second.dtype() != DType::kF32 || found->second.elements() != 1)
    return absl::InvalidArgumentError(absl::StrCat("plan: requires a scalar output \"", name, "\" of f32, got none"));
  return double(found->second.as<float>()[0]);
}

constexpr char kMetric[] = "metrics.", kCount[] = ".count";

// Outputs that are metrics, by their names, without counts.
std::map<std::string, double> metricsOf(const Outputs &outputs) {
  std::map<std::string, double> metrics;
  for (const auto &[output, unused] : outputs) {
    absl::string_view name = output;
    if (!absl::ConsumePrefix(&name, kMetric) || absl::EndsWith(name, kCount)) continue;
    if (const auto value = scalarOf(outputs, output); value.ok()) metrics[std::string(name)] = *value;
  }
  return metrics;
}

void addTimes(const Session &session, StepMetrics &metrics) {
  for (const DeviceRun &run : session.lastRun()) {
    const DeviceTimes times = timesOf(run, explainIdle(run));
    metrics.commMs = std::max(metrics.commMs, double(times.communication) * 1e-6);
    metrics.exposedMs = std::max(metrics.exposedMs, double(times.exposed) * 1e-6);
    metrics.lateMs = std::max(metrics.lateMs, double(times.late) * 1e-6);
  }
  for (int64_t nanos : session.lateNanos()) {
    metrics.lateMsByRank.push_back(double(nanos) * 1e-6);
    metrics.lateMs = std::max(metrics.lateMs, metrics.lateMsByRank.back());
  }
}

}  // namespace

absl::Status drawParameters(Session &session, uint64_t seed) {
  HostTensor key = keyOf(seed, 0);
  return session.run("initialize", {{"rng", key.view()}}).status();
}

absl::StatusOr<WeightPart> loadParameters(Session &session, const std::string &path, uint64_t seed) {
  auto source = TensorSource::open(path);
  if (!source.ok()) return source.status();
  WeightPart part = WeightPart::kAll;
  if (hasAdapter(session.plan()) && !hasAdapter(*source)) {
    if (auto status = drawParameters(session, seed); !status.ok()) return status;
    part = WeightPart::kModel;
  }
  const auto take = [&](absl::string_view name, const Box &box, const TensorView &view) {
    return session.writePart(name, box, view);
  };
  if (auto status = loadWeights(*source, session.plan(), take, part); !status.ok()) return status;
  return part;
}

absl::StatusOr<StepMetrics> takeStep(Session &session, uint64_t seed, int64_t step, Inputs data) {
  const program::Training &training = session.plan().training;
  StepMetrics metrics;
  metrics.step = step;
  metrics.learningRate = learningRateAt(training, step);
  HostTensor rate(DType::kF32, {}), key = keyOf(seed, step);
  *rate.as<float>() = float(metrics.learningRate);
  data["lr"] = rate.view();
  data["rng"] = key.view();

  const auto start = Time::now();
  auto outputs = session.run("step", data);
  if (!outputs.ok())
    return absl::Status(outputs.status().code(), absl::StrCat("step ", step, ": ", outputs.status().message()));
  metrics.stepMs = std::chrono::duration<double, std::milli>(Time::now() - start).count();
  addTimes(session, metrics);

  auto loss = scalarOf(*outputs, "loss"), tokens = scalarOf(*outputs, "tokens"), norm = scalarOf(*outputs, "grad_norm");
  for (const auto *value : {&loss, &tokens, &norm})
    if (!value->ok()) return value->status();
  metrics.loss = *loss;
  metrics.gradNorm = *norm;
  metrics.named = metricsOf(*outputs);
  const double seconds = std::max(metrics.stepMs, 1e-6) * 1e-3;
  metrics.tokensPerSecond = *tokens / seconds;
  metrics.teraflops = training.flopsPerStep / seconds * 1e-12;
  metrics.peakBytes = session.peakBytes();
  return metrics;
}

absl::Status Evaluation::add(Session &session, const Inputs &data) {
  auto outputs = session.run("evaluate", data);
  if (!outputs.ok()) return outputs.status();
  auto sum = scalarOf(*outputs, "loss_sum"), tokens = scalarOf(*outputs, "tokens");
  if (!sum.ok()) return sum.status();
  if (!tokens.ok()) return tokens.status();
  loss_.sum += *sum;
  loss_.count += *tokens;
  for (const auto &[name, value] : metricsOf(*outputs)) {
    const auto count = scalarOf(*outputs, absl::StrCat(kMetric, name, kCount));
    named_[name].sum += value;
    named_[name].count += count.ok() ? *count : 1;
  }
  return absl::OkStatus();
}

std::map<std::string, double> Evaluation::named() const {
  std::map<std::string, double> means;
  for (const auto &[name, sum] : named_) means[name] = sum.mean();
  return means;
}

}  // namespace cleave
