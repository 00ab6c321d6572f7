// Several files of examples as one source: a file "x.json" that names them and says how often each is drawn.
//
//   {"sources": {"books": {"data": "books.bin", "weight": 3}, "code": {"data": "code.bin", "weight": 1}}}
//
// Paths are relative to the file's folder. Each example of a batch is drawn by itself.

#ifndef CLEAVE_RUNTIME_DATA_MIXTURE_H
#define CLEAVE_RUNTIME_DATA_MIXTURE_H

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/data/row_order.h"
#include "runtime/data/row_source.h"

namespace cleave {

struct Mixture {
  struct Part {
    std::string name, path;
    double weight = 0;
    int64_t rows = 0;
  };

  // Rows of each part in an order of its own, parts by weight. Row numbers are those of `source`.
  RowOrder order(bool isShuffled, uint64_t seed) const;
  // Names, weights and rows as JSON: what a run that goes on must have again.
  std::string description() const;

  std::vector<Part> parts;            // by name
  std::unique_ptr<RowSource> source;  // all rows of all parts, one part after the other
};

using OpenRows = std::function<absl::StatusOr<std::unique_ptr<RowSource>>(const std::string &path)>;

// Reads the file and opens what it names. Parts have the same columns; an error names file, part and rule.
absl::StatusOr<Mixture> openMixture(const std::string &path, const OpenRows &open);

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_DATA_MIXTURE_H
