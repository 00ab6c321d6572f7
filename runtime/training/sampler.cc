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
  // How many tokens may be there when the next is drawn: of the decoder where there is an encoder.
  int64_t room() const { return hasEncoder ? target : sequence; }

  const Entry *entry = nullptr;
  const Port *logits = nullptr;
  bool hasEncoder = false;
  int64_t sequence = 0, target = 0;  // tokens that input_ids has, and that a decoder writes
  int64_t vocabulary = 0;
};

absl::StatusOr<Model> findModel(const LoadedPlan &plan) {
  Model model;
  model.entry = plan.findEntry("logits");
  for (const Port &port : model.entry ? model.entry->inputs : std::vector<Port>()) {
    if (port.name == "input_ids") model.sequence = port.type.elements();
    if (inputOf(port, plan.family).otherwise == "shift_right") model.target = port.type.elements();
  }
  model.hasEncoder = model.target > 0;
  if (model.entry == nullptr || !(plan.family.causal || model.hasEncoder))
    return absl::FailedPreconditionError(absl::StrCat("requires the plan of a causal model, or of one with a decoder, ",
                                                      "got one of \"", plan.family.modelType, "\""));
  for (const Port &port : model.entry->outputs)
    if (port.name == "logits") model.logits = &port;
  if (model.logits == nullptr || model.logits->type.dtype != DType::kF32 || model.logits->type.dims.empty() ||
      model.sequence < 1)
    return absl::InvalidArgumentError(
        "plan: requires an entry \"logits\" from input_ids to logits of f32, got another");
  model.vocabulary = model.logits->type.dims.back();
  if (model.logits->type.elements() != model.room() * model.vocabulary)
    return absl::InvalidArgumentError(absl::StrCat("plan: requires logits of one example of ", model.room(),
                                                   " tokens, got ", model.logits->type.str()));
  return model;
}

// What a port's source holds: tokens, with something behind them that is never looked at, or what stands in for it.
std::vector<int64_t> sourceRow(const Model &model, const DataInput &input, int64_t elements,
                               absl::Span<const Token> read, absl::Span<const Token> written) {
  std::vector<int64_t> row(size_t(elements), standInOf(input).value_or(0));
  auto put = [&](absl::Span<const Token> tokens) {
    std::copy_n(tokens.begin(), std::min(row.size(), tokens.size()), row.begin());
  };
  if (input.source == "input_ids") put(read);
  if (input.source == "labels") put(written);
  // An encoder sees in both directions.
  if (model.hasEncoder && input.source == "attention_mask")
    for (size_t i = read.size(); i < row.size(); ++i) row[i] = 0;
  return row;
}

