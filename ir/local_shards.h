// What one device holds of an op's values, and what its kernel is told of the whole.

#ifndef CLEAVE_IR_LOCAL_SHARDS_H
#define CLEAVE_IR_LOCAL_SHARDS_H

#include <string>
#include <variant>
#include <vector>

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"

namespace cleave {

// Elements [start, start + extent) of each dimension of a value of shape `global`.
struct Shard {
  llvm::SmallVector<int64_t, 4> global, start, extent;

  int64_t elements() const {
    int64_t product = 1;
    for (int64_t size : extent) product *= size;
    return product;
  }
  bool operator==(const Shard &other) const {
    return global == other.global && start == other.start && extent == other.extent;
  }
};

// Shards of all operands (absent ones left out) and results of an op on one device.
struct LocalShards {
  llvm::SmallVector<Shard, 4> operands;
  llvm::SmallVector<Shard, 2> results;
};

// Named values that go to a kernel. Setting a name again replaces its value.
class KernelAttributes {
 public:
  using Value = std::variant<int64_t, double, std::string, std::vector<int64_t>, std::vector<double>>;

  void set(llvm::StringRef name, int64_t value) { put(name, value); }
  void set(llvm::StringRef name, double value) { put(name, value); }
  void set(llvm::StringRef name, llvm::StringRef value) { put(name, value.str()); }
  void set(llvm::StringRef name, llvm::ArrayRef<int64_t> value) { put(name, value.vec()); }
  void set(llvm::StringRef name, llvm::ArrayRef<double> value) { put(name, value.vec()); }

  const std::vector<std::pair<std::string, Value>> &all() const { return values_; }

 private:
  void put(llvm::StringRef name, Value value) {
    for (auto &[known, old] : values_)
      if (known == name) {
        old = std::move(value);
        return;
      }
    values_.emplace_back(name.str(), std::move(value));
  }

  std::vector<std::pair<std::string, Value>> values_;
};

}  // namespace cleave

#endif  // CLEAVE_IR_LOCAL_SHARDS_H
