// Examples of a file, by row and column.

#ifndef CLEAVE_RUNTIME_DATA_ROW_SOURCE_H
#define CLEAVE_RUNTIME_DATA_ROW_SOURCE_H

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace cleave {

// A mapped file of equally long rows. Threads may read at once.
class RowSource {
 public:
  virtual ~RowSource() = default;

  virtual int64_t rows() const = 0;
  virtual std::vector<std::string> columns() const = 0;
  virtual bool has(const std::string &column) const = 0;

  // The number of values of one row of a column that is there.
  virtual int64_t width(const std::string &column) const = 0;

  // One row as integers or as floats; `out` is as long as the row. An error if the column holds the other kind.
  virtual absl::Status readIntegers(const std::string &column, int64_t row, absl::Span<int64_t> out) const = 0;
  virtual absl::Status readFloats(const std::string &column, int64_t row, absl::Span<float> out) const = 0;

  // Where a value lies, for errors: `"x.bin" at token 17`.
  virtual std::string where(const std::string &column, int64_t row, int64_t index) const = 0;

  // Lets pages that were read stop counting as this process's memory.
  virtual void release() const = 0;
};

// A stream of little-endian unsigned tokens of `tokenBytes` (2 or 4). Row r reads seq + 1 tokens from r * seq: the
// first seq are "input_ids", the last seq are "labels". There are floor((tokens - 1) / seq) rows.
absl::StatusOr<std::unique_ptr<RowSource>> openTokenFile(const std::string &path, int tokenBytes, int64_t seq);

// A safetensors file; all tensors have the same first dimension, the rows.
absl::StatusOr<std::unique_ptr<RowSource>> openExampleFile(const std::string &path);

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_DATA_ROW_SOURCE_H
