#include "kernels/reference/element.h"
#include "kernels/reference/families.h"

namespace cleave::reference {
namespace {

// Every entry of `indices` lies in [least, size); entries below 0 have a meaning of their own.
absl::Status checkBounds(const TensorView &indices, int64_t size, absl::string_view what, int64_t least = 0) {
  absl::Status status;
  forEachIndex(indices.dims(), [&](const Index &i) {
    const int64_t seen = integerAt(indices, i);
    if (status.ok() && (seen < least || seen >= size)) status = outOfBounds(what, size, seen, i, indices.rank);
  });
  return status;
}

// Of a table's rows. An id of -1 may stand for none.
absl::Status checkIds(const TensorView &ids, const Attributes &attributes) {
  return checkBounds(ids, attributes.getInt("rows"), "an id", attributes.getInt("optional") != 0 ? -1 : 0);
}

template <typename T>
void setZero(const TensorView &view) {
  forEachIndex(view.dims(), [&](const Index &i) { at<T>(view, i) = 0; });
}

}  // namespace

absl::Status gather(const KernelCall &call, KernelContext &) {
  const TensorView &x = call.inputs[0], &indices = call.inputs[1], &out = call.outputs[0];
  const int64_t offset = call.attributes.getInt("index_offset"), held = lastDim(x);
  if (absl::Status bounds = checkBounds(indices, call.attributes.getInt("index_size"), "an index"); !bounds.ok())
    return bounds;
  withNumber(out.dtype, [&](auto type) {
    using T = decltype(type);
    forEachIndex(out.dims(), [&](const Index &i) {
      const int64_t local = integerAt(indices, i) - offset;
      at<T>(out, i) = local >= 0 && local < held ? at<T>(x, with(i, x.rank - 1, local)) : T(0);
    });
  });
  return absl::OkStatus();
}

absl::Status gatherGradient(const KernelCall &call, KernelContext &) {
  const TensorView &indices = call.inputs[0], &dy = call.inputs[1], &out = call.outputs[0];
  const int64_t offset = call.attributes.getInt("index_offset"), held = lastDim(out);
  if (absl::Status bounds = checkBounds(indices, call.attributes.getInt("index_size"), "an index"); !bounds.ok())
    return bounds;
  withNumber(out.dtype, [&](auto type) {
    using T = decltype(type);
    setZero<T>(out);
    forEachIndex(dy.dims(), [&](const Index &i) {
      const int64_t local = integerAt(indices, i) - offset;
      if (local >= 0 && local < held) at<T>(out, with(i, out.rank - 1, local)) = at<T>(dy, i);
    });
  });
  return absl::OkStatus();
}

absl::Status embedding(const KernelCall &call, KernelContext &) {
  const TensorView &table = call.inputs[0], &ids = call.inputs[1], &out = call.outputs[0];
  const int64_t offset = call.attributes.getInt("row_offset");
  if (absl::Status bounds = checkIds(ids, call.attributes); !bounds.ok()) return bounds;
  withFloat(out.dtype, [&](auto type) {
    using T = decltype(type);
    forEachIndex(out.dims(), [&](const Index &i) {
      const int64_t row = integerAt(ids, i) - offset;
      at<T>(out, i) = row >= 0 && row < table.shape[0] ? at<T>(table, {row, i[out.rank - 1]}) : T(0);
    });
  });
  return absl::OkStatus();
}

absl::Status embeddingGradient(const KernelCall &call, KernelContext &) {
  const TensorView &ids = call.inputs[0], &dy = call.inputs[1], &out = call.outputs[0];
  const int64_t offset = call.attributes.getInt("row_offset"), padding = call.attributes.getInt("padding_index", -1);
  if (absl::Status bounds = checkIds(ids, call.attributes); !bounds.ok()) return bounds;
  withFloat(out.dtype, [&](auto type) {
    using T = decltype(type);
    forEachIndex(out.dims(),
                 [&](const Index &i) { at<T>(out, i) = call.inputs.size() > 2 ? at<T>(call.inputs[2], i) : T(0); });
    forEachIndex(dy.dims(), [&](const Index &i) {
      const int64_t id = integerAt(ids, i), row = id - offset;
      if (id != padding && row >= 0 && row < out.shape[0]) at<T>(out, {row, i[dy.rank - 1]}) += at<T>(dy, i);
    });
  });
  return absl::OkStatus();
}

}  // namespace cleave::reference
