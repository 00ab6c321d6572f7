#include "runtime/data/batch_reader.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/data/derived_inputs.h"

namespace cleave {
namespace {

using program::DataInput;
using program::Entry;
using program::Port;

constexpr int64_t kValuesInMemory = 1 << 21;  // of a file, while all of it is checked

bool isFloating(DType dtype) { return dtype == DType::kF32 || dtype == DType::kF64; }

// What one row of a port has, given that its leading dimensions hold the batch: [B, ...] or [microbatches, B /
// microbatches, ...].
absl::StatusOr<int64_t> widthOf(const Port &port, int64_t batch) {
  int64_t rows = 1;
  for (size_t i = 0; i < port.type.dims.size() && i < 2; ++i) {
    rows *= port.type.dims[i];
    if (rows == batch) return port.type.elements() / batch;
  }
  return absl::InvalidArgumentError(absl::StrCat("plan's input \"", port.name,
                                                 "\": requires leading dimensions that hold the batch of ", batch,
                                                 ", got ", port.type.str()));
}

// Whether rows of a stream of tokens are what the model takes: it is said to be causal, or it says nothing about itself and
// takes tokens and labels alone.
bool readsTokens(const std::vector<const Port *> &ports, const program::ModelFamily &family) {
  if (family.causal || !family.modelType.empty()) return family.causal;
  std::set<std::string> sources;
  for (const Port *port : ports) sources.insert(inputOf(*port, family).source);
  return sources == std::set<std::string>{"input_ids", "labels"};
}

void storeIntegers(absl::Span<const int64_t> values, HostTensor &out, int64_t begin) {
  switch (out.dtype()) {
    case DType::kI32:
      std::transform(values.begin(), values.end(), out.as<int32_t>() + begin,
                     [](int64_t value) { return int32_t(value); });
      break;
    case DType::kI64:
      std::copy(values.begin(), values.end(), out.as<int64_t>() + begin);
      break;
    default:  // kBool, as addSlot has seen to
      std::transform(values.begin(), values.end(), out.as<uint8_t>() + begin,
                     [](int64_t value) { return uint8_t(value != 0); });
  }
}

absl::StatusOr<std::unique_ptr<RowSource>> openFile(const std::string &path, int tokenBytes, int64_t seq,
                                                    bool takesTokens) {
  if (absl::EndsWith(path, ".safetensors")) return openExampleFile(path);
  if (!absl::EndsWith(path, ".bin"))
    return absl::InvalidArgumentError(
        absl::StrCat("\"", path, "\": requires data that end in .bin, .safetensors or .json, got none of these"));
  if (!takesTokens)
    return absl::InvalidArgumentError(
        absl::StrCat("\"", path, "\": requires examples (.safetensors) for a model that is not causal, got tokens"));
  return openTokenFile(path, tokenBytes, seq);
}

}  // namespace

RowOrder BatchReader::order(bool isShuffled, uint64_t seed) const {
  if (!mixture_.parts.empty()) return mixture_.order(isShuffled, seed);
  return isShuffled ? RowOrder::shuffled(rows(), seed) : RowOrder::sequential(rows());
}

absl::StatusOr<BatchReader> BatchReader::open(const std::string &path, int tokenBytes, const LoadedPlan &plan,
                                              const Entry &entry) {
  BatchReader reader;
  reader.batch_ = plan.training.batch;
  if (reader.batch_ < 1)
    return absl::InvalidArgumentError(absl::StrCat("plan: requires a batch of at least 1, got ", reader.batch_));
  std::vector<const Port *> ports;
  int64_t seq = 0;
  for (const Port &port : entry.inputs) {
    if (isHostPort(port.name)) continue;
    ports.push_back(&port);
    auto width = widthOf(port, reader.batch_);
    if (!width.ok()) return width.status();
    if (inputOf(port, plan.family).source == "input_ids") seq = *width;
  }

  const bool takesTokens = readsTokens(ports, plan.family);
  const OpenRows openRows = [&](const std::string &file) { return openFile(file, tokenBytes, seq, takesTokens); };
  if (absl::EndsWith(path, ".json")) {
    auto mixture = openMixture(path, openRows);
    if (!mixture.ok()) return mixture.status();
    reader.source_ = std::move(mixture->source);
    reader.mixture_ = *std::move(mixture);
  } else {
    auto source = openRows(path);
    if (!source.ok()) return source.status();
    reader.source_ = *std::move(source);
  }

  std::vector<DataPort> taken;
  for (const Port *port : ports) taken.push_back({inputOf(*port, plan.family), port});
  if (auto status = reader.addSlots(taken, plan, path); !status.ok()) return status;
  if (auto status = reader.checkAllRows(); !status.ok()) return status;
  return reader;
}

absl::StatusOr<BatchReader> BatchReader::over(std::unique_ptr<RowSource> source, const std::string &name,
                                              const LoadedPlan &plan, const std::vector<DataPort> &ports) {
  BatchReader reader;
  reader.source_ = std::move(source);
  reader.batch_ = reader.source_->rows();
  if (auto status = reader.addSlots(ports, plan, name); !status.ok()) return status;
  return reader;
}

absl::Status BatchReader::addSlots(const std::vector<DataPort> &ports, const LoadedPlan &plan,
                                   const std::string &path) {
  family_ = plan.family;
  for (const DataPort &taken : ports)
    if (auto status = addSlot(taken.input, *taken.port, path); !status.ok()) return status;
  std::set<std::string> used;
  for (const Slot &slot : slots_) used.insert(slot.input.source);
  for (const std::string &column : source_->columns())
    if (used.count(column) == 0) unused_.push_back(column);
  return absl::OkStatus();
}

absl::Status BatchReader::addSlot(const DataInput &input, const Port &port, const std::string &path) {
  Slot slot;
  slot.input = input;
  slot.type = port.type;
  slot.width = port.type.elements() / batch_;
  slot.isLabels = input.source == "labels" && !isDerived(input);
  slot.isFloat = isFloating(port.type.dtype);
  if (port.type.dtype == DType::kBF16 || port.type.dtype == DType::kF16 || (slot.isFloat && isDerived(input)))
    return absl::InvalidArgumentError(absl::StrCat(
        "plan's input \"", input.name, "\": requires f32, f64, i32, i64 or i1, got ", nameOf(port.type.dtype)));
  const bool isThere = source_->has(input.source);
  if (!isThere && (input.otherwise == "required" || isDerived(input)))
    return absl::NotFoundError(absl::StrCat("\"", path, "\": requires tensor \"", input.source, "\", got ",
                                            absl::StrJoin(source_->columns(), ", ")));
  if (!isThere && !standInOf(input))
    return absl::InvalidArgumentError(absl::StrCat(
        "plan's input \"", input.name, "\": requires a known way to make it, got \"", input.otherwise, "\""));
  if (isThere && source_->width(input.source) != slot.width)
    return absl::InvalidArgumentError(absl::StrCat("\"", path, "\": requires ", slot.width, " values an example in \"",
                                                   input.source, "\" (the plan's ", port.type.str(), "), got ",
                                                   source_->width(input.source)));
  hasLabels_ |= slot.isLabels;
  slots_.push_back(std::move(slot));
  return absl::OkStatus();
}

absl::Status BatchReader::checkAllRows() const {
  for (const Slot &slot : slots_) {
    if (!source_->has(slot.input.source)) continue;
    HostTensor row(slot.type.dtype, {slot.width});
    const int64_t rowsInMemory = std::max<int64_t>(1, kValuesInMemory / std::max<int64_t>(1, slot.width));
    for (int64_t i = 0; i < source_->rows(); ++i) {
      if (auto status = readRow(slot, i, /*isCounted=*/true, row, 0); !status.ok()) return status;
      if (i % rowsInMemory == 0) source_->release();
    }
  }
  source_->release();
  return absl::OkStatus();
}

absl::Status BatchReader::makeIntegers(const Slot &slot, int64_t row, absl::Span<int64_t> out) const {
  const DataInput &input = slot.input;
  if (!source_->has(input.source)) {
    std::fill(out.begin(), out.end(), standInOf(input).value_or(0));
    return absl::OkStatus();
  }
  if (auto status = source_->readIntegers(input.source, row, out); !status.ok()) return status;
  // The source is what is checked: an error then names where the value stands in the file.
  if (auto status = checkRow(slot, row, out); !status.ok()) return status;
  deriveRow(input, family_, out);
  return absl::OkStatus();
}

absl::Status BatchReader::checkRow(const Slot &slot, int64_t row, absl::Span<const int64_t> values) const {
  const ValueRange range = rangeOf(slot.input, slot.type.dtype);
  for (size_t i = 0; i < values.size(); ++i)
    if (!range.holds(values[i]))
      return absl::OutOfRangeError(absl::StrCat(source_->where(slot.input.source, row, int64_t(i)),
                                                ": requires a value ", range.str(), ", got ", values[i]));
  return absl::OkStatus();
}

absl::Status BatchReader::readRow(const Slot &slot, int64_t row, bool isCounted, HostTensor &out, int64_t index) const {
  const int64_t begin = index * slot.width;
  if (!slot.isFloat) {
    std::vector<int64_t> values(size_t(slot.width), kIgnoredLabel);
    if (isCounted || !slot.isLabels)
      if (auto status = makeIntegers(slot, row, absl::MakeSpan(values)); !status.ok()) return status;
    storeIntegers(values, out, begin);
    return absl::OkStatus();
  }
  std::vector<float> values(size_t(slot.width), float(standInOf(slot.input).value_or(0)));
  if (source_->has(slot.input.source))
    if (auto status = source_->readFloats(slot.input.source, row, absl::MakeSpan(values)); !status.ok()) return status;
  if (slot.type.dtype == DType::kF64) {
    std::copy(values.begin(), values.end(), out.as<double>() + begin);
  } else {
    std::copy(values.begin(), values.end(), out.as<float>() + begin);
  }
  return absl::OkStatus();
}

absl::StatusOr<Batch> BatchReader::read(absl::Span<const int64_t> rows, int64_t counted) const {
  Batch batch;
  for (const Slot &slot : slots_) {
    HostTensor &tensor = batch[slot.input.name] = HostTensor(slot.type.dtype, slot.type.dims);
    for (size_t i = 0; i < rows.size(); ++i)
      if (auto status = readRow(slot, rows[i], /*isCounted=*/int64_t(i) < counted, tensor, int64_t(i)); !status.ok())
        return status;
  }
  return batch;
}

}  // namespace cleave
