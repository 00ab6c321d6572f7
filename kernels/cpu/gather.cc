#include <cstring>

#include "kernels/cpu/cpu_features.h"
#include "kernels/cpu/families.h"
#include "kernels/cpu/positions.h"
#include "kernels/cpu/tiles.h"

namespace cleave::cpu {
namespace {

// Of a table's rows. An id of -1 may stand for none.
absl::Status checkIds(const TensorView &ids, const Attributes &attributes) {
  absl::optional<int64_t> none;
  if (attributes.getInt("optional") != 0) none = -1;
  return checkEntries(ids, attributes.getInt("rows"), "an id", none);
}

}  // namespace

absl::Status gather(const KernelCall &call, KernelContext &context) {
  const TensorView &x = call.inputs[0], &indices = call.inputs[1];
  const int64_t offset = call.attributes.getInt("index_offset"), held = lastExtent(x);
  if (absl::Status bounds = checkEntries(indices, call.attributes.getInt("index_size"), "an index"); !bounds.ok())
    return bounds;
  const int32_t *index = indices.as<int32_t>();
  const float *values = x.as<float>();
  float *y = call.outputs[0].as<float>();
  forRanges(context.pool, indices.elements(), kGrain, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const int64_t local = index[row] - offset;
      y[row] = local >= 0 && local < held ? values[row * held + local] : 0.0f;
    }
  });
  return absl::OkStatus();
}

absl::Status gatherGradient(const KernelCall &call, KernelContext &context) {
  const TensorView &indices = call.inputs[0], &out = call.outputs[0];
  const int64_t offset = call.attributes.getInt("index_offset"), held = lastExtent(out);
  if (absl::Status bounds = checkEntries(indices, call.attributes.getInt("index_size"), "an index"); !bounds.ok())
    return bounds;
  const int32_t *index = indices.as<int32_t>();
  const float *dy = call.inputs[1].as<float>();
  float *dx = out.as<float>();
  forRanges(context.pool, indices.elements(), rowGrain(held), [&](int64_t begin, int64_t end) {
    std::memset(dx + begin * held, 0, (end - begin) * held * sizeof(float));
    for (int64_t row = begin; row < end; ++row) {
      const int64_t local = index[row] - offset;
      if (local >= 0 && local < held) dx[row * held + local] = dy[row];
    }
  });
  return absl::OkStatus();
}

absl::Status embedding(const KernelCall &call, KernelContext &context) {
  const TensorView &table = call.inputs[0], &ids = call.inputs[1];
  const int64_t offset = call.attributes.getInt("row_offset"), rows = table.shape[0], features = table.shape[1];
  if (absl::Status bounds = checkIds(ids, call.attributes); !bounds.ok()) return bounds;
  const int32_t *id = ids.as<int32_t>();
  const float *values = table.as<float>();
  float *y = call.outputs[0].as<float>();
  forRanges(context.pool, ids.elements(), rowGrain(features), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t row = id[i] - offset;
      if (row >= 0 && row < rows) {
        std::memcpy(y + i * features, values + row * features, features * sizeof(float));
      } else {
        std::memset(y + i * features, 0, features * sizeof(float));
      }
    }
  });
  return absl::OkStatus();
}

absl::Status embeddingGradient(const KernelCall &call, KernelContext &context) {
  const TensorView &ids = call.inputs[0], &out = call.outputs[0];
  const int64_t offset = call.attributes.getInt("row_offset"), padding = call.attributes.getInt("padding_index", -1);
  const int64_t rows = out.shape[0], features = out.shape[1];
  if (absl::Status bounds = checkIds(ids, call.attributes); !bounds.ok()) return bounds;
  const int32_t *id = ids.as<int32_t>();
  const float *dy = call.inputs[1].as<float>();
  const float *accumulator = call.inputs.size() > 2 ? call.inputs[2].as<float>() : nullptr;
  float *sums = out.as<float>();
  if (sums != accumulator) {
    forRanges(context.pool, out.elements(), kGrain, [&](int64_t begin, int64_t end) {
      if (accumulator) {
        std::memcpy(sums + begin, accumulator + begin, (end - begin) * sizeof(float));
      } else {
        std::memset(sums + begin, 0, (end - begin) * sizeof(float));
      }
    });
  }
  // Each tile adds its columns of all positions, in their order.
  constexpr int64_t kColumns = 128;
  const int64_t positions = ids.elements();
  forRanges(context.pool, features, kColumns, [&](int64_t begin, int64_t end) {
    for (int64_t i = 0; i < positions; ++i) {
      const int64_t row = id[i] - offset;
      if (id[i] == padding || row < 0 || row >= rows) continue;
      float *sum = sums + row * features;
      vectorKernels().add(sum + begin, dy + i * features + begin, sum + begin, end - begin);
    }
  });
  return absl::OkStatus();
}

}  // namespace cleave::cpu
