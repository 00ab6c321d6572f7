#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/checks/arguments.h"
#include "kernels/reference/element.h"
#include "kernels/reference/families.h"

namespace cleave::reference {
namespace {

// One query of one head: what it sees, and with what probability.
template <typename T>
class Row {
 public:
  Row(const AttentionArguments &a, int64_t batch, int64_t head, int64_t query)
      : a_(a), batch_(batch), head_(head), kvHead_(a.kvHeadOf(head)), query_(query) {}

  bool sees(int64_t key) const {
    if (key < a_.firstKey(query_) || key >= a_.endKey(query_)) return false;
    if (a_.keyMask && integerAt(*a_.keyMask, {batch_, key}) == 0) return false;
    return !a_.querySegments ||
           integerAt(*a_.querySegments, {batch_, query_}) == integerAt(*a_.keySegments, {batch_, key});
  }

  double score(int64_t key) const {
    double dot = 0;
    for (int64_t i = 0; i < a_.d; ++i) dot += double(at<T>(*a_.q, {batch_, query_, head_, i})) * kAt(key, i);
    return a_.scale * dot + (a_.bias ? at<T>(*a_.bias, {head_, query_, key}) : T(0));
  }

  // -infinity where nothing is seen.
  double logSumExp() const {
    double high = -HUGE_VAL, sum = 0;
    for (int64_t j = 0; j < a_.t; ++j)
      if (sees(j)) high = std::max(high, score(j));
    if (high == -HUGE_VAL) return high;
    for (int64_t j = 0; j < a_.t; ++j)
      if (sees(j)) sum += std::exp(score(j) - high);
    return high + std::log(sum);
  }

  // What dropout multiplies a probability by.
  double kept(int64_t key) const {
    if (a_.dropoutRate == 0) return 1;
    const uint32_t bits = randomBits(randomKeyOf(*a_.key), a_.id, a_.dropoutElement(batch_, head_, query_, key));
    return bits >= dropoutThreshold(a_.dropoutRate) ? 1 / (1 - a_.dropoutRate) : 0;
  }

  double kAt(int64_t key, int64_t i) const { return at<T>(*a_.k, {batch_, key, kvHead_, i}); }
  double vAt(int64_t key, int64_t i) const { return at<T>(*a_.v, {batch_, key, kvHead_, i}); }
  int64_t kvHead() const { return kvHead_; }

 private:
  const AttentionArguments &a_;
  int64_t batch_, head_, kvHead_, query_;
};

template <typename Body>
void forEachRow(const AttentionArguments &a, Body &&body) {
  for (int64_t b = 0; b < a.b; ++b)
    for (int64_t h = 0; h < a.h; ++h)
      for (int64_t s = 0; s < a.s; ++s) body(b, h, s);
}

// A dense sum in double, stored when all is added.
class Sums {
 public:
  explicit Sums(const TensorView &view)
      : view_(view), flat_(TensorView::contiguous(nullptr, DType::kF64, view.dims())) {
    values_.resize(view.elements());
  }
  double &operator[](const Index &index) { return values_[offsetOf(flat_, index)]; }
  template <typename T>
  void store() {
    forEachIndex(view_.dims(), [&](const Index &i) { at<T>(view_, i) = static_cast<T>((*this)[i]); });
  }

