// Libraries divide their work among OpenMP's threads, which would fight with ours.

#ifndef CLEAVE_KERNELS_CPU_ONE_OPENMP_THREAD_H
#define CLEAVE_KERNELS_CPU_ONE_OPENMP_THREAD_H

#include <omp.h>

namespace cleave {

// Within this scope a library that the calling thread enters finds one thread.
class OneOpenMpThread {
 public:
  OneOpenMpThread() : before_(omp_get_max_threads()) {
    if (before_ != 1) omp_set_num_threads(1);
  }
  ~OneOpenMpThread() {
    if (before_ != 1) omp_set_num_threads(before_);
  }

 private:
  int before_;
};

}  // namespace cleave

#endif  // CLEAVE_KERNELS_CPU_ONE_OPENMP_THREAD_H
