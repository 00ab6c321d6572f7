#include "tests/kernels/testing.h"

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "kernels/cpu/register.h"
#include "kernels/reference/register.h"

namespace cleave::testing {
namespace {

template <typename Function>
auto withType(DType dtype, Function &&function) {
  switch (dtype) {
    case DType::kF64: return function(double());
    case DType::kI32: return function(int32_t());
    case DType::kI64: return function(int64_t());
    case DType::kBool: return function(uint8_t());
    default: return function(float());
  }
}

// Scratch memory for each worker of a pool.
class Workspaces {
 public:
  explicit Workspaces(int count) : memory_(count) {
    for (auto &memory : memory_) {
      memory.reset(static_cast<char *>(std::aligned_alloc(64, kWorkspaceBytes)));
      std::memset(memory.get(), 0xFF, kWorkspaceBytes);  // NaNs
      pointers_.push_back(memory.get());
    }
  }
  absl::Span<char *const> pointers() const { return pointers_; }

 private:
  struct Free {
    void operator()(char *memory) const { std::free(memory); }
  };
  std::vector<std::unique_ptr<char, Free>> memory_;
  std::vector<char *> pointers_;
};

std::vector<TensorView> viewsOf(const std::vector<Tensor> &tensors) {
  std::vector<TensorView> views;
  for (const Tensor &tensor : tensors) views.push_back(tensor.view());
  return views;
}

}  // namespace

Tensor::Tensor(DType dtype, Shape shape) : view_(TensorView::contiguous(nullptr, dtype, shape)) {
  allocate(view_.elements());
}

Tensor::Tensor(const Tensor &other) { *this = other; }

Tensor &Tensor::operator=(const Tensor &other) {
  const int64_t offset = other.view_.as<char>() - reinterpret_cast<char *>(other.memory_->data());
  memory_ = std::make_shared<std::vector<double>>(*other.memory_);
  view_ = other.view_;
  view_.data = reinterpret_cast<char *>(memory_->data()) + offset;
  return *this;
}

void Tensor::allocate(int64_t elements) {
  memory_ = std::make_shared<std::vector<double>>(elements * bytesOf(view_.dtype) / 8 + 8);
  std::memset(memory_->data(), 0xA5, memory_->size() * 8);
  view_.data = memory_->data();
}

Tensor Tensor::of(DType dtype, Shape shape, const std::vector<double> &values) {
  Tensor tensor(dtype, std::move(shape));
  for (size_t i = 0; i < values.size(); ++i) tensor.set(i, values[i]);
  return tensor;
}

int64_t Tensor::positionOf(int64_t i) const {
  int64_t position = 0;
  for (int d = view_.rank - 1; d >= 0; --d) {
    position += i % view_.shape[d] * view_.strides[d];
    i /= view_.shape[d];
  }
  return position;
}

double Tensor::get(int64_t i) const {
  return withType(view_.dtype, [&](auto type) { return double(view_.as<decltype(type)>()[positionOf(i)]); });
}

void Tensor::set(int64_t i, double value) {
  withType(view_.dtype,
           [&](auto type) { view_.as<decltype(type)>()[positionOf(i)] = static_cast<decltype(type)>(value); });
}

std::vector<double> Tensor::values() const {
  std::vector<double> values(size());
  for (int64_t i = 0; i < size(); ++i) values[i] = get(i);
  return values;
}

Tensor Tensor::as(DType dtype) const { return of(dtype, Shape(view_.dims().begin(), view_.dims().end()), values()); }

Tensor Tensor::strided() const {
  Tensor result(view_.dtype, {});
  result.view_ = view_;
  int64_t stride = 2;
  for (int d = 0; d < view_.rank; ++d) {
    result.view_.strides[d] = stride;
    stride *= view_.shape[d] + 1;
  }
  result.allocate(stride + 1);
  for (int64_t i = 0; i < size(); ++i) result.set(i, get(i));
  return result;
}

bool Tensor::sameBytes(const Tensor &other) const {
  return std::memcmp(view_.data, other.view_.data, view_.bytes()) == 0;
}

void FreshThreads::parallelFor(int64_t tiles, absl::FunctionRef<void(int64_t, int)> body) {
  std::atomic<int64_t> next{0};
  auto work = [&](int worker) {
    for (int64_t tile = next++; tile < tiles; tile = next++) body(tile, worker);
  };
  std::vector<std::thread> others;
  for (int worker = 1; worker < threads_; ++worker) others.emplace_back(work, worker);
  work(0);
  for (std::thread &other : others) other.join();
}

Registry referenceRegistry() {
  Registry registry;
  registerReferenceKernels(registry);
  return registry;
}

Registry cpuRegistry() {
  Registry registry;
  registerCpuKernels(registry);
  return registry;
}

absl::Status call(const Registry &registry, Case &c, ThreadPool &pool) {
  const std::vector<TensorView> inputs = viewsOf(c.inputs), outputs = viewsOf(c.outputs);
  const KernelCall call = {c.attributes, inputs, outputs};
  const auto kernel = registry.find(c.kernel, call);
  if (!kernel.ok()) return kernel.status();
  const Workspaces workspaces(pool.threads());
  KernelContext context = {pool, workspaces.pointers()};
  return (*kernel)->run(call, context);
}

absl::Status call(const Registry &registry, Case &c) {
  SerialPool pool;
  return call(registry, c, pool);
}

absl::Status check(const Registry &registry, const Case &c) {
  const std::vector<TensorView> inputs = viewsOf(c.inputs), outputs = viewsOf(c.outputs);
  return registry.find(c.kernel, {c.attributes, inputs, outputs}).status();
}

uint64_t testSeed() {
  const char *given = std::getenv("CLEAVE_SEED");
  return given ? std::strtoull(given, nullptr, 10) : 20260801;
}

}  // namespace cleave::testing
