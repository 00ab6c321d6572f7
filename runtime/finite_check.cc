#include "runtime/finite_check.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <tuple>

#include "absl/strings/str_cat.h"

namespace cleave {
namespace {

// Exponent bits all ones: NaN or infinity.
template <typename Bits, Bits kExponent>
bool isRowFinite(const char *data, int64_t count, int64_t stride) {
  const Bits *row = reinterpret_cast<const Bits *>(data);
  bool finite = true;
  for (int64_t i = 0; i < count; ++i) finite = finite && (row[i * stride] & kExponent) != kExponent;
  return finite;
}

bool isRowFinite(DType dtype, const char *data, int64_t count, int64_t stride) {
  switch (dtype) {
    case DType::kF32: return isRowFinite<uint32_t, 0x7f800000u>(data, count, stride);
    case DType::kF64: return isRowFinite<uint64_t, 0x7ff0000000000000u>(data, count, stride);
    case DType::kBF16: return isRowFinite<uint16_t, 0x7f80u>(data, count, stride);
    case DType::kF16: return isRowFinite<uint16_t, 0x7c00u>(data, count, stride);
    default: return true;
  }
}

bool isFiniteFrom(const TensorView &view, int dim, const char *data) {
  if (dim >= view.rank - 1)
    return isRowFinite(view.dtype, data, view.rank ? view.shape[dim] : 1, view.rank ? view.strides[dim] : 1);
  for (int64_t i = 0; i < view.shape[dim]; ++i)
    if (!isFiniteFrom(view, dim + 1, data + i * view.strides[dim] * bytesOf(view.dtype))) return false;
  return true;
}

bool maybeInfinite(const std::string &kernel) {
  static constexpr std::array<const char *, 9> kKernels = {
      "constant", "select", "reduce", "keep", "broadcast", "copy", "all_gather", "all_to_all", "permute"};
  return std::find(kKernels.begin(), kKernels.end(), kernel) != kKernels.end();
}

// Sums what several ranks hold: the result may be infinite by its own doing, or because a peer's part was.
bool combinesRanks(const std::string &kernel) { return kernel == "all_reduce" || kernel == "reduce_scatter"; }

}  // namespace

bool isFinite(const TensorView &view) { return view.elements() == 0 || isFiniteFrom(view, 0, view.as<char>()); }

void FiniteCheck::onTask(const TaskLabel &label, absl::Span<const TensorView> inputs,
                         absl::Span<const TensorView> outputs) {
  if (maybeInfinite(label.kernel)) return;
  // An attention's second result is -infinity for rows that see nothing.
  const auto results = label.kernel == "attention" ? outputs.subspan(0, 1) : outputs;
  if (std::all_of(results.begin(), results.end(), isFinite)) return;
  // A task that works in place has no inputs left to look at: then it counts, and the order of the program decides.
  const auto isOverwritten = [&](const TensorView &input) {
    return std::any_of(outputs.begin(), outputs.end(),
                       [&](const TensorView &output) { return output.data == input.data; });
  };
  const bool wasFinite = std::all_of(inputs.begin(), inputs.end(), [&](const TensorView &input) {
    return isOverwritten(input) || isFinite(input);
  });
  std::lock_guard<std::mutex> lock(mutex_);
  if (wasFinite) suspects_.push_back(&label);
  if (!wasFinite && combinesRanks(label.kernel)) cleared_.insert(label.op);
}

absl::Status FiniteCheck::take() {
  std::lock_guard<std::mutex> lock(mutex_);
  const TaskLabel *first = nullptr;
  const auto key = [](const TaskLabel &l) { return std::make_tuple(l.order, l.rank); };
  for (const TaskLabel *suspect : suspects_)
    if (cleared_.count(suspect->op) == 0 && (!first || key(*suspect) < key(*first))) first = suspect;
  suspects_.clear();
  cleared_.clear();
  if (!first) return absl::OkStatus();
  return absl::OutOfRangeError(
      absl::StrCat(first->str(), " requires to make finite values, got NaN or infinity from finite ones"));
}

}  // namespace cleave
