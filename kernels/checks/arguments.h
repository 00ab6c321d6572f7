// The operands and attributes of the larger kernels by name, read from a call.

#ifndef CLEAVE_KERNELS_CHECKS_ARGUMENTS_H
#define CLEAVE_KERNELS_CHECKS_ARGUMENTS_H

#include "kernels/api/random.h"
#include "kernels/api/registry.h"

namespace cleave {

// attention and attention_gradient. Optional views are null where absent. b, s, h, d, t, g are local extents.
struct AttentionArguments {
  // Of a call that `check` accepted.
  static AttentionArguments of(const KernelCall &call, bool isGradient);

  const TensorView *q, *k, *v;
  const TensorView *out = nullptr, *lse = nullptr, *outGradient = nullptr;  // inputs of the gradient only
  const TensorView *bias, *keyMask, *querySegments, *keySegments, *key;
  int64_t b, s, h, d, t, g;
  bool causal;
  int64_t window;  // 0: none
  double scale;
  double dropoutRate;
  uint32_t id;
  int64_t elementOffset;
  int64_t batchOffset, queryOffset, headOffset, group, kvHeadOffset;
  int64_t wholeHeads, wholeQueries, wholeKeys;

  // The local kv head of a local query head.
  int64_t kvHeadOf(int64_t head) const { return (headOffset + head) / group - kvHeadOffset; }
  // The keys that the local query may see by position are [firstKey, endKey). Query i stands at key i + T - S, so that
  // the last query stands at the last key.
  int64_t firstKey(int64_t query) const;
  int64_t endKey(int64_t query) const;
  // The element that dropout draws for: its index in the whole [B, H, S, T].
  uint64_t dropoutElement(int64_t batch, int64_t head, int64_t query, int64_t key) const {
    const int64_t row = ((batchOffset + batch) * wholeHeads + headOffset + head) * wholeQueries + queryOffset + query;
    return static_cast<uint64_t>(row * wholeKeys + key + elementOffset);
  }
};

// The four words of a key.
RandomKey randomKeyOf(const TensorView &key);

}  // namespace cleave

#endif  // CLEAVE_KERNELS_CHECKS_ARGUMENTS_H
