#include "frontend/models/rope.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <optional>

namespace cleave {
namespace {

constexpr double kPi = 3.14159265358979323846;

}  // namespace

Rope::Rope(ConfigReader &reader, int64_t headSize, int64_t positions)
    : headSize_(headSize), positions_(positions), original_(double(positions)) {
  theta_ = reader.positive("rope_theta", 10000);
  const std::optional<int64_t> original = reader.optionalInteger("original_max_position_embeddings", 1, INT32_MAX);
  reader.requireValue("partial_rotary_factor", 1);
  const std::optional<Config> scaling = reader.object("rope_scaling");
  const std::optional<Config> parameters = reader.object("rope_parameters");
  const std::optional<Config> &chosen = scaling ? scaling : parameters;
  if (!chosen) return;
  ConfigReader inner(*chosen);
  theta_ = inner.positive("rope_theta", theta_);
  inner.requireValue("partial_rotary_factor", 1);
  original_ = double(inner.integer("original_max_position_embeddings", positions, 1, INT32_MAX));
  if (original) original_ = double(*original);
  type_ = inner.text("type", "default");
  type_ = inner.text("rope_type", type_.c_str());
  readForm(inner);
  reader.absorb(inner);
}

double Rope::mscale(double factor, double strength) const {
  return factor <= 1 ? 1 : 0.1 * strength * std::log(factor) + 1;
}

void Rope::readForm(ConfigReader &reader) {
  auto need = [&](const char *name) { reader.require(reader.has(name), name, "a value for the rope type " + type_); };
  reader.ignore({"factor", "attention_factor", "low_freq_factor", "high_freq_factor", "beta_fast", "beta_slow",
                 "mscale", "mscale_all_dim", "truncate", "short_factor", "long_factor"});
  if (type_ == "default") return;
  constexpr const char *kTypes[] = {"linear", "dynamic", "llama3", "yarn", "longrope"};
  if (std::find(std::begin(kTypes), std::end(kTypes), type_) == std::end(kTypes))
    return reader.require(false, reader.has("rope_type") ? "rope_type" : "type",
                          "one of default, linear, dynamic, llama3, yarn, longrope");
  if (type_ != "longrope") need("factor");
  factor_ = reader.positive("factor", type_ == "longrope" ? double(positions_) / original_ : 1);
  if (type_ == "linear") return;
  if (type_ == "dynamic")
    return reader.require(headSize_ > 2, "rope_type", "heads of more than 2 features where it is dynamic");
  if (type_ == "llama3") {
    need("low_freq_factor");
    need("high_freq_factor");
    lowFactor_ = reader.positive("low_freq_factor", 1);
    highFactor_ = reader.positive("high_freq_factor", 4);
    reader.require(highFactor_ > lowFactor_, "high_freq_factor", "more than low_freq_factor");
    return;
  }
  if (type_ == "yarn") {
    const double strength = reader.number("mscale", 0, 0, 1e6),
                 strengthOfAll = reader.number("mscale_all_dim", 0, 0, 1e6);
    attentionFactor_ = strength != 0 && strengthOfAll != 0 ? mscale(factor_, strength) / mscale(factor_, strengthOfAll)
                                                           : mscale(factor_, 1);
    betaFast_ = reader.positive("beta_fast", 32);
    betaSlow_ = reader.positive("beta_slow", 1);
    isTruncated_ = reader.flag("truncate", true);
    reader.require(theta_ != 1, "rope_theta", "another value than 1 for the rope type yarn");
  } else {
    need("short_factor");
    need("long_factor");
    shortFactors_ = reader.positives("short_factor", size_t(headSize_ / 2));
    longFactors_ = reader.positives("long_factor", size_t(headSize_ / 2));
    attentionFactor_ = factor_ <= 1 ? 1 : std::sqrt(1 + std::log(factor_) / std::log(original_));
    reader.require(original_ > 1, "original_max_position_embeddings", "more than 1 for the rope type longrope");
  }
  attentionFactor_ = reader.positive("attention_factor", attentionFactor_);
}

// Slow rotations are stretched, fast ones stay, and those between are mixed. Dubey et al., "The Llama 3 Herd of
// Models", 2024.
void Rope::stretchByPart(std::vector<double> &frequencies) const {
  const double slow = original_ / lowFactor_, fast = original_ / highFactor_;  // tokens a turn
  for (double &frequency : frequencies) {
    const double wavelength = 2 * kPi / frequency;
    if (wavelength < fast) continue;
    const double kept = wavelength > slow ? 0 : (original_ / wavelength - lowFactor_) / (highFactor_ - lowFactor_);
    frequency = (1 - kept) * frequency / factor_ + kept * frequency;
  }
}

// Peng et al., "YaRN: Efficient Context Window Extension of Large Language Models", 2023.
void Rope::ramp(std::vector<double> &frequencies) const {
  const double size = double(headSize_);
  // The feature pair that turns so often over the original length.
  auto pairOf = [&](double turns) { return size * std::log(original_ / (2 * kPi * turns)) / (2 * std::log(theta_)); };
  double low = pairOf(betaFast_), high = pairOf(betaSlow_);
  if (isTruncated_) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, size - 1);
  if (low == high) high += 0.001;
  for (size_t i = 0; i < frequencies.size(); ++i) {
    const double stretched = std::clamp((double(i) - low) / (high - low), 0.0, 1.0);
    frequencies[i] = frequencies[i] / factor_ * stretched + frequencies[i] * (1 - stretched);
  }
}

RotarySpec Rope::at(int64_t sequence) const {
  const double size = double(headSize_);
  double theta = theta_;
  if (type_ == "dynamic" && sequence > positions_) {
    const double longer = factor_ * double(sequence) / double(positions_) - (factor_ - 1);
    theta = theta_ * std::pow(longer, size / (size - 2));
  }
  RotarySpec spec;
  spec.factor = attentionFactor_;
  for (int64_t i = 0; i < headSize_ / 2; ++i) spec.frequencies.push_back(std::pow(theta, -2 * double(i) / size));
  if (type_ == "linear")
    for (double &frequency : spec.frequencies) frequency /= factor_;
  if (type_ == "llama3") stretchByPart(spec.frequencies);
  if (type_ == "yarn") ramp(spec.frequencies);
  const std::vector<double> &divisors = double(sequence) > original_ ? longFactors_ : shortFactors_;
  if (type_ == "longrope")
    for (size_t i = 0; i < spec.frequencies.size(); ++i) spec.frequencies[i] /= divisors[i];
  // The numbers are defined in single precision.
  for (double &frequency : spec.frequencies) frequency = double(float(frequency));
  return spec;
}

}  // namespace cleave
