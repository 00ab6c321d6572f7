#include "runtime/trace/arrivals.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <tuple>

namespace cleave {
namespace {

struct Stay {
  int32_t rank = 0, collective = 0;
  int64_t nanos = 0;
};

// The turns of a collective on a rank, in order.
using Turns = std::map<std::pair<int, int>, std::vector<int64_t>>;

Turns unpack(const std::vector<std::string> &packed) {
  Turns turns;
  for (const std::string &bytes : packed)
    for (size_t at = 0; at + sizeof(Stay) <= bytes.size(); at += sizeof(Stay)) {
      Stay stay;
      std::memcpy(&stay, bytes.data() + at, sizeof(stay));
      turns[{stay.rank, stay.collective}].push_back(stay.nanos);
    }
  return turns;
}

const std::vector<int> *groupOf(const CollectiveSpec &spec, int rank) {
  for (const CollectiveSpec::Group &group : spec.groups)
    if (std::find(group.ranks.begin(), group.ranks.end(), rank) != group.ranks.end()) return &group.ranks;
  return nullptr;
}

}  // namespace

std::string packStays(const std::vector<DeviceRun> &runs) {
  std::string packed;
  for (const DeviceRun &run : runs)
    for (const CollectiveEvent &event : run.collectives) {
      const Stay stay{run.rank, event.label->collective, event.doneNanos - event.startNanos};
      packed.append(reinterpret_cast<const char *>(&stay), sizeof(stay));
    }
  return packed;
}

void settleArrivals(const std::vector<std::string> &packed, const std::vector<CollectiveSpec> &collectives,
                    std::vector<DeviceRun> &runs) {
  const Turns turns = unpack(packed);
  for (DeviceRun &run : runs) {
    std::map<int, size_t> turnOf;  // by collective
    for (CollectiveEvent &event : run.collectives) {
      const int index = event.label->collective;
      const size_t turn = turnOf[index]++;
      const std::vector<int> *group = groupOf(collectives[index], run.rank);
      if (group == nullptr) continue;
      int64_t shortest = event.doneNanos - event.startNanos;
      for (int member : *group)
        if (const auto known = turns.find({member, index}); known != turns.end() && turn < known->second.size())
          shortest = std::min(shortest, known->second[turn]);
      event.arrivedNanos = std::max(event.arrivedNanos, event.doneNanos - std::max<int64_t>(shortest, 0));
      event.beginNanos = std::max(event.beginNanos, event.arrivedNanos);
    }
  }
}

}  // namespace cleave
