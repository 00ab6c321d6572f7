#include "runtime/data/batch_stream.h"

#include <utility>
#include <vector>

namespace cleave {

BatchStream::BatchStream(const BatchReader &reader, RowOrder order, int64_t first)
    : reader_(reader), order_(std::move(order)), position_(first), producer_([this] { produce(); }) {}

BatchStream::~BatchStream() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    isEnding_ = true;
  }
  changed_.notify_all();
  producer_.join();
}

absl::StatusOr<Batch> BatchStream::make() {
  std::vector<int64_t> rows(static_cast<size_t>(reader_.batch()));
  for (int64_t &row : rows) row = order_.rowAt(position_++);
  return reader_.read(rows, reader_.batch());
}

void BatchStream::produce() {
  for (bool isOk = true; isOk;) {
    auto batch = make();
    isOk = batch.ok();
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [this] { return ready_.empty() || isEnding_; });
    if (isEnding_) return;
    ready_.push_back(std::move(batch));
    changed_.notify_all();
  }
}

absl::StatusOr<Batch> BatchStream::next() {
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait(lock, [this] { return !ready_.empty(); });
  // A failure stays, so that a caller who asks again gets it again.
  if (!ready_.front().ok()) return ready_.front().status();
  absl::StatusOr<Batch> batch = std::move(ready_.front());
  ready_.pop_front();
  changed_.notify_all();
  return batch;
}

}  // namespace cleave
