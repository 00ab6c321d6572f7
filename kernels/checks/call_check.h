// Collects what a kernel's `check` demands of a call, and keeps the first demand that it does not meet.

#ifndef CLEAVE_KERNELS_CHECKS_CALL_CHECK_H
#define CLEAVE_KERNELS_CHECKS_CALL_CHECK_H

#include <initializer_list>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "kernels/api/registry.h"

namespace cleave {

inline constexpr int64_t kMaxElements = int64_t{1} << 48;  // of a view; keeps all index arithmetic within 64 bits
inline constexpr int64_t kMaxUint32 = 0xFFFFFFFF;

using Shape = std::vector<int64_t>;

inline Shape shapeOf(const TensorView &view) { return Shape(view.dims().begin(), view.dims().end()); }

Shape leadingOf(const TensorView &view);  // the extents without the last

bool isFloat(DType dtype);    // f32 or f64
bool isNumber(DType dtype);   // f32, f64, i32 or i64
bool isInteger(DType dtype);  // i32 or i64

// Every method is safe on any call whatsoever; after a failure all further demands are ignored, so a check reads top
// down and may use what earlier demands established only behind `ok()`.
class CallCheck {
 public:
  // Demands that every view's rank, extents and strides are within what index arithmetic can take.
  explicit CallCheck(const KernelCall &call);

  bool ok() const { return status_.ok(); }
  const absl::Status &status() const { return status_; }

  // The views; an empty rank-0 view where there is none (then counts() has failed).
  const TensorView &in(size_t i) const { return i < call_.inputs.size() ? call_.inputs[i] : none_; }
  const TensorView &out(size_t i) const { return i < call_.outputs.size() ? call_.outputs[i] : none_; }
  size_t inputs() const { return call_.inputs.size(); }

  bool inputCount(size_t low, size_t high);
  bool outputCount(size_t count);
  bool counts(size_t inputs, size_t outputs) { return inputCount(inputs, inputs) && outputCount(outputs); }

  // How many views each of `operands` operands has, from "segments" where the call has it: each in [0, 1], together all
  // inputs. Without the attribute the first inputs are taken to be there. Zeros after a failure.
  std::vector<int> segments(size_t operands, size_t required);

  void dtype(absl::string_view name, const TensorView &view, DType wanted);
  void floats(absl::string_view name, const TensorView &view);
  void numbers(absl::string_view name, const TensorView &view);
  void integers(absl::string_view name, const TensorView &view);
  void rank(absl::string_view name, const TensorView &view, int low, int high = kMaxRank);
  void shape(absl::string_view name, const TensorView &view, const Shape &wanted);
  void like(absl::string_view name, const TensorView &view, const TensorView &other);  // shape and dtype
  void randomKey(absl::string_view name, const TensorView &view);                      // i32[4]

  // Attributes. The value (0, "" or {} after a failure).
  int64_t integer(absl::string_view name, int64_t low, int64_t high);
  int64_t integerOr(absl::string_view name, int64_t otherwise, int64_t low, int64_t high);
  double number(absl::string_view name, double low, double high);
  double numberOr(absl::string_view name, double otherwise, double low, double high);
  double finite(absl::string_view name);
  std::vector<int64_t> integerList(absl::string_view name, size_t size, int64_t low, int64_t high);
  std::vector<double> numberList(absl::string_view name);
  std::string choice(absl::string_view name, std::initializer_list<const char *> choices);

  template <typename Seen>
  bool require(bool holds, absl::string_view rule, const Seen &seen) {
    if (!holds) fail(rule, absl::StrCat(seen));
    return ok();
  }

 private:
  // The value of attribute `name`, within [low, high]; 0 where it is not.
  template <typename T>
  T within(absl::string_view name, const absl::StatusOr<T> &value, T low, T high);
  void fail(absl::string_view rule, absl::string_view seen);
  void checkView(const char *kind, size_t number, const TensorView &view, bool written);

  const KernelCall &call_;
  absl::Status status_;
  TensorView none_;
};

// Of a tensor of extents `shape`, the part at `offset` with extents `part`, named `name`: demands that it lies inside,
// and that the whole can be counted in 64 bits.
void checkPart(CallCheck &check, const Shape &shape, const Shape &offset, const Shape &part, absl::string_view name);

}  // namespace cleave

#endif  // CLEAVE_KERNELS_CHECKS_CALL_CHECK_H
