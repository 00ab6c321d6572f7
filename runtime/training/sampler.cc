#include "runtime/training/sampler.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "kernels/api/random.h"
#include "runtime/data/derived_inputs.h"

namespace cleave {
namespace {

using program::DataInput;
using program::Entry;
using program::Port;

// Stands in the place of an op's id.
constexpr uint32_t kChoiceId = 0x5A3913E5;

// The logits entry, and what it says about the model.
struct Model {
  const Entry *entry = nullptr;
  const Port *logits = nullptr;
  int64_t sequence = 0;
  int64_t vocabulary = 0;
};

absl::StatusOr<Model> findModel(const LoadedPlan &plan) {
  Model model;
  model.entry = plan.findEntry("logits");
  if (!plan.family.causal || model.entry == nullptr)
    return absl::FailedPreconditionError(
        absl::StrCat("requires the plan of a causal model, got one of \"", plan.family.modelType, "\""));
  for (const Port &port : model.entry->outputs)
    if (port.name == "logits") model.logits = &port;
  for (const Port &port : model.entry->inputs)
    if (port.name == "input_ids") model.sequence = port.type.elements();
  if (model.logits == nullptr || model.logits->type.dtype != DType::kF32 || model.logits->type.dims.empty() ||
      model.sequence < 1)
    return absl::InvalidArgumentError(
        "plan: requires an entry \"logits\" from input_ids to logits of f32, got another");
  model.vocabulary = model.logits->type.dims.back();
  if (model.logits->type.elements() != model.sequence * model.vocabulary)
    return absl::InvalidArgumentError(absl::StrCat("plan: requires logits of one example of ", model.sequence,
                                                   " tokens, got ", model.logits->type.str()));
  return model;
}

const DataInput *findInput(const program::ModelFamily &family, const std::string &name) {
  for (const DataInput &input : family.inputs)
    if (input.name == name) return &input;
  return nullptr;
}

// The entry's inputs for the tokens of a window; what stands behind them is never looked at, since the model is causal.
absl::StatusOr<std::map<std::string, HostTensor>> inputsOf(const Model &model, const LoadedPlan &plan,
                                                           absl::Span<const Token> window) {
  std::map<std::string, HostTensor> tensors;
  for (const Port &port : model.entry->inputs) {
    HostTensor &tensor = tensors[port.name] = HostTensor(port.type.dtype, port.type.dims);
    if (port.name == "rng") continue;
    const DataInput *input = findInput(plan.family, port.name);
    std::vector<int64_t> row(size_t(tensor.elements()), input == nullptr ? 0 : standInOf(*input).value_or(0));
    const bool isOfTokens = port.name == "input_ids" || (input != nullptr && input->source == "input_ids");
    if (isOfTokens)
      std::copy(window.begin(), window.begin() + int64_t(std::min(row.size(), window.size())), row.begin());
    if (isOfTokens && input != nullptr) deriveRow(*input, plan.family, absl::MakeSpan(row));
    if (port.type.dtype == DType::kI32) {
      std::transform(row.begin(), row.end(), tensor.as<int32_t>(), [](int64_t value) { return int32_t(value); });
    } else if (port.type.dtype == DType::kI64) {
      std::copy(row.begin(), row.end(), tensor.as<int64_t>());
    } else if (port.type.dtype == DType::kBool) {
      std::transform(row.begin(), row.end(), tensor.as<uint8_t>(), [](int64_t value) { return uint8_t(value != 0); });
    } else {
      return absl::InvalidArgumentError(
          absl::StrCat("plan's input \"", port.name, "\": requires integers, got ", port.type.str()));
    }
  }
  return tensors;
}

}  // namespace

int64_t chooseToken(absl::Span<const float> logits, double temperature, int64_t topK, uint64_t bits) {
  std::vector<int64_t> order;
  for (size_t i = 0; i < logits.size(); ++i)
    if (std::isfinite(logits[i])) order.push_back(int64_t(i));
  if (order.empty()) return -1;
  auto isLarger = [&](int64_t a, int64_t b) {
    const float x = logits[size_t(a)], y = logits[size_t(b)];
    return x != y ? x > y : a < b;
  };
  if (temperature <= 0) return *std::min_element(order.begin(), order.end(), isLarger);
  if (topK > 0 && topK < int64_t(order.size())) {
    std::nth_element(order.begin(), order.begin() + (topK - 1), order.end(), isLarger);
    order.resize(size_t(topK));
  }
  std::sort(order.begin(), order.end(), isLarger);
  const double largest = logits[size_t(order[0])];
  std::vector<double> sums;  // of the weights up to each token
  double sum = 0;
  for (int64_t token : order) sums.push_back(sum += std::exp((double(logits[size_t(token)]) - largest) / temperature));
  const double point = double(bits >> 11) * (1.0 / 9007199254740992.0) * sum;  // uniform in [0, sum)
  const size_t chosen = size_t(std::upper_bound(sums.begin(), sums.end(), point) - sums.begin());
  return order[std::min(chosen, order.size() - 1)];
}

absl::Status sampleText(Session &session, const Vocabulary &vocabulary, const SampleOptions &options,
                        absl::FunctionRef<absl::Status(absl::string_view)> write) {
  const LoadedPlan &plan = session.plan();
  auto model = findModel(plan);
  if (!model.ok()) return model.status();
  if (vocabulary.size() > model->vocabulary)
    return absl::InvalidArgumentError(absl::StrCat("requires a vocabulary of at most the model's ", model->vocabulary,
                                                   " tokens, got ", vocabulary.size()));
  std::vector<Token> tokens;
  Encoder(vocabulary).encode(options.prompt, tokens);
  if (tokens.empty() || int64_t(tokens.size()) > model->sequence)
    return absl::InvalidArgumentError(absl::StrCat("requires a prompt of 1 to ", model->sequence,
                                                   " tokens (the plan's sequence), got ", tokens.size()));

  const RandomKey key{uint32_t(options.seed), uint32_t(options.seed >> 32), 0, 0};
  for (int64_t i = 0; i < options.tokens; ++i) {
    const size_t length = std::min(tokens.size(), size_t(model->sequence));
    auto tensors = inputsOf(*model, plan, absl::MakeConstSpan(tokens).last(length));
    if (!tensors.ok()) return tensors.status();
    Inputs inputs;
    for (auto &[name, tensor] : *tensors) inputs[name] = tensor.view();
    auto outputs = session.run("logits", inputs);
    if (!outputs.ok()) return outputs.status();
    const float *logits = outputs->at("logits").as<float>() + (int64_t(length) - 1) * model->vocabulary;
    const auto words = randomBlock(key, kChoiceId, uint64_t(i));
    // Tokens that the vocabulary lacks can't be written: the model may have more, to fill up a round number.
    const int64_t chosen = chooseToken(absl::MakeConstSpan(logits, size_t(vocabulary.size())), options.temperature,
                                       options.topK, uint64_t(words[1]) << 32 | words[0]);
    if (chosen < 0)
      return absl::FailedPreconditionError("requires finite logits, got none: the weights are not usable");
    tokens.push_back(Token(chosen));
    if (auto status = write(vocabulary.bytesOf(Token(chosen))); !status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace cleave
