#include "kernels/checks/arguments.h"

#include <algorithm>

namespace cleave {

AttentionArguments AttentionArguments::of(const KernelCall &call, bool isGradient) {
  const Attributes &attributes = call.attributes;
  const size_t required = isGradient ? 6 : 3;
  const std::vector<int64_t> &segments = attributes.getInts("segments");
  size_t next = required;
  auto optional = [&](size_t number) -> const TensorView * {
    const bool there = segments.empty() ? next < call.inputs.size() : segments[required + number] != 0;
    return there ? &call.inputs[next++] : nullptr;
  };
  AttentionArguments a;
  a.q = &call.inputs[0];
  a.k = &call.inputs[1];
  a.v = &call.inputs[2];
  if (isGradient) {
    a.out = &call.inputs[3];
    a.lse = &call.inputs[4];
    a.outGradient = &call.inputs[5];
  }
  a.bias = optional(0);
  a.keyMask = optional(1);
  a.querySegments = optional(2);
  a.keySegments = optional(3);
  a.key = optional(4);
  a.b = a.q->shape[0];
  a.s = a.q->shape[1];
  a.h = a.q->shape[2];
  a.d = a.q->shape[3];
  a.t = a.k->shape[1];
  a.g = a.k->shape[2];
  a.causal = attributes.getInt("causal") != 0;
  a.window = attributes.getInt("window");
  a.scale = attributes.getDouble("scale");
  a.dropoutRate = attributes.getDouble("dropout_rate");
  a.id = static_cast<uint32_t>(attributes.getInt("id"));
  a.elementOffset = attributes.getInt("element_offset");
  a.batchOffset = attributes.getInt("batch_offset");
  a.queryOffset = attributes.getInt("query_offset");
  a.headOffset = attributes.getInt("head_offset");
  a.group = attributes.getInt("group", 1);
  a.kvHeadOffset = attributes.getInt("kv_head_offset");
  const std::vector<int64_t> &whole = attributes.getInts("global_shape");
  a.wholeHeads = whole[1];
  a.wholeQueries = whole[2];
  a.wholeKeys = whole[3];
  return a;
}

int64_t AttentionArguments::firstKey(int64_t query) const {
  const int64_t position = queryOffset + query + wholeKeys - wholeQueries;
  return window > 0 ? std::clamp<int64_t>(position - window + 1, 0, t) : 0;
}

int64_t AttentionArguments::endKey(int64_t query) const {
  const int64_t position = queryOffset + query + wholeKeys - wholeQueries;
  return causal ? std::clamp<int64_t>(position + 1, 0, t) : t;
}

RandomKey randomKeyOf(const TensorView &key) {
  const int32_t *words = key.as<int32_t>();
  const int64_t stride = key.strides[0];
  return {uint32_t(words[0]), uint32_t(words[stride]), uint32_t(words[2 * stride]), uint32_t(words[3 * stride])};
}

}  // namespace cleave
