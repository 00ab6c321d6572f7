// Which bytes of a collective go from which process to which, and what is made of them.
//
//   direct: every process gets what its members' outputs need, and combines it
//   shared: process p combines the p-th part of the elements for all, then sends the result to all; for reductions of
//           equal boxes, where that moves less

#ifndef CLEAVE_KERNELS_COLLECTIVES_PROCESS_EXCHANGE_H
#define CLEAVE_KERNELS_COLLECTIVES_PROCESS_EXCHANGE_H

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "absl/types/span.h"
#include "kernels/api/communicator.h"

namespace cleave::collectives {

// Memory for values on their way, which the exchanges of a process share: those that are not under way hold none. All
// methods may be called from any thread.
class StagePool {
 public:
  using Memory = std::unique_ptr<char[]>;
  Memory take(int64_t bytes);
  void give(Memory memory, int64_t bytes);  // what take gave for so many bytes

 private:
  std::mutex mutex_;
  std::map<int64_t, std::vector<Memory>> free_;  // by capacity
};

// Of one group, as one of its processes sees it. A round: the parts of `first` are moved, `work` for each
// local member, the parts of `second` are moved (there may be none), `finish`.
class ProcessExchange {
 public:
  // By segment, then member; only local members' have data.
  using Views = std::vector<std::vector<TensorView>>;

  virtual ~ProcessExchange() = default;
  virtual std::vector<Transport::Part> first(const Views &inputs, const Views &outputs) = 0;
  virtual void work(int member, const Views &inputs, const Views &outputs) = 0;
  virtual std::vector<Transport::Part> second() = 0;
  virtual void finish(const Views &outputs) = 0;
  virtual void release() = 0;  // behind it: gives back memory, which nobody may use any more
};

// Where members live.
struct ProcessPlaces {
  std::vector<int> processOf;  // by member
  int self = 0;                // this process

  bool isLocal(int member) const { return processOf[member] == self; }
  std::vector<int> processes() const;     // in ascending order
  std::vector<int> localMembers() const;  // in ascending order
};

// `spec`, its group and `pool` must outlive it.
std::unique_ptr<ProcessExchange> makeProcessExchange(const CollectiveSpec &spec, const CollectiveSpec::Group &group,
                                                     ProcessPlaces places, StagePool &pool);

}  // namespace cleave::collectives

#endif  // CLEAVE_KERNELS_COLLECTIVES_PROCESS_EXCHANGE_H
