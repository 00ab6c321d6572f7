// Makes the inputs of a step from the rows of a file.

#ifndef CLEAVE_RUNTIME_DATA_BATCH_READER_H
#define CLEAVE_RUNTIME_DATA_BATCH_READER_H

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "runtime/data/mixture.h"
#include "runtime/data/row_order.h"
#include "runtime/data/row_source.h"
#include "runtime/host_tensor.h"
#include "runtime/plan/program.h"

namespace cleave {

// Global tensors by the port that takes them.
using Batch = std::map<std::string, HostTensor>;

// A port, and where its values come from.
struct DataPort {
  program::DataInput input;
  const program::Port *port = nullptr;
};

// Knows which columns the data inputs of an entry come from and how absent ones are made. Batches depend on the file
// and the rows alone: not on the mesh, nor on microbatches. Threads may read at once.
class BatchReader {
 public:
  // Opens `path` (.bin: tokens of `tokenBytes`; .safetensors: examples; .json: a mixture of such files) for an entry's data
  // inputs. Checks every value of a file: a token that the model doesn't know is an error that names file and position.
  static absl::StatusOr<BatchReader> open(const std::string &path, int tokenBytes, const LoadedPlan &plan,
                                          const program::Entry &entry);

  // Reads what some ports take from a source that lies in memory: a batch, under a name for messages. Values are
  // checked when they are read.
  static absl::StatusOr<BatchReader> over(std::unique_ptr<RowSource> source, const std::string &name,
                                          const LoadedPlan &plan, const std::vector<DataPort> &ports);

  int64_t rows() const { return source_->rows(); }
  // In which a run takes the rows: those of a mixture by weight.
  RowOrder order(bool isShuffled, uint64_t seed) const;
  // What a mixture is made of, as JSON; empty for a single file.
  std::string mixture() const { return mixture_.parts.empty() ? "" : mixture_.description(); }
  int64_t batch() const { return batch_; }       // rows of a batch
  bool hasLabels() const { return hasLabels_; }  // so that rows can be left out by their labels
  const std::vector<std::string> &unusedColumns() const { return unused_; }

  // `rows` are batch() rows; the labels of those from `counted` on are all set not to count.
  absl::StatusOr<Batch> read(absl::Span<const int64_t> rows, int64_t counted) const;

 private:
  struct Slot {
    program::DataInput input;
    program::TensorType type;  // of the port
    int64_t width = 0;         // values of one row
    bool isLabels = false;
    bool isFloat = false;
  };

  BatchReader() = default;
  absl::Status addSlots(const std::vector<DataPort> &ports, const LoadedPlan &plan, const std::string &path);
  absl::Status addSlot(const program::DataInput &input, const program::Port &port, const std::string &path);
  absl::Status checkAllRows() const;
  absl::Status readRow(const Slot &slot, int64_t row, bool isCounted, HostTensor &out, int64_t index) const;
  absl::Status checkRow(const Slot &slot, int64_t row, absl::Span<const int64_t> values) const;
  absl::Status makeIntegers(const Slot &slot, int64_t row, absl::Span<int64_t> out) const;

  std::unique_ptr<RowSource> source_;
  Mixture mixture_;  // without its source; no parts for a single file
  program::ModelFamily family_;
  std::vector<Slot> slots_;
  std::vector<std::string> unused_;
  int64_t batch_ = 0;
  bool hasLabels_ = false;
};

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_DATA_BATCH_READER_H
