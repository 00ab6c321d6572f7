// Static placement of buffers in one arena.

#ifndef CLEAVE_PASSES_SCHEDULE_ARENA_H
#define CLEAVE_PASSES_SCHEDULE_ARENA_H

#include <cstdint>
#include <vector>

namespace cleave {

inline constexpr int64_t kArenaAlignment = 64;
inline int64_t aligned(int64_t bytes) { return (bytes + kArenaAlignment - 1) / kArenaAlignment * kArenaAlignment; }

// When a buffer holds something, in places of a list of tasks. A buffer that a task of stream s fills may take
// another's bytes if the task stands at freedAt[s] or behind.
struct Lifetime {
  int begin = 0;             // the task that fills it first; -1: it is full from the start
  int stream = 0;            // of that task
  std::vector<int> freedAt;  // by stream
};

struct Buffer {
  int64_t bytes = 0;
  Lifetime life;
};

// Whether two buffers need bytes of their own.
bool meet(const Lifetime &a, const Lifetime &b);

struct ArenaPlan {
  std::vector<int64_t> offsets;  // one a buffer, aligned; 0 for an empty one
  int64_t bytes = 0;             // of the arena
};

// Largest buffers first, each into the tightest gap that the buffers that it meets leave; of several such orders the
// best one, or the first that needs no more than `enough` bytes. `tasks` is the length of the list.
ArenaPlan planArena(const std::vector<Buffer> &buffers, int tasks, int64_t enough = 0);

// What no plan can do without: the most bytes that are alive while one task runs, if tasks run in the order of the
// list.
struct Peak {
  int64_t bytes = 0;
  int task = 0;
};
Peak findPeak(const std::vector<Buffer> &buffers, const std::vector<int> &lastAccess, int tasks);

}  // namespace cleave

#endif  // CLEAVE_PASSES_SCHEDULE_ARENA_H
