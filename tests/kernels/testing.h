// Tensors that own their memory, and calls of kernels on them.

#ifndef CLEAVE_TESTS_KERNELS_TESTING_H
#define CLEAVE_TESTS_KERNELS_TESTING_H

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "kernels/api/registry.h"

namespace cleave::testing {

using Shape = std::vector<int64_t>;

// A dense tensor with memory of its own; copies share nothing.
class Tensor {
 public:
  Tensor(DType dtype, Shape shape);
  Tensor(const Tensor &other);
  Tensor &operator=(const Tensor &other);

  // The values, rounded or truncated to `dtype`, row-major.
  static Tensor of(DType dtype, Shape shape, const std::vector<double> &values);

  const TensorView &view() const { return view_; }
  double get(int64_t i) const;
  void set(int64_t i, double value);
  int64_t size() const { return view_.elements(); }
  std::vector<double> values() const;
  Tensor as(DType dtype) const;  // converted

  // The same values behind strides: dimensions stored in reverse order, with gaps.
  Tensor strided() const;
  bool sameBytes(const Tensor &other) const;

 private:
  void allocate(int64_t elements);
  int64_t positionOf(int64_t i) const;  // in memory, of the row-major element i

  std::shared_ptr<std::vector<double>> memory_;  // doubles, to be aligned for all dtypes
  TensorView view_;
};

// A pool of threads that are started for each call; slow, but a different one each time.
class FreshThreads final : public ThreadPool {
 public:
  explicit FreshThreads(int threads) : threads_(threads) {}
  int threads() const final { return threads_; }
  void parallelFor(int64_t tiles, absl::FunctionRef<void(int64_t, int)> body) final;

 private:
  int threads_;
};

// One call's ingredients. Outputs hold garbage before the call.
struct Case {
  std::string kernel;
  Attributes attributes;
  std::vector<Tensor> inputs;
  std::vector<Tensor> outputs;
  double tolerance = 2e-6;  // of f32 results, relative to the largest of the output
  std::string label;
};

Registry referenceRegistry();
Registry cpuRegistry();  // the fast kernels alone

// The error of find() or of run().
absl::Status call(const Registry &registry, Case &c, ThreadPool &pool);
absl::Status call(const Registry &registry, Case &c);  // on one thread
absl::Status check(const Registry &registry, const Case &c);

// A generator that names its seed when a test fails: CLEAVE_SEED, or a fixed one.
uint64_t testSeed();

}  // namespace cleave::testing

#endif  // CLEAVE_TESTS_KERNELS_TESTING_H
