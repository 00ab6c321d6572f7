#include "runtime/transport/job.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace cleave {
namespace {

using Part = Transport::Part;
using Direction = Part::Direction;

// Where a call hears that its messages are through, even if it has given up by then.
struct Waiting {
  std::mutex mutex;
  std::condition_variable changed;
  bool isOver = false, isDone = false;
};

std::string packFacts(const std::string &host, const std::vector<std::pair<std::string, std::string>> &facts) {
  std::string packed = host + '\0';
  for (const auto &[name, value] : facts) packed.append(value).push_back('\0');
  return packed;
}

std::vector<std::string> unpackFacts(const std::string &packed) {
  std::vector<std::string> values;
  for (size_t begin = 0; begin < packed.size();) {
    const size_t end = packed.find('\0', begin);
    values.push_back(packed.substr(begin, end - begin));
    begin = end == std::string::npos ? packed.size() : end + 1;
  }
  return values;
}

}  // namespace

Job::Job(Transport &transport, std::string host, double deadlineSeconds)
    : transport_(transport), host_(std::move(host)), deadlineSeconds_(deadlineSeconds),
      channel_(transport.openChannels(1)) {}

absl::Status Job::move(std::vector<Part> parts, absl::string_view what, Patience patience) {
  auto waiting = std::make_shared<Waiting>();
  std::map<int, int64_t> bytesWith;
  for (const Part &part : parts) bytesWith[part.peer] += part.bytes;
  if (flight_)
    for (const auto &[peer, bytes] : bytesWith) flight_->messageBegun(peer, bytes);
  transport_.start(channel_, std::move(parts), [waiting](bool isDone) {
    std::lock_guard<std::mutex> lock(waiting->mutex);
    waiting->isOver = true;
    waiting->isDone = isDone;
    waiting->changed.notify_one();
  });
  std::unique_lock<std::mutex> lock(waiting->mutex);
  const auto isOver = [&] { return waiting->isOver; };
  if (deadlineSeconds_ <= 0 || patience == Patience::kForEver) {
    waiting->changed.wait(lock, isOver);
  } else if (!waiting->changed.wait_for(lock, std::chrono::duration<double>(deadlineSeconds_), isOver)) {
    const std::string peers = absl::StrJoin(transport_.awaited(channel_), ", ");
    transport_.abort();  // before the caller's memory goes
    waiting->changed.wait(lock, isOver);
    return absl::DeadlineExceededError(absl::StrCat(what, ": requires an answer within ", deadlineSeconds_,
                                                    " s, got none from process ", peers));
  }
  if (waiting->isDone) {
    if (flight_)
      for (const auto &[peer, bytes] : bytesWith) flight_->messageEnded(peer);
    return absl::OkStatus();
  }
  return absl::AbortedError(absl::StrCat(what, ": given up"));
}

absl::StatusOr<std::vector<std::string>> Job::gather(const std::string &mine) {
  std::vector<int64_t> sizes(processes(), 0);
  int64_t size = static_cast<int64_t>(mine.size());
  std::vector<Part> parts;
  for (int p = 0; p < processes(); ++p) {
    if (p == process()) continue;
    parts.push_back({Direction::kReceive, p, &sizes[p], sizeof(int64_t)});
    parts.push_back({Direction::kSend, p, &size, sizeof(int64_t)});
  }
  if (auto status = move(std::move(parts), "meeting of the processes"); !status.ok()) return status;

  std::vector<std::string> all(processes());
  std::string sent = mine;
  for (int p = 0; p < processes(); ++p) {
    if (p == process()) continue;
    all[p].resize(sizes[p]);
    if (sizes[p] > 0) parts.push_back({Direction::kReceive, p, all[p].data(), sizes[p]});
    if (size > 0) parts.push_back({Direction::kSend, p, sent.data(), size});
  }
  all[process()] = mine;
  if (auto status = move(std::move(parts), "meeting of the processes"); !status.ok()) return status;
  return all;
}

absl::Status Job::compare(const std::vector<std::pair<std::string, std::string>> &facts) {
  const auto all = gather(packFacts(host_, facts));
  if (!all.ok()) return all.status();
  hosts_.clear();
  for (const std::string &packed : *all) hosts_.push_back(packed.substr(0, packed.find('\0')));
  processesOfHost_ = static_cast<int>(std::count(hosts_.begin(), hosts_.end(), host_));
  std::vector<std::string> differences;
  const std::vector<std::string> first = unpackFacts((*all)[0]);
  if (first.size() != facts.size() + 1)
    return absl::FailedPreconditionError("requires processes of the same program, got one that tells other facts");
  for (int p = 1; p < processes(); ++p) {
    const std::vector<std::string> other = unpackFacts((*all)[p]);
    for (size_t f = 0; f < facts.size(); ++f) {
      const std::string seen = f + 1 < other.size() ? other[f + 1] : "";
      if (const std::string &expected = first[f + 1]; seen != expected)
        differences.push_back(absl::StrCat("process ", p, " on host ", other.empty() ? "" : other[0], ": requires the ",
                                           facts[f].first, " of process 0 on host ", first[0], ", \"", expected,
                                           "\", got \"", seen, "\""));
    }
  }
  if (differences.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrJoin(differences, "\n"));
}

absl::StatusOr<bool> Job::any(bool mine) {
  std::vector<char> all(processes(), 0);
  char own = mine;
  all[process()] = own;
  std::vector<Part> parts;
  for (int p = 0; p < processes(); ++p) {
    if (p == process()) continue;
    parts.push_back({Direction::kReceive, p, &all[p], 1});
    parts.push_back({Direction::kSend, p, &own, 1});
  }
  if (auto status = move(std::move(parts), "agreement of the processes"); !status.ok()) return status;
  for (char one : all)
    if (one) return true;
  return false;
}

absl::Status Job::send(int peer, absl::string_view bytes) {
  return move({{Direction::kSend, peer, const_cast<char *>(bytes.data()), static_cast<int64_t>(bytes.size())}},
              "message between processes");
}

absl::Status Job::receive(int peer, void *data, int64_t bytes, Patience patience) {
  return move({{Direction::kReceive, peer, data, bytes}}, "message between processes", patience);
}

absl::StatusOr<RankRange> ranksOfProcess(int ranks, int process, int processes, int64_t devicesPerProcess) {
  if (devicesPerProcess == 0 && ranks % processes == 0) devicesPerProcess = ranks / processes;
  if (devicesPerProcess <= 0 || devicesPerProcess > ranks || devicesPerProcess * processes != ranks)
    return absl::InvalidArgumentError(
        absl::StrCat("requires processes that hold the plan's ", ranks, " devices between them, got ", processes,
                     devicesPerProcess > 0 ? absl::StrCat(" of ", devicesPerProcess, " devices each") : ""));
  const int first = static_cast<int>(process * devicesPerProcess);
  return RankRange{first, first + static_cast<int>(devicesPerProcess)};
}

std::string nameOfHost() {
  char name[256] = "";
  ::gethostname(name, sizeof(name) - 1);
  return name;
}

}  // namespace cleave
