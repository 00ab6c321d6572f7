#include "runtime/flight/diagnose.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "runtime/flight/flight_format.h"

namespace cleave {
namespace {

using Kind = FlightEvent::Kind;

// What counts more than all that follow together.
constexpr int kFailedScore = 16, kNoRecordScore = 8, kSilentScore = 4, kAwaitedScore = 2, kLinkedScore = 1;

bool isMessage(const FlightEvent &event) {
  return event.kind == Kind::kMessageBegun || event.kind == Kind::kMessageEnded;
}

// The last word of each rank on each collective, and of each process on its messages with each other one.
class LastEvents {
 public:
  explicit LastEvents(const std::vector<FlightRecord> &records) {
    for (const FlightRecord &record : records)
      for (const FlightEvent &event : record.events)
        if (isMessage(event)) {
          messages_[{record.identity.process, event.subject}] = event;
        } else {
          noteCollective(event);
        }
  }

  // Collectives that a rank is in, and those that it gave up.
  const std::map<int, FlightEvent> &openOf(int rank) const {
    static const std::map<int, FlightEvent> kNone;
    const auto known = open_.find(rank);
    return known == open_.end() ? kNone : known->second;
  }
  int64_t turnsOf(int rank, int collective) const {
    const auto known = turns_.find({rank, collective});
    return known == turns_.end() ? 0 : known->second;
  }
  const FlightEvent *messageOf(int process, int other) const {
    const auto known = messages_.find({process, other});
    return known == messages_.end() ? nullptr : &known->second;
  }

 private:
  void noteCollective(const FlightEvent &event) {
    turns_[{event.rank, event.subject}] = event.sequence;
    if (event.kind == Kind::kEnqueued) {
      open_[event.rank][event.subject] = event;
    } else if (event.kind == Kind::kFinished) {
      open_[event.rank].erase(event.subject);
    }
  }

  std::map<int, std::map<int, FlightEvent>> open_;  // by rank, then collective: how it came there
  std::map<std::pair<int, int>, int64_t> turns_;
  std::map<std::pair<int, int>, FlightEvent> messages_;
};

class Examination {
 public:
  explicit Examination(const std::vector<FlightRecord> &records) : records_(records), last_(records) {
    const FlightIdentity &any = records.front().identity;
    processes_ = any.processes;
    ranksOfProcess_ = std::max(1, any.endRank - any.firstRank);
    recordOf_.resize(processes_, nullptr);
    for (const FlightRecord &record : records)
      if (record.identity.process < processes_) recordOf_[record.identity.process] = &record;
    for (const FlightRecord &record : records) lastSign_ = std::max(lastSign_, record.aliveNanos);
  }

  Diagnosis take() {
    for (const FlightRecord &record : records_)
      if (record.outcome != FlightOutcome::kDone) findWaits(record);
    std::vector<std::pair<int, Diagnosis::Suspect>> scored;
    for (int process = 0; process < processes_; ++process) {
      Diagnosis::Suspect suspect;
      if (const int score = judge(process, suspect); score > 0) scored.push_back({score, std::move(suspect)});
    }
    std::stable_sort(scored.begin(), scored.end(), [&](const auto &a, const auto &b) {
      return std::make_pair(-a.first, aliveUntil(a.second.process)) <
             std::make_pair(-b.first, aliveUntil(b.second.process));
    });
    std::set<int> linked;
    for (const auto &[process, others] : linkedWith_) {
      linked.insert(process);
      linked.insert(others.begin(), others.end());
    }
    found_.linked.assign(linked.begin(), linked.end());
    for (auto &[score, suspect] : scored) found_.suspects.push_back(std::move(suspect));
    return std::move(found_);
  }

 private:
  int64_t aliveUntil(int process) const { return recordOf_[process] ? recordOf_[process]->aliveNanos : 0; }
  int processOf(int rank) const { return rank / ranksOfProcess_; }

  static std::vector<int> groupOf(const FlightCollective &collective, int rank) {
    for (const std::vector<int> &group : collective.groups)
      if (std::find(group.begin(), group.end(), rank) != group.end()) return group;
    return {};
  }