 private:
  const TensorView &view_;
  TensorView flat_;
  std::vector<double> values_;
};

template <typename T>
void addRowGradient(const AttentionArguments &a, int64_t b, int64_t h, int64_t s, Sums &dq, Sums &dk, Sums &dv,
                    Sums *dbias) {
  const Row<T> row(a, b, h, s);
  const double lse = at<T>(*a.lse, {b, h, s});
  if (lse == -HUGE_VAL) return;
  double delta = 0;  // the sum over keys of probability * its gradient
  for (int64_t i = 0; i < a.d; ++i) delta += double(at<T>(*a.outGradient, {b, s, h, i})) * at<T>(*a.out, {b, s, h, i});
  for (int64_t j = 0; j < a.t; ++j) {
    if (!row.sees(j)) continue;
    const double probability = std::exp(row.score(j) - lse), kept = row.kept(j);
    double upstream = 0;
    for (int64_t i = 0; i < a.d; ++i) {
      const double dout = at<T>(*a.outGradient, {b, s, h, i});
      upstream += dout * row.vAt(j, i);
      dv[{b, j, row.kvHead(), i}] += probability * kept * dout;
    }
    const double dscore = probability * (upstream * kept - delta);
    if (dbias) (*dbias)[{h, s, j}] += dscore;
    for (int64_t i = 0; i < a.d; ++i) {
      dq[{b, s, h, i}] += a.scale * dscore * row.kAt(j, i);
      dk[{b, j, row.kvHead(), i}] += a.scale * dscore * at<T>(*a.q, {b, s, h, i});
    }
  }
}

}  // namespace

absl::Status attention(const KernelCall &call, KernelContext &) {
  const AttentionArguments a = AttentionArguments::of(call, /*isGradient=*/false);
  const TensorView &out = call.outputs[0], &lses = call.outputs[1];
  withFloat(out.dtype, [&](auto type) {
    using T = decltype(type);
    forEachRow(a, [&](int64_t b, int64_t h, int64_t s) {
      const Row<T> row(a, b, h, s);
      const double lse = row.logSumExp();
      std::vector<double> sum(a.d);
      for (int64_t j = 0; j < a.t; ++j) {
        if (lse == -HUGE_VAL || !row.sees(j)) continue;
        const double weight = std::exp(row.score(j) - lse) * row.kept(j);
        for (int64_t i = 0; i < a.d; ++i) sum[i] += weight * row.vAt(j, i);
      }
      for (int64_t i = 0; i < a.d; ++i) at<T>(out, {b, s, h, i}) = static_cast<T>(sum[i]);
      at<T>(lses, {b, h, s}) = static_cast<T>(lse);
    });
  });
  return absl::OkStatus();
}

absl::Status attentionGradient(const KernelCall &call, KernelContext &) {
  const AttentionArguments a = AttentionArguments::of(call, /*isGradient=*/true);
  Sums dq(call.outputs[0]), dk(call.outputs[1]), dv(call.outputs[2]);
  std::vector<Sums> dbias;
  if (a.bias) dbias.emplace_back(call.outputs[3]);
  withFloat(a.q->dtype, [&](auto type) {
    using T = decltype(type);
    forEachRow(a, [&](int64_t b, int64_t h, int64_t s) {
      addRowGradient<T>(a, b, h, s, dq, dk, dv, a.bias ? &dbias[0] : nullptr);
    });
    dq.store<T>();
    dk.store<T>();
    dv.store<T>();
    if (a.bias) dbias[0].store<T>();
  });
  return absl::OkStatus();
}

absl::Status rotary(const KernelCall &call, KernelContext &) {
  const TensorView &x = call.inputs[0], &positions = call.inputs[1], &y = call.outputs[0];
  const std::vector<double> &frequencies = call.attributes.getDoubles("frequencies");
  const bool isPairs = call.attributes.getString("layout") == "pairs";
  const double factor = call.attributes.getDouble("factor"), sign = call.attributes.getInt("inverse") ? -1 : 1;
  const int64_t count = frequencies.size();
  withFloat(x.dtype, [&](auto type) {
    using T = decltype(type);
    forEachIndex(leadingDims(x), [&](const Index &row) {
      for (int64_t j = 2 * count; j < x.shape[3]; ++j) at<T>(y, with(row, 3, j)) = at<T>(x, with(row, 3, j));
      for (int64_t i = 0; i < count; ++i) {
        const Index first = with(row, 3, isPairs ? 2 * i : i), second = with(row, 3, isPairs ? 2 * i + 1 : i + count);
        const double angle = double(integerAt(positions, row)) * frequencies[i];
        const double cosine = std::cos(angle) * factor, sine = std::sin(angle) * factor * sign;
        const double x1 = at<T>(x, first), x2 = at<T>(x, second);
        at<T>(y, first) = static_cast<T>(x1 * cosine - x2 * sine);
        at<T>(y, second) = static_cast<T>(x2 * cosine + x1 * sine);
      }
    });
  });
  return absl::OkStatus();
}

}  // namespace cleave::reference
