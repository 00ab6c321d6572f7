#include "runtime/flight/flight_recorder.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <new>
#include <utility>

#include "runtime/files/new_file.h"
#include "runtime/files/system_error.h"
#include "runtime/flight/flight_format.h"

namespace cleave {
namespace {

constexpr int64_t kLeastEvents = 1024;
constexpr int64_t kTurnsKept = 2;
constexpr int64_t kEventsOfTurn = 3;    // of a collective
constexpr int64_t kEventsOfMeeting = 16;  // with each process, of the last steps
constexpr std::chrono::milliseconds kBeat(100);

int64_t nanosNow() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// What peers do to a process is no failure of its own.
FlightOutcome outcomeOf(const absl::Status &status) {
  switch (status.code()) {
    case absl::StatusCode::kOk: return FlightOutcome::kDone;
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kUnavailable: return FlightOutcome::kGaveUp;
    default: return FlightOutcome::kFailed;
  }
}

}  // namespace

FlightRecorder::FlightRecorder(FlightIdentity identity, const LoadedPlan &plan)
    : identity_(std::move(identity)), messages_(identity_.processes) {
  size_t collectives = 0;
  for (const program::Entry &entry : plan.entries) {
    firstOfEntry_.push_back(static_cast<int>(collectives));
    collectives += entry.collectives.size();
    for (const CollectiveSpec &spec : entry.collectives) bytes_.push_back(spec.bytes);
  }
  turns_ = std::vector<std::atomic<int64_t>>(collectives * (identity_.endRank - identity_.firstRank));
}

absl::StatusOr<std::unique_ptr<FlightRecorder>> FlightRecorder::create(const std::string &folder,
                                                                       FlightIdentity identity,
                                                                       const LoadedPlan &plan) {
  if (auto status = makeFolder(folder); !status.ok()) return status;
  identity.pid = ::getpid();
  std::vector<FlightCollective> collectives;
  for (const program::Entry &entry : plan.entries)
    for (const CollectiveSpec &spec : entry.collectives) {
      collectives.push_back({entry.name, spec.name, spec.kind, spec.axes, spec.bytes, {}});
      for (const CollectiveSpec::Group &group : spec.groups) collectives.back().groups.push_back(group.ranks);
    }
  std::unique_ptr<FlightRecorder> recorder(new FlightRecorder(std::move(identity), plan));
  const int64_t ranks = recorder->identity_.endRank - recorder->identity_.firstRank;
  const int64_t capacity = std::max(kLeastEvents, kTurnsKept * kEventsOfTurn * ranks * int64_t(collectives.size()) +
                                                      kEventsOfMeeting * recorder->identity_.processes);
  const std::string path = flightPath(folder, recorder->identity_.process);
  if (auto status = recorder->map(path, collectives, capacity); !status.ok()) return status;
  recorder->life_ = std::thread([self = recorder.get()] { self->liveOn(); });
  return recorder;
}

absl::Status FlightRecorder::map(const std::string &path, const std::vector<FlightCollective> &collectives,
                                 int64_t capacity) {
  const std::string text = flightText(identity_, collectives);
  const int64_t textBegin = int64_t(sizeof(flight::Head)) + capacity * int64_t(sizeof(flight::Slot));
  size_ = textBegin + int64_t(text.size());
  // Anew: readers of an old one keep it.
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return systemError("cannot replace", path, errno);
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (file < 0) return systemError("cannot write", path, errno);
  // With its blocks: a full disk is an error here, and no SIGBUS later.
  const int code = ::posix_fallocate(file, 0, size_);
  if (code == 0) memory_ = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  const int number = code != 0 ? code : errno;
  ::close(file);
  if (code != 0 || memory_ == MAP_FAILED) {
    memory_ = nullptr;
    return systemError("cannot write", path, number);
  }
  head_ = new (memory_) flight::Head{};
  slots_ = reinterpret_cast<flight::Slot *>(static_cast<char *>(memory_) + sizeof(flight::Head));
  std::memcpy(static_cast<char *>(memory_) + textBegin, text.data(), text.size());
  head_->capacity = capacity;
  head_->textBytes = static_cast<int64_t>(text.size());
  head_->aliveNanos = nanosNow();
  std::memcpy(head_->magic, flight::kMagic, sizeof(flight::kMagic));
  return absl::OkStatus();
}

FlightRecorder::~FlightRecorder() {
  if (life_.joinable()) {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      isClosing_ = true;
    }
    closing_.notify_one();
    life_.join();
  }
  if (memory_ != nullptr) ::munmap(memory_, size_);
}

void FlightRecorder::liveOn() {
  std::unique_lock<std::mutex> lock(mutex_);
  do {
    const int64_t before = head_->aliveNanos.load(std::memory_order_relaxed), now = nanosNow();
    if (now - before > flight::kSilenceNanos) {
      head_->pauseBegin.store(before, std::memory_order_relaxed);
      head_->pauseEnd.store(now, std::memory_order_relaxed);
    }
    head_->aliveNanos.store(now, std::memory_order_relaxed);
  } while (!closing_.wait_for(lock, kBeat, [&] { return isClosing_; }));
}

void FlightRecorder::enter(FlightPhase phase, int64_t step) {
  head_->step.store(step, std::memory_order_relaxed);
  head_->phase.store(static_cast<int32_t>(phase), std::memory_order_relaxed);
}

void FlightRecorder::collective(FlightEvent::Kind kind, int entry, int collective, int rank) {
  const int subject = firstOfEntry_[entry] + collective;
  const int64_t ranks = identity_.endRank - identity_.firstRank;
  std::atomic<int64_t> &turn = turns_[subject * ranks + rank - identity_.firstRank];
  FlightEvent event{kind};
  event.rank = rank;
  event.subject = subject;
  event.sequence = turn.fetch_add(kind == FlightEvent::Kind::kEnqueued, std::memory_order_relaxed) +
                   (kind == FlightEvent::Kind::kEnqueued);
  event.bytes = bytes_[subject];
  add(event);
}

void FlightRecorder::messageBegun(int process, int64_t bytes) {
  FlightEvent event{FlightEvent::Kind::kMessageBegun};
  event.subject = process;
  event.sequence = messages_[process].fetch_add(1, std::memory_order_relaxed) + 1;
  event.bytes = bytes;
  add(event);
}

void FlightRecorder::messageEnded(int process) {
  FlightEvent event{FlightEvent::Kind::kMessageEnded};
  event.subject = process;
  event.sequence = messages_[process].load(std::memory_order_relaxed);
  add(event);
}

void FlightRecorder::add(FlightEvent event) {
  const int64_t index = head_->written.fetch_add(1, std::memory_order_relaxed);
  flight::Slot &slot = slots_[index % head_->capacity];
  slot.number.store(0, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_release);
  slot.nanos = nanosNow();
  slot.step = head_->step.load(std::memory_order_relaxed);
  slot.sequence = event.sequence;
  slot.bytes = event.bytes;
  slot.kind = static_cast<int32_t>(event.kind);
  slot.rank = event.rank;
  slot.subject = event.subject;
  slot.number.store(index + 1, std::memory_order_release);
}

void FlightRecorder::end(const absl::Status &status) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (head_->outcome.load() != static_cast<int32_t>(FlightOutcome::kUnderWay)) return;
  const std::string why(status.message());
  std::memcpy(head_->why, why.data(), std::min<size_t>(why.size(), flight::kMostWhy - 1));
  head_->aliveNanos.store(nanosNow(), std::memory_order_relaxed);
  head_->outcome.store(static_cast<int32_t>(outcomeOf(status)));
}

}  // namespace cleave
