#include "runtime/weights/weight_map.h"

#include <fnmatch.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "absl/types/optional.h"

namespace cleave {
namespace {

using program::StoredTensor;
using program::Variable;

constexpr const char *kDown = ".lora_A.weight", *kUp = ".lora_B.weight", *kWeight = ".weight";
constexpr const char *kAdapterPrefix = "base_model.model.";

bool isOfAdapter(absl::string_view name) { return absl::EndsWith(name, kDown) || absl::EndsWith(name, kUp); }

bool isOf(WeightPart part, absl::string_view name) {
  return part == WeightPart::kAll || isOfAdapter(name) == (part == WeightPart::kAdapter);
}

// One tensor as files have it, and the parameters that make it up.
struct FileTensor {
  StoredTensor stored;
  std::vector<const Variable *> parameters;
  std::vector<int64_t> shape;  // in the file
};

void swapLastTwo(std::vector<int64_t> &dims) { std::swap(dims[dims.size() - 1], dims[dims.size() - 2]); }

std::vector<int64_t> shapeInFile(const Variable &parameter, const StoredTensor &stored) {
  std::vector<int64_t> dims = parameter.type.dims;
  if (stored.transposed) swapLastTwo(dims);
  return dims;
}

absl::StatusOr<FileTensor> fileTensorOf(const StoredTensor &stored, const LoadedPlan &plan) {
  FileTensor tensor{stored, {}, {}};
  auto invalid = [&](absl::string_view message) {
    return absl::InvalidArgumentError(absl::StrCat("plan's stored tensor \"", stored.fileName, "\": ", message));
  };
  for (const std::string &name : stored.parameters) {
    const int index = plan.findVariable(name);
    if (index < 0 || plan.variables[size_t(index)].role != Variable::Role::kParameter)
      return invalid(absl::StrCat("requires parameters of the plan, got \"", name, "\""));
    const Variable &parameter = plan.variables[size_t(index)];
    if (parameter.type.dtype != DType::kF32)
      return invalid(
          absl::StrCat("requires parameters of f32, got ", nameOf(parameter.type.dtype), " for \"", name, "\""));
    const int64_t rank = int64_t(parameter.type.dims.size());
    const bool isAlone = stored.parameters.size() == 1;
    if ((stored.transposed && rank < 2) || (!isAlone && (stored.dimension < 0 || stored.dimension >= rank)))
      return invalid(absl::StrCat("requires a parameter that has dimension ", stored.dimension, ", got rank ", rank,
                                  " for \"", name, "\""));
    const std::vector<int64_t> dims = shapeInFile(parameter, stored);
    if (tensor.shape.empty() && tensor.parameters.empty()) {
      tensor.shape = dims;
    } else {
      std::vector<int64_t> expected = tensor.shape;
      if (int64_t(dims.size()) != int64_t(expected.size()))
        return invalid("requires parameters of one rank, got several");
      expected[size_t(stored.dimension)] = dims[size_t(stored.dimension)];
      if (dims != expected)
        return invalid(absl::StrCat("requires parts of shape ", shapeText(expected), ", got ", shapeText(dims)));
      tensor.shape[size_t(stored.dimension)] += dims[size_t(stored.dimension)];
    }
    tensor.parameters.push_back(&parameter);
  }
  if (tensor.parameters.empty()) return invalid("requires a parameter, got none");
  return tensor;
}

// The B of modules that are fused in the family's files, fused as well; nothing where they have no adapter.
absl::optional<StoredTensor> fusedUp(const StoredTensor &stored, const LoadedPlan &plan) {
  auto upOf = [](absl::string_view weight) {
    return absl::ConsumeSuffix(&weight, kWeight) ? absl::StrCat(weight, kUp) : std::string();
  };
  StoredTensor fused;
  fused.fileName = absl::StrCat(kAdapterPrefix, upOf(stored.fileName));
  for (const std::string &name : stored.parameters) {
    if (plan.findVariable(upOf(name)) < 0) return absl::nullopt;
    fused.parameters.push_back(upOf(name));
  }
  if (fused.parameters.size() < 2) return absl::nullopt;
  return fused;
}

// How the part's tensors are stored, where it isn't one for each parameter under its own name.
std::vector<StoredTensor> storedTensors(const LoadedPlan &plan, WeightPart part) {
  if (part != WeightPart::kAdapter) return plan.family.stored;
  std::vector<StoredTensor> tensors;
  for (const StoredTensor &stored : plan.family.stored)
    if (auto fused = fusedUp(stored, plan)) tensors.push_back(*std::move(fused));
  return tensors;
}

// All tensors of the part's files by name: those that are described, and one for each other parameter.
absl::StatusOr<std::map<std::string, FileTensor>> fileTensors(const LoadedPlan &plan, WeightPart part) {
  std::map<std::string, FileTensor> tensors;
  std::set<std::string> described;
  auto add = [&](const StoredTensor &stored) -> absl::Status {
    auto tensor = fileTensorOf(stored, plan);
    if (!tensor.ok()) return tensor.status();
    for (const std::string &parameter : stored.parameters)
      if (!described.insert(parameter).second)
        return absl::InvalidArgumentError(
            absl::StrCat("plan: requires each parameter in one stored tensor, got \"", parameter, "\" in two"));
    if (!tensors.emplace(stored.fileName, *std::move(tensor)).second)
      return absl::InvalidArgumentError(
          absl::StrCat("plan: requires stored tensors of different names, got two of \"", stored.fileName, "\""));
    return absl::OkStatus();
  };
  for (const StoredTensor &stored : storedTensors(plan, part))
    if (auto status = add(stored); !status.ok()) return status;
  for (const Variable &variable : plan.variables) {
    if (variable.role != Variable::Role::kParameter || described.count(variable.name) != 0) continue;
    if (!isOf(part, variable.name)) continue;
    StoredTensor plain;
    plain.fileName = absl::StrCat(part == WeightPart::kAdapter ? kAdapterPrefix : "", variable.name);
    plain.parameters = {variable.name};
    if (auto status = add(plain); !status.ok()) return status;
  }
  return tensors;
}

// `name` itself, then with each prefix of the family added or taken away.
std::vector<std::string> spellingsOf(const std::string &name, const std::vector<std::string> &prefixes) {
  std::vector<std::string> spellings = {name};
  for (const std::string &prefix : prefixes) {
    if (absl::StartsWith(name, prefix)) spellings.push_back(name.substr(prefix.size()));
    spellings.push_back(prefix + name);
  }
  return spellings;
}

bool isIgnored(const std::string &name, const program::ModelFamily &family) {
  for (const std::string &spelling : spellingsOf(name, family.prefixes))
    for (const std::string &glob : family.ignored)
      if (::fnmatch(glob.c_str(), spelling.c_str(), 0) == 0) return true;
  return false;
}

// "a", "b", "c" and 7 more
std::string someOf(const std::vector<std::string> &names) {
  constexpr size_t kShown = 5;
  const size_t shown = std::min(names.size(), kShown);
  const std::string text =
      absl::StrJoin(names.begin(), names.begin() + int64_t(shown), ", ",
                    [](std::string *out, const std::string &name) { absl::StrAppend(out, "\"", name, "\""); });
  return names.size() > shown ? absl::StrCat(text, " and ", names.size() - shown, " more") : text;
}

// One occurrence in a source of a tensor that the model knows.
struct Found {
  std::string spelling;
  const StoredValue *value;
};

// Looks up what each tensor of the source is. Aliases of one tensor come together under its name.
absl::StatusOr<std::map<std::string, std::vector<Found>>> matchNames(const TensorSource &source,
                                                                     const std::map<std::string, FileTensor> &tensors,
                                                                     const program::ModelFamily &family) {
  std::map<std::string, std::string> names;  // each known name -> the name that it stands for
  for (const auto &[name, tensor] : tensors) {
    names.emplace(name, name);
    for (const std::string &alias : tensor.stored.aliases) names.emplace(alias, name);
  }
  std::map<std::string, std::vector<Found>> found;
  std::map<std::string, std::string> seen;  // known name -> spelling in the source
  std::vector<std::string> unexpected;
  for (const auto &[spelling, value] : source.tensors()) {
    auto known = names.end();
    for (const std::string &candidate : spellingsOf(spelling, family.prefixes))
      if (known == names.end()) known = names.find(candidate);
    if (known == names.end()) {
      if (!isIgnored(spelling, family)) unexpected.push_back(spelling);
      continue;
    }
    if (auto [before, isNew] = seen.emplace(known->first, spelling); !isNew)
      return absl::InvalidArgumentError(absl::StrCat("requires tensor \"", known->first, "\" once, got \"",
                                                     before->second, "\" and \"", spelling, "\""));
    found[known->second].push_back({spelling, value});
  }
  std::vector<std::string> missing;
  for (const auto &[name, tensor] : tensors)
    if (found.count(name) == 0) missing.push_back(name);
  if (!missing.empty() && !unexpected.empty())
    return absl::NotFoundError(absl::StrCat("requires tensors ", someOf(missing),
                                            ", which are missing, got unexpected ones: ", someOf(unexpected)));
  if (!missing.empty())
    return absl::NotFoundError(absl::StrCat("requires tensors ", someOf(missing), ", which are missing"));
  if (!unexpected.empty())
    return absl::InvalidArgumentError(
        absl::StrCat("requires tensors of the model alone, got unexpected ones: ", someOf(unexpected)));
  return found;
}

constexpr int64_t kCompared = 1 << 14;  // elements at once

absl::Status checkTied(const Found &first, const Found &other) {
  std::vector<float> a(kCompared), b(kCompared);
  for (int64_t begin = 0; begin < first.value->elements(); begin += kCompared) {
    const size_t count = size_t(std::min(kCompared, first.value->elements() - begin));
    if (auto status = readAsFloat(*first.value, begin, absl::MakeSpan(a.data(), count)); !status.ok()) return status;
    if (auto status = readAsFloat(*other.value, begin, absl::MakeSpan(b.data(), count)); !status.ok()) return status;
    for (size_t i = 0; i < count; ++i)
      if (a[i] != b[i] && !(a[i] != a[i] && b[i] != b[i]))
        return absl::InvalidArgumentError(absl::StrCat("requires tied tensors \"", first.spelling, "\" and \"",
                                                       other.spelling, "\" to be equal, got ", a[i], " and ", b[i],
                                                       " at element ", begin + int64_t(i)));
  }
  return absl::OkStatus();
}

absl::Status checkFound(const std::vector<Found> &found, const FileTensor &tensor) {
  for (const Found &one : found) {
    if (one.value->shape != tensor.shape)
      return absl::InvalidArgumentError(absl::StrCat("tensor \"", one.spelling, "\": requires shape ",
                                                     shapeText(tensor.shape), ", got ", shapeText(one.value->shape)));
    if (auto status = readAsFloat(*one.value, 0, {}); !status.ok())
      return absl::InvalidArgumentError(absl::StrCat("tensor \"", one.spelling, "\": ", status.message()));
  }
  for (size_t i = 1; i < found.size(); ++i)
    if (auto status = checkTied(found[0], found[i]); !status.ok()) return status;
  return absl::OkStatus();
}

// Calls `use` with each parameter's part of a slab of the file's tensor, whose values `values` points to.
absl::Status visitSlab(const FileTensor &tensor, const Box &slab, float *values, VisitPart use) {
  const TensorView view = TensorView::contiguous(values, DType::kF32, slab.extent);
  const size_t joined = size_t(tensor.stored.dimension);
  int64_t begin = 0;  // of the parameter along that dimension
  for (const Variable *parameter : tensor.parameters) {
    const bool isAlone = tensor.parameters.size() == 1;
    Box whole = wholeBox(shapeInFile(*parameter, tensor.stored));
    if (!isAlone) {
      whole.start[joined] = begin;
      begin += whole.extent[joined];
    }
    Box part = intersect(whole, slab);
    if (part.elements() == 0) continue;
    TensorView shown = viewPart(view, slab, part);
    for (size_t d = 0; d < part.start.size(); ++d) part.start[d] -= whole.start[d];
    if (tensor.stored.transposed) {
      swapLastTwo(part.start);
      swapLastTwo(part.extent);
      const size_t last = size_t(shown.rank) - 1;
      std::swap(shown.shape[last], shown.shape[last - 1]);
      std::swap(shown.strides[last], shown.strides[last - 1]);
    }
    if (auto status = use(parameter->name, part, shown); !status.ok()) return status;
  }
  return absl::OkStatus();
}

bool isAligned(const void *data) { return reinterpret_cast<uintptr_t>(data) % alignof(float) == 0; }

absl::Status takeTensor(const StoredValue &value, const FileTensor &tensor, const TensorSource &source,
                        VisitPart take) {
  std::vector<float> converted;
  int64_t first = 0;
  return forEachSlab(tensor.shape, [&](const Box &slab) -> absl::Status {
    // Never written through: loading only reads the view.
    float *values = const_cast<float *>(reinterpret_cast<const float *>(value.bytes.data()) + first);
    if (value.dtype != "F32" || !isAligned(value.bytes.data())) {
      converted.resize(size_t(slab.elements()));
      values = converted.data();
      if (auto status = readAsFloat(value, first, absl::MakeSpan(converted)); !status.ok()) return status;
    }
    first += slab.elements();
    auto status = visitSlab(tensor, slab, values, take);
    source.release();
    return status;
  });
}

absl::Status appendTensor(const FileTensor &tensor, SafetensorsWriter &writer, VisitPart fill) {
  std::vector<float> values;
  return forEachSlab(tensor.shape, [&](const Box &slab) -> absl::Status {
    values.resize(size_t(slab.elements()));
    if (auto status = visitSlab(tensor, slab, values.data(), fill); !status.ok()) return status;
    return writer.append({reinterpret_cast<const char *>(values.data()), values.size() * sizeof(float)});
  });
}

}  // namespace

bool hasAdapter(const LoadedPlan &plan) {
  return std::any_of(plan.variables.begin(), plan.variables.end(), [](const Variable &variable) {
    return variable.role == Variable::Role::kParameter && isOfAdapter(variable.name);
  });
}

bool hasAdapter(const TensorSource &source) {
  return std::any_of(source.tensors().begin(), source.tensors().end(),
                     [](const auto &tensor) { return isOfAdapter(tensor.first); });
}

absl::Status loadWeights(const TensorSource &source, const LoadedPlan &plan, VisitPart take, WeightPart part) {
  auto within = [&](const absl::Status &status) {
    return absl::Status(status.code(), absl::StrCat("weights \"", source.path(), "\": ", status.message()));
  };
  auto tensors = fileTensors(plan, part);
  if (!tensors.ok()) return tensors.status();
  auto matched = matchNames(source, *tensors, plan.family);
  if (!matched.ok()) return within(matched.status());
  for (const auto &[name, found] : *matched)
    if (auto status = checkFound(found, tensors->at(name)); !status.ok()) return within(status);
  for (const auto &[name, found] : *matched)
    if (auto status = takeTensor(*found[0].value, tensors->at(name), source, take); !status.ok()) return within(status);
  return absl::OkStatus();
}

absl::Status saveWeights(const std::string &path, const LoadedPlan &plan, VisitPart fill, WeightPart part) {
  auto tensors = fileTensors(plan, part);
  if (!tensors.ok()) return tensors.status();
  std::vector<SafetensorsWriter::Tensor> layout;
  for (const auto &[name, tensor] : *tensors) layout.push_back({name, "F32", tensor.shape});
  auto writer = SafetensorsWriter::create(path, layout, {{"format", "pt"}});
  if (!writer.ok()) return writer.status();
  for (const auto &[name, tensor] : *tensors)
    if (auto status = appendTensor(tensor, *writer, fill); !status.ok()) return status;
  return writer->commit();
}

}  // namespace cleave