  void findWaits(const FlightRecord &record) {
    const auto wait = [&](int rank, const FlightEvent &event, std::string what, std::vector<int> absent) {
      found_.waits.push_back({record.identity.process, rank, event.step, std::move(what),
                              event.nanos, std::max(event.nanos, record.aliveNanos), std::move(absent)});
    };
    for (int rank = record.identity.firstRank; rank < record.identity.endRank; ++rank)
      for (const auto &[index, event] : last_.openOf(rank)) {
        const FlightCollective &collective = record.collectives[index];
        const std::vector<int> group = groupOf(collective, rank);
        std::vector<int> absent;
        for (int member : group)
          if (last_.turnsOf(member, index) < event.sequence) absent.push_back(member);
        for (int member : absent) {
          awaited_[processOf(member)].insert(collective.str());
          absent_.insert(member);
          waitsFor_[record.identity.process].insert(processOf(member));
        }
        for (int member : group)
          if (absent.empty() && processOf(member) != record.identity.process)
            linkedWith_[record.identity.process].insert(processOf(member));
        wait(rank, event, absl::StrCat(collective.str(), ", turn ", event.sequence), std::move(absent));
      }
    for (int other = 0; other < processes_; ++other) {
      const FlightEvent *mine = last_.messageOf(record.identity.process, other);
      if (mine == nullptr || mine->kind == Kind::kMessageEnded) continue;
      const FlightEvent *theirs = last_.messageOf(other, record.identity.process);
      const bool isAbsent = theirs == nullptr || theirs->sequence < mine->sequence;
      if (isAbsent) {
        awaited_[other].insert("messages between steps");
        waitsFor_[record.identity.process].insert(other);
      } else {
        linkedWith_[record.identity.process].insert(other);
      }
      wait(-1, *mine, absl::StrCat("message ", mine->sequence, " with process ", other),
           isAbsent ? std::vector<int>{other} : std::vector<int>{});
    }
  }

  // Whether it waits for another process that has not come.
  bool waitsForOthers(int process) const {
    const auto known = waitsFor_.find(process);
    return known != waitsFor_.end() &&
           std::any_of(known->second.begin(), known->second.end(), [&](int other) { return other != process; });
  }

  // How long it gave no sign of life when it mattered; 0: it lived on.
  int64_t silenceOf(const FlightRecord &record) const {
    const int64_t atEnd = record.outcome == FlightOutcome::kUnderWay ? lastSign_ - record.aliveNanos : 0;
    if (atEnd > flight::kSilenceNanos) return atEnd;
    for (const Diagnosis::Wait &wait : found_.waits) {
      const int64_t waited = wait.endNanos - wait.beginNanos;
      const int64_t shared =
          std::min(wait.endNanos, record.pauseEnd) - std::max(wait.beginNanos, record.pauseBegin);
      if (wait.process != record.identity.process && waited > flight::kSilenceNanos && 2 * shared > waited)
        return record.pauseEnd - record.pauseBegin;
    }
    return 0;
  }

  // The processes between which and it data are under way that hold up its own ranks; none where one of these that
  // others wait for is in no collective: at work.
  std::set<int> holdUpOf(int process) const {
    const auto linked = linkedWith_.find(process);
    if (linked == linkedWith_.end()) return {};
    for (int rank = process * ranksOfProcess_; rank < (process + 1) * ranksOfProcess_; ++rank)
      if (absent_.count(rank) > 0 && last_.openOf(rank).empty()) return {};
    return linked->second;
  }

  int judge(int process, Diagnosis::Suspect &suspect) const {
    const FlightRecord *record = recordOf_[process];
    suspect.process = process;
    for (int rank = 0; rank < ranksOfProcess_; ++rank) suspect.ranks.push_back(process * ranksOfProcess_ + rank);
    if (record != nullptr) suspect.host = record->identity.host;
    int score = 0;
    if (record != nullptr && record->outcome == FlightOutcome::kFailed) {
      score += kFailedScore;
      suspect.reasons.push_back(absl::StrCat("it failed: ", record->why));
    }
    if (record == nullptr) {
      score += kNoRecordScore;
      suspect.reasons.push_back("it has left no record: it never came to the first step, or its host is gone");
    }
    if (const int64_t silence = record ? silenceOf(*record) : 0; silence > 0) {
      score += kSilentScore;
      suspect.reasons.push_back(absl::StrFormat("it was stopped or ended by a signal in step %d (phase %s): it gave no "
                                                "sign of life for %.2f s",
                                                record->step, nameOf(record->phase), double(silence) * 1e-9));
    }
    if (const auto awaited = awaited_.find(process); awaited != awaited_.end() && !waitsForOthers(process)) {
      const std::set<int> linked = holdUpOf(process);
      suspect.absentFrom.assign(awaited->second.begin(), awaited->second.end());
      if (score == 0)
        suspect.reasons.push_back(linked.empty()
                                      ? "others wait for it, and it waits for nobody: it was at work"
                                      : absl::StrCat("others wait for it, and it waits for data that are under way ",
                                                     "between it and process ", absl::StrJoin(linked, ", ")));
      score += linked.empty() ? kAwaitedScore : kLinkedScore;
    }
    return score;
  }

  const std::vector<FlightRecord> &records_;
  const LastEvents last_;
  int processes_ = 1, ranksOfProcess_ = 1;
  std::vector<const FlightRecord *> recordOf_;          // by process
  std::map<int, std::set<std::string>> awaited_;        // by process: what it is missing in
  std::set<int> absent_;                                // ranks that others wait for
  std::map<int, std::set<int>> waitsFor_;               // by process: those that have not come
  std::map<int, std::set<int>> linkedWith_;             // by process: those that have, where data do not
  int64_t lastSign_ = 0;
  Diagnosis found_;
};

}  // namespace

Diagnosis diagnose(const std::vector<FlightRecord> &records) {
  return records.empty() ? Diagnosis() : Examination(records).take();
}

}  // namespace cleave
