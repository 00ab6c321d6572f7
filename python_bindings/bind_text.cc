// Binds tokenizers, and what a session is told to generate text and to keep adapters.

#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "python_bindings/bind.h"
#include "python_bindings/status_error.h"
#include "runtime/tokenizer/train_vocabulary.h"
#include "runtime/tokenizer/vocabulary.h"
#include "runtime/training/sampler.h"
#include "runtime/weights/adapter.h"

namespace cleave::python {
namespace {

namespace nb = nanobind;
using namespace nanobind::literals;

std::vector<Token> encode(const Vocabulary &vocabulary, const std::string &text) {
  nb::gil_scoped_release released;
  std::vector<Token> tokens;
  Encoder(vocabulary).encode(text, tokens);
  return tokens;
}

nb::bytes decode(const Vocabulary &vocabulary, const std::vector<Token> &tokens) {
  std::string bytes;
  for (Token token : tokens) {
    if (token < 0 || token >= vocabulary.size())
      throw StatusError(absl::InvalidArgumentError(
          absl::StrCat("decode: requires tokens from 0 to ", vocabulary.size() - 1, ", got ", token)));
    bytes += vocabulary.bytesOf(token);
  }
  return nb::bytes(bytes.data(), bytes.size());
}

Vocabulary train(const std::string &text, int64_t tokens) {
  if (tokens < kByteTokens || tokens > kMaxVocabulary)
    throw StatusError(absl::InvalidArgumentError(
        absl::StrCat("train: requires from ", kByteTokens, " to ", kMaxVocabulary, " tokens, got ", tokens)));
  nb::gil_scoped_release released;
  return trainVocabulary(text, tokens, [](int64_t) {});
}

}  // namespace

void bindText(nb::module_ &module) {
  nb::class_<Vocabulary>(module, "Vocabulary", "Bytes, and pairs of tokens that often stand together.")
      .def(nb::init<>())
      .def_static("train", &train, "text"_a, "tokens"_a)
      .def_static("load", [](const std::string &path) { return valueOf(Vocabulary::load(path)); }, "path"_a)
      .def("save", [](const Vocabulary &vocabulary, const std::string &path) { check(vocabulary.save(path)); },
           "path"_a)
      .def_prop_ro("size", &Vocabulary::size)
      .def("encode", &encode, "text"_a)
      .def("decode", &decode, "tokens"_a);
  nb::class_<ChoiceOptions>(module, "ChoiceOptions")
      .def(nb::init<>())
      .def_rw("temperature", &ChoiceOptions::temperature)
      .def_rw("top_k", &ChoiceOptions::topK)
      .def_rw("top_p", &ChoiceOptions::topP);
  nb::class_<GenerateOptions>(module, "GenerateOptions")
      .def(nb::init<>())
      .def_rw("tokens", &GenerateOptions::tokens)
      .def_rw("choice", &GenerateOptions::choice)
      .def_rw("seed", &GenerateOptions::seed)
      .def_rw("stops", &GenerateOptions::stops)
      .def_rw("vocabulary", &GenerateOptions::vocabulary);
  module.attr("LARGEST_RANK") = kLargestRank;
  module.attr("LARGEST_ALPHA") = kLargestAlpha;
  module.attr("LARGEST_DROPOUT") = kLargestDropout;
  nb::class_<AdapterConfig>(module, "AdapterConfig")
      .def(nb::init<>())
      .def_static("read", [](const std::string &folder) { return valueOf(readAdapterConfig(folder)); }, "folder"_a)
      .def_rw("rank", &AdapterConfig::rank)
      .def_rw("alpha", &AdapterConfig::alpha)
      .def_rw("dropout", &AdapterConfig::dropout)
      .def_rw("targets", &AdapterConfig::targets)
      .def_rw("input_major", &AdapterConfig::isInputMajor)
      .def_rw("base_model", &AdapterConfig::baseModel)
      .def_rw("task_type", &AdapterConfig::taskType);
}

}  // namespace cleave::python
