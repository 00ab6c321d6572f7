#include "runtime/transport/mpi_transport.h"

#include <sys/prctl.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <future>
#include <list>
#include <mutex>
#include <set>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/transport/mpi_library.h"

namespace cleave {
namespace {

using Time = std::chrono::steady_clock;

constexpr int64_t kMostMessage = int64_t{1} << 30;  // MPI counts with an int
// How long the thread sleeps while it waits for messages, as nobody tells when one comes: a part of the time that it
// has waited so far.
constexpr std::chrono::microseconds kShortNap(20), kLongNap(200);
constexpr int kNapsOfWait = 16;

class MpiTransportImpl final : public MpiTransport {
 public:
  explicit MpiTransportImpl(const MpiLibrary &mpi) : mpi_(mpi) {}

  ~MpiTransportImpl() final {
    if (!thread_.joinable()) return;
    if (!isLeaving_) abort();
    tellThread([this] { isClosing_ = true; });
    thread_.join();
  }

  absl::Status start(const Launch &launch) {
    std::promise<absl::Status> started;
    auto outcome = started.get_future();
    thread_ = std::thread([this, &launch, &started] { serve(launch, started); });
    return outcome.get();
  }

  int process() const final { return process_; }
  int processes() const final { return processes_; }

  int openChannels(int count) final {
    std::lock_guard<std::mutex> lock(mutex_);
    const int first = nextChannel_;
    nextChannel_ += count;
    return first;
  }

  void start(int channel, std::vector<Part> parts, Done done) final {
    tellThread([&] { queued_.push_back({channel, std::move(parts), std::move(done), {}}); });
  }

  std::vector<int> awaited(int channel) const final {
    std::lock_guard<std::mutex> lock(mutex_);
    std::set<int> peers;
    const auto add = [&](const std::list<Batch> &batches) {
      for (const Batch &batch : batches)
        for (const Part &part : batch.parts)
          if (batch.channel == channel) peers.insert(part.peer);
    };
    add(queued_);
    add(active_);
    return std::vector<int>(peers.begin(), peers.end());
  }

  void abort() final {
    tellThread([this] { isAborted_ = true; });
  }

  absl::Status leave() final {
    tellThread([this] { isLeaving_ = isClosing_ = true; });
    thread_.join();
    return error_;
  }

 private:
  // What one call of start() moves.
  struct Batch {
    int channel = 0;
    std::vector<Part> parts;
    Done done;
    std::vector<MpiLibrary::Handle> requests;
  };

  template <typename Change>
  void tellThread(Change change) {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      change();
    }
    changed_.notify_one();
  }

  absl::Status open(const Launch &launch) {
    int provided = 0;
    if (int code = mpi_.initThread(nullptr, nullptr, MpiLibrary::kFunneled, &provided); code != 0)
      return absl::InternalError(absl::StrCat("MPI_Init_thread: ", mpi_.errorText(code)));
    mpi_.commSetErrhandler(mpi_.world, mpi_.errorsReturn);
    mpi_.commSize(mpi_.world, &processes_);
    mpi_.commRank(mpi_.world, &process_);
    if (processes_ == launch.processes && process_ == launch.process) return numberByHost();
    return absl::FailedPreconditionError(
        absl::StrCat("requires that Open MPI sees what the launcher says (", launch.str(), "), got process ", process_,
                     " of ", processes_, "; start with mpirun of Open MPI, srun --mpi=pmix, or cleave run"));
  }

  // Processes of a host get numbers that follow each other, wherever the launcher put them: hosts in the order of their
  // first processes, and on each the launcher's order.
  absl::Status numberByHost() {
    MpiLibrary::Handle host = nullptr;
    int first = process_;
    int code = mpi_.commSplitType(mpi_.world, MpiLibrary::kShared, /*key=*/0, mpi_.noInfo, &host);
    if (code == 0) code = mpi_.bcast(&first, sizeof(first), mpi_.byte, /*root=*/0, host);
    if (code == 0) code = mpi_.commSplit(mpi_.world, /*color=*/0, /*key=*/first, &all_);
    if (code != 0) return absl::InternalError(absl::StrCat("order of the processes: ", mpi_.errorText(code)));
    mpi_.commSetErrhandler(all_, mpi_.errorsReturn);
    mpi_.commRank(all_, &process_);
    return absl::OkStatus();
  }

