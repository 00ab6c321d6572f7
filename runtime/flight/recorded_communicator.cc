#include "runtime/flight/recorded_communicator.h"

#include <utility>
#include <vector>

namespace cleave {
namespace {

using Kind = FlightEvent::Kind;

// Stands between a member's listener and the communicator.
class Witness final : public CollectiveListener {
 public:
  void set(FlightRecorder &recorder, int entry, int collective, int rank) {
    recorder_ = &recorder;
    entry_ = entry;
    collective_ = collective;
    rank_ = rank;
  }
  void begin(CollectiveListener *listener) {
    listener_ = listener;
    recorder_->collective(Kind::kEnqueued, entry_, collective_, rank_);
  }
  void onCollective(Event event, const Transfer &transfer) final {
    const Kind kind = event == Event::kShare ? Kind::kStarted : event == Event::kDone ? Kind::kFinished : Kind::kFailed;
    recorder_->collective(kind, entry_, collective_, rank_);
    listener_->onCollective(event, transfer);
  }

 private:
  FlightRecorder *recorder_ = nullptr;
  CollectiveListener *listener_ = nullptr;
  int entry_ = 0, collective_ = 0, rank_ = 0;
};

class RecordedCommunicator final : public Communicator {
 public:
  RecordedCommunicator(std::unique_ptr<Communicator> inner, int entry, int collectives, int firstRank, int endRank,
                       FlightRecorder &recorder)
      : inner_(std::move(inner)), firstRank_(firstRank), ranks_(endRank - firstRank),
        witnesses_(size_t(collectives) * size_t(ranks_)) {
    for (int c = 0; c < collectives; ++c)
      for (int r = 0; r < ranks_; ++r) witnessOf(c, firstRank + r).set(recorder, entry, c, firstRank + r);
  }

  void start(const CollectiveCall &call) final {
    Witness &witness = witnessOf(call.collective, call.rank);
    witness.begin(call.listener);
    CollectiveCall seen = call;
    seen.listener = &witness;
    inner_->start(seen);
  }
  void work(int collective, int rank) final { inner_->work(collective, rank); }
  void abort() final { inner_->abort(); }
  void reset() final { inner_->reset(); }
  std::vector<int> awaited(int collective, int rank) const final { return inner_->awaited(collective, rank); }

 private:
  Witness &witnessOf(int collective, int rank) { return witnesses_[collective * ranks_ + rank - firstRank_]; }

  const std::unique_ptr<Communicator> inner_;
  const int firstRank_, ranks_;
  std::vector<Witness> witnesses_;  // by collective, then rank here
};

}  // namespace

std::unique_ptr<Communicator> makeRecordedCommunicator(std::unique_ptr<Communicator> inner, int entry, int collectives,
                                                       int firstRank, int endRank, FlightRecorder &recorder) {
  return std::make_unique<RecordedCommunicator>(std::move(inner), entry, collectives, firstRank, endRank, recorder);
}

}  // namespace cleave
