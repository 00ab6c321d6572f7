// Batches one after the other, made while the devices compute.

#ifndef CLEAVE_RUNTIME_DATA_BATCH_STREAM_H
#define CLEAVE_RUNTIME_DATA_BATCH_STREAM_H

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <thread>

#include "absl/status/statusor.h"
#include "runtime/data/batch_reader.h"
#include "runtime/data/row_order.h"

namespace cleave {

// Batch k takes the `batch` positions of the order from `first` + k * batch. One thread of its own stays one batch
// ahead. next() is for one caller.
class BatchStream {
 public:
  // `reader` must outlive the stream.
  BatchStream(const BatchReader &reader, RowOrder order, int64_t first);
  ~BatchStream();
  BatchStream(const BatchStream &) = delete;
  BatchStream &operator=(const BatchStream &) = delete;

  absl::StatusOr<Batch> next();

 private:
  void produce();
  absl::StatusOr<Batch> make();

  const BatchReader &reader_;
  RowOrder order_;
  int64_t position_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<absl::StatusOr<Batch>> ready_;  // guarded by mutex_
  bool isEnding_ = false;                    // guarded by mutex_
  std::thread producer_;                     // last: it uses all of the above
};

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_DATA_BATCH_STREAM_H