// The entry's inputs for the tokens that the model reads, and those that its decoder has written.
absl::StatusOr<std::map<std::string, HostTensor>> inputsOf(const Model &model, const LoadedPlan &plan,
                                                           absl::Span<const Token> read,
                                                           absl::Span<const Token> written) {
  std::map<std::string, HostTensor> tensors;
  for (const Port &port : model.entry->inputs) {
    HostTensor &tensor = tensors[port.name] = HostTensor(port.type.dtype, port.type.dims);
    if (port.name == "rng") continue;
    const DataInput input = inputOf(port, plan.family);
    std::vector<int64_t> row = sourceRow(model, input, tensor.elements(), read, written);
    if (isDerived(input)) deriveRow(input, plan.family, absl::MakeSpan(row));
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

absl::Status checkPrompt(const Model &model, absl::Span<const Token> prompt) {
  if (prompt.empty() || int64_t(prompt.size()) > model.sequence)
    return absl::InvalidArgumentError(absl::StrCat("requires a prompt of 1 to ", model.sequence,
                                                   " tokens (the plan's sequence), got ", prompt.size()));
  for (size_t i = 0; i < prompt.size(); ++i)
    if (prompt[i] < 0 || prompt[i] >= model.vocabulary)
      return absl::InvalidArgumentError(absl::StrCat("prompt: requires tokens from 0 to ", model.vocabulary - 1,
                                                     ", got ", prompt[i], " at position ", i));
  return absl::OkStatus();
}

absl::Status checkOptions(const Model &model, const GenerateOptions &options) {
  const ChoiceOptions &choice = options.choice;
  if (!(choice.temperature >= 0) || !std::isfinite(choice.temperature))
    return absl::InvalidArgumentError(absl::StrCat("requires a temperature of at least 0, got ", choice.temperature));
  if (choice.topK < 0)
    return absl::InvalidArgumentError(absl::StrCat("requires top-k of at least 0, got ", choice.topK));
  if (!(choice.topP > 0 && choice.topP <= 1))
    return absl::InvalidArgumentError(absl::StrCat("requires top-p above 0 and up to 1, got ", choice.topP));
  if (options.vocabulary > model.vocabulary)
    return absl::InvalidArgumentError(absl::StrCat("requires a vocabulary of at most the model's ", model.vocabulary,
                                                   " tokens, got ", options.vocabulary));
  if (options.tokens < 0 || (model.hasEncoder && options.tokens > model.target))
    return absl::InvalidArgumentError(absl::StrCat(
        "requires 0 ", model.hasEncoder ? absl::StrCat("to ", model.target) : "or more", " new tokens, got ",
        options.tokens));
  return absl::OkStatus();
}

// Runs the entry and gives the scores of the token behind all others.
absl::StatusOr<std::vector<float>> nextLogits(Session &session, const Model &model, absl::Span<const Token> read,
                                              absl::Span<const Token> written) {
  auto tensors = inputsOf(model, session.plan(), read, written);
  if (!tensors.ok()) return tensors.status();
  Inputs inputs;
  for (auto &[name, tensor] : *tensors) inputs[name] = tensor.view();
  auto outputs = session.run("logits", inputs);
  if (!outputs.ok()) return outputs.status();
  // A decoder's row 0 stands behind its start token.
  const int64_t row = model.hasEncoder ? int64_t(written.size()) : int64_t(read.size()) - 1;
  const float *logits = outputs->at("logits").as<float>() + row * model.vocabulary;
  return std::vector<float>(logits, logits + model.vocabulary);
}

// How many of the likeliest tokens have a share of at least `topP`; `sums` are those of the weights up to each.
size_t nucleusOf(const std::vector<double> &sums, double topP) {
  if (topP >= 1) return sums.size();
  const size_t last = size_t(std::lower_bound(sums.begin(), sums.end(), topP * sums.back()) - sums.begin());
  return std::min(last + 1, sums.size());
}

}  // namespace

int64_t chooseToken(absl::Span<const float> logits, const ChoiceOptions &choice, uint64_t bits) {
  std::vector<int64_t> order;
  for (size_t i = 0; i < logits.size(); ++i)
    if (std::isfinite(logits[i])) order.push_back(int64_t(i));
  if (order.empty()) return -1;
  auto isLarger = [&](int64_t a, int64_t b) {
    const float x = logits[size_t(a)], y = logits[size_t(b)];
    return x != y ? x > y : a < b;
  };
  if (choice.temperature <= 0) return *std::min_element(order.begin(), order.end(), isLarger);
  if (choice.topK > 0 && choice.topK < int64_t(order.size())) {
    std::nth_element(order.begin(), order.begin() + (choice.topK - 1), order.end(), isLarger);
    order.resize(size_t(choice.topK));
  }
  std::sort(order.begin(), order.end(), isLarger);
  const double largest = logits[size_t(order[0])];
  std::vector<double> sums;  // of the weights up to each token
  double sum = 0;
  for (int64_t token : order)
    sums.push_back(sum += std::exp((double(logits[size_t(token)]) - largest) / choice.temperature));
  sums.resize(nucleusOf(sums, choice.topP));
  const double point = double(bits >> 11) * (1.0 / 9007199254740992.0) * sums.back();  // uniform in [0, sum)
  const size_t chosen = size_t(std::upper_bound(sums.begin(), sums.end(), point) - sums.begin());
  return order[std::min(chosen, sums.size() - 1)];
}

absl::Status generateTokens(Session &session, absl::Span<const Token> prompt, const GenerateOptions &options,
                            absl::FunctionRef<absl::StatusOr<bool>(Token)> take) {
  auto model = findModel(session.plan());
  if (!model.ok()) return model.status();
  if (auto status = checkOptions(*model, options); !status.ok()) return status;
  if (auto status = checkPrompt(*model, prompt); !status.ok()) return status;
  const RandomKey key{uint32_t(options.seed), uint32_t(options.seed >> 32), 0, 0};
  std::vector<Token> tokens(prompt.begin(), prompt.end());
  if (model->hasEncoder) tokens.clear();
  for (int64_t i = 0; i < options.tokens; ++i) {
    auto all = absl::MakeConstSpan(tokens);
    if (!model->hasEncoder) all = all.last(std::min(tokens.size(), size_t(model->sequence)));
    auto logits = model->hasEncoder ? nextLogits(session, *model, prompt, all) : nextLogits(session, *model, all, {});
    if (!logits.ok()) return logits.status();
    if (options.vocabulary > 0) logits->resize(size_t(options.vocabulary));
    const auto words = randomBlock(key, kChoiceId, uint64_t(i));
    const int64_t chosen = chooseToken(*logits, options.choice, uint64_t(words[1]) << 32 | words[0]);
    if (chosen < 0)
      return absl::FailedPreconditionError("requires finite logits, got none: the weights are not usable");
    if (std::count(options.stops.begin(), options.stops.end(), Token(chosen)) != 0) return absl::OkStatus();
    tokens.push_back(Token(chosen));
    auto goesOn = take(Token(chosen));
    if (!goesOn.ok() || !*goesOn) return goesOn.status();
  }
  return absl::OkStatus();
}

absl::Status sampleText(Session &session, const Vocabulary &vocabulary, absl::string_view prompt,
                        GenerateOptions options, absl::FunctionRef<absl::Status(absl::string_view)> write) {
  std::vector<Token> tokens;
  Encoder(vocabulary).encode(prompt, tokens);
  // Tokens that the vocabulary lacks can't be written: the model may have more, to fill up a round number.
  options.vocabulary = vocabulary.size();
  return generateTokens(session, tokens, options, [&](Token token) -> absl::StatusOr<bool> {
    if (auto status = write(vocabulary.bytesOf(token)); !status.ok()) return status;
    return true;
  });
}

}  // namespace cleave
