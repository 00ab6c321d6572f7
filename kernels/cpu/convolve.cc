#include "kernels/cpu/convolve.h"

#include <oneapi/dnnl/dnnl.hpp>
#include <unordered_map>
#include <utility>
#include <vector>

#include "kernels/cpu/one_openmp_thread.h"

namespace cleave {
namespace {

using dnnl::memory;

memory::dims dims(const RowsAndColumns &pair) { return {pair[0], pair[1]}; }

// The library counts the elements that a dilation leaves out.
memory::dims gaps(const RowsAndColumns &dilation) { return {dilation[0] - 1, dilation[1] - 1}; }

struct Layouts {
  memory::desc image, weight, bias, result;
};

// As they lie, or, without a tag of their own, as the library likes them.
Layouts layoutsOf(const Convolution &c, bool isFree) {
  const Windows &w = c.windows;
  const auto describe = [&](const memory::dims &sizes, memory::format_tag tag) {
    return memory::desc(sizes, memory::data_type::f32, isFree ? memory::format_tag::any : tag);
  };
  const memory::dims weight = c.groups == 1 ? memory::dims{c.out, c.in, w.window[0], w.window[1]}
                                            : memory::dims{c.groups, c.out, c.in, w.window[0], w.window[1]};
  return {describe({c.batch, c.groups * c.in, w.image[0], w.image[1]}, memory::format_tag::nchw),
          describe(weight, c.groups == 1 ? memory::format_tag::oihw : memory::format_tag::goihw),
          memory::desc({c.groups * c.out}, memory::data_type::f32, memory::format_tag::a),
          describe({c.batch, c.groups * c.out, w.count[0], w.count[1]}, memory::format_tag::nchw)};
}

// One call of the library: what lies in another layout than it wants is copied there, and results back.
class Call {
 public:
  void read(int argument, const float *data, const memory::desc &lies, const memory::desc &wanted) {
    memory given(lies, engine(), const_cast<float *>(data));
    if (lies == wanted) {
      arguments_.emplace(argument, given);
      return;
    }
    memory copy(wanted, engine());
    dnnl::reorder(given, copy).execute(stream(), given, copy);
    arguments_.emplace(argument, copy);
  }
  void write(int argument, float *data, const memory::desc &lies, const memory::desc &wanted) {
    memory target(lies, engine(), data);
    memory made = lies == wanted ? target : memory(wanted, engine());
    if (lies != wanted) results_.push_back({made, target});
    arguments_.emplace(argument, std::move(made));
  }
  void run(const dnnl::primitive &primitive) {
    primitive.execute(stream(), arguments_);
    for (auto &[made, target] : results_) dnnl::reorder(made, target).execute(stream(), made, target);
    stream().wait();
  }

  static const dnnl::engine &engine() {
    static const dnnl::engine kEngine(dnnl::engine::kind::cpu, 0);
    return kEngine;
  }

 private:
  static dnnl::stream &stream() {
    thread_local dnnl::stream ours(engine());
    return ours;
  }

  std::unordered_map<int, memory> arguments_;
  std::vector<std::pair<memory, memory>> results_;
};

// Windows of one element are products of matrices, which the library computes best as they lie: forward, of 8 images of
// 64 channels and 56x56 to 256, at 110 instead of 64 GFLOP/s.
bool isProduct(const Windows &w) { return w.window[0] == 1 && w.window[1] == 1; }

// Equal primitives are made once: the library keeps them.
dnnl::convolution_forward::primitive_desc forward(const Convolution &c, bool hasBias) {
  const Layouts wanted = layoutsOf(c, /*isFree=*/!isProduct(c.windows));
  const Windows &w = c.windows;
  constexpr auto kKind = dnnl::prop_kind::forward_training;
  constexpr auto kDirect = dnnl::algorithm::convolution_direct;
  const dnnl::convolution_forward::desc desc =
      hasBias ? dnnl::convolution_forward::desc(kKind, kDirect, wanted.image, wanted.weight, wanted.bias, wanted.result,
                                                dims(w.strides), gaps(w.dilation), dims(w.padding), dims(w.padding))
              : dnnl::convolution_forward::desc(kKind, kDirect, wanted.image, wanted.weight, wanted.result,
                                                dims(w.strides), gaps(w.dilation), dims(w.padding), dims(w.padding));
  return {desc, Call::engine()};
}

}  // namespace

void convolve(const Convolution &c, const float *image, const float *weight, const float *bias, float *result) {
  const OneOpenMpThread scope;
  const Layouts lies = layoutsOf(c, /*isFree=*/false);
  const auto primitive = forward(c, bias != nullptr);
  Call call;
  call.read(DNNL_ARG_SRC, image, lies.image, primitive.src_desc());
  call.read(DNNL_ARG_WEIGHTS, weight, lies.weight, primitive.weights_desc());
  if (bias) call.read(DNNL_ARG_BIAS, bias, lies.bias, lies.bias);
  call.write(DNNL_ARG_DST, result, lies.result, primitive.dst_desc());
  call.run(dnnl::convolution_forward(primitive));
}

void convolveInputGradient(const Convolution &c, const float *result, const float *weight, float *image) {
  const OneOpenMpThread scope;
  const Layouts lies = layoutsOf(c, /*isFree=*/false), wanted = layoutsOf(c, /*isFree=*/!isProduct(c.windows));
  const Windows &w = c.windows;
  const dnnl::convolution_backward_data::primitive_desc primitive(
      {dnnl::algorithm::convolution_direct, wanted.image, wanted.weight, wanted.result, dims(w.strides),
       gaps(w.dilation), dims(w.padding), dims(w.padding)},
      Call::engine(), forward(c, /*hasBias=*/false));
  Call call;
  call.read(DNNL_ARG_DIFF_DST, result, lies.result, primitive.diff_dst_desc());
  call.read(DNNL_ARG_WEIGHTS, weight, lies.weight, primitive.weights_desc());
  call.write(DNNL_ARG_DIFF_SRC, image, lies.image, primitive.diff_src_desc());
  call.run(dnnl::convolution_backward_data(primitive));
}

void convolveWeightGradient(const Convolution &c, const float *image, const float *result, float *weight) {
  const OneOpenMpThread scope;
  const Layouts lies = layoutsOf(c, /*isFree=*/false), wanted = layoutsOf(c, /*isFree=*/!isProduct(c.windows));
  const Windows &w = c.windows;
  const dnnl::convolution_backward_weights::primitive_desc primitive(
      {dnnl::algorithm::convolution_direct, wanted.image, wanted.weight, wanted.result, dims(w.strides),
       gaps(w.dilation), dims(w.padding), dims(w.padding)},
      Call::engine(), forward(c, /*hasBias=*/false));
  Call call;
  call.read(DNNL_ARG_SRC, image, lies.image, primitive.src_desc());
  call.read(DNNL_ARG_DIFF_DST, result, lies.result, primitive.diff_dst_desc());
  call.write(DNNL_ARG_DIFF_WEIGHTS, weight, lies.weight, primitive.diff_weights_desc());
  call.run(dnnl::convolution_backward_weights(primitive));
}

}  // namespace cleave