  void serve(const Launch &launch, std::promise<absl::Status> &started) {
    ::prctl(PR_SET_TIMERSLACK, 1000UL);  // of this thread, in ns
    const absl::Status status = open(launch);
    started.set_value(status);
    if (!status.ok()) return;  // to an error that is told; the launcher ends a job that a process leaves so
    auto moved = Time::now();
    for (;;) {
      std::unique_lock<std::mutex> lock(mutex_);
      if (queued_.empty() && !active_.empty() && !isAborted_) {
        changed_.wait_for(lock, std::clamp<Time::duration>((Time::now() - moved) / kNapsOfWait, kShortNap, kLongNap));
      } else {
        changed_.wait(lock, [&] { return !queued_.empty() || !active_.empty() || isClosing_; });
      }
      if (isAborted_) {
        giveUp(std::move(lock));
      } else if (isClosing_ && queued_.empty() && active_.empty()) {
        break;
      } else {
        lock.unlock();
        if (progress()) moved = Time::now();
        continue;
      }
      std::lock_guard<std::mutex> again(mutex_);
      if (isClosing_) break;
    }
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [&] { return isClosing_; });
    lock.unlock();
    close();
  }

  void close() {
    if (isLeaving_ && !isAborted_) {
      mpi_.finalize();
    } else {
      mpi_.abort(mpi_.world, 1);
    }
  }

  // Whether anything has ended or begun.
  bool progress() {
    bool isMoved = false;
    for (;;) {
      std::unique_lock<std::mutex> lock(mutex_);
      if (queued_.empty()) break;
      active_.splice(active_.end(), queued_, queued_.begin());
      lock.unlock();
      post(active_.back());
      isMoved = true;
    }
    for (auto batch = active_.begin(); batch != active_.end();) {
      int isDone = 0;
      if (!batch->requests.empty())
        check("MPI_Testall", mpi_.testall(int(batch->requests.size()), batch->requests.data(), &isDone, nullptr));
      if (!batch->requests.empty() && !isDone) {
        ++batch;
        continue;
      }
      const Done done = std::move(batch->done);
      bool isFine = false;
      {
        std::lock_guard<std::mutex> lock(mutex_);
        isFine = !isAborted_;
        batch = active_.erase(batch);
      }
      done(isFine);
      isMoved = true;
    }
    return isMoved;
  }

  void post(Batch &batch) {
    for (const Part &part : batch.parts)
      for (int64_t begin = 0; begin < part.bytes; begin += kMostMessage) {
        const int count = static_cast<int>(std::min(kMostMessage, part.bytes - begin));
        char *data = static_cast<char *>(part.data) + begin;
        MpiLibrary::Handle request = nullptr;
        if (part.direction == Part::Direction::kSend) {
          check("MPI_Isend", mpi_.isend(data, count, mpi_.byte, part.peer, batch.channel, all_, &request));
        } else {
          check("MPI_Irecv", mpi_.irecv(data, count, mpi_.byte, part.peer, batch.channel, all_, &request));
        }
        if (request != nullptr) batch.requests.push_back(request);
      }
  }

  void check(const char *function, int code) {
    if (code == 0) return;
    std::lock_guard<std::mutex> lock(mutex_);
    if (error_.ok()) {
      error_ = absl::UnavailableError(absl::StrCat(function, ": ", mpi_.errorText(code)));
      std::fprintf(stderr, "cleave: process %d: %s\n", process_, std::string(error_.message()).c_str());
    }
    isAborted_ = true;
  }

  // What has come so far stays where it is; the job ends. Takes the lock.
  void giveUp(std::unique_lock<std::mutex> lock) {
    std::list<Batch> batches = std::move(active_);
    batches.splice(batches.end(), queued_);
    active_.clear();
    lock.unlock();
    for (Batch &batch : batches) {
      for (MpiLibrary::Handle &request : batch.requests) mpi_.cancel(&request);
      batch.done(false);
    }
  }

  const MpiLibrary mpi_;
  MpiLibrary::Handle all_ = nullptr;  // the world, numbered by host
  int process_ = 0, processes_ = 1;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::list<Batch> queued_, active_;  // the thread alone changes `active_`
  int nextChannel_ = 0;
  bool isAborted_ = false, isClosing_ = false, isLeaving_ = false;
  absl::Status error_;
  std::thread thread_;
};

// Whether Slurm offers PMIx, PMI-2 or PMI-1 to this process.
bool isToldOfPeers() {
  const Environment environment = environmentOfProcess();
  return environment.count("PMIX_RANK") + environment.count("PMI2_RANK") + environment.count("PMI_FD") > 0;
}

}  // namespace

absl::StatusOr<std::unique_ptr<MpiTransport>> MpiTransport::join(const Launch &launch) {
  // Open MPI would end the process.
  if (launch.launcher == Launch::Launcher::kSlurm && !isToldOfPeers())
    return absl::FailedPreconditionError(absl::StrCat(
        "requires srun --mpi=pmix, by which the processes of Open MPI find each other, got a step without it (",
        launch.str(), "); srun --mpi=list tells what this Slurm has"));
  const auto mpi = MpiLibrary::load();
  if (!mpi.ok()) return mpi.status();
  auto transport = std::make_unique<MpiTransportImpl>(*mpi);
  if (auto status = transport->start(launch); !status.ok()) return status;
  return transport;
}

}  // namespace cleave
