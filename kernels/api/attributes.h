// What a kernel is told besides its tensors: a handful of named values.

#ifndef CLEAVE_KERNELS_API_ATTRIBUTES_H
#define CLEAVE_KERNELS_API_ATTRIBUTES_H

#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace cleave {

using AttributeValue = std::variant<int64_t, double, std::string, std::vector<int64_t>, std::vector<double>>;

// A small map by name, kept in order of insertion. A `check` of a kernel asks with find(), which tells what is missing or
// of another type; `run` asks with the plain getters, after `check` has succeeded.
class Attributes {
 public:
  Attributes() = default;
  Attributes(std::initializer_list<std::pair<std::string, AttributeValue>> values) : values_(values) {}

  void set(absl::string_view name, AttributeValue value);
  bool has(absl::string_view name) const { return lookup(name) != nullptr; }

  // InvalidArgument that names the attribute if it is missing or holds another type.
  absl::StatusOr<int64_t> findInt(absl::string_view name) const;
  absl::StatusOr<double> findDouble(absl::string_view name) const;
  absl::StatusOr<std::string> findString(absl::string_view name) const;
  absl::StatusOr<std::vector<int64_t>> findInts(absl::string_view name) const;
  absl::StatusOr<std::vector<double>> findDoubles(absl::string_view name) const;  // an empty list of either type will do

  // The value, or `otherwise` where the attribute is absent or of another type.
  int64_t getInt(absl::string_view name, int64_t otherwise = 0) const;
  double getDouble(absl::string_view name, double otherwise = 0) const;
  const std::string &getString(absl::string_view name) const;          // "" if absent
  const std::vector<int64_t> &getInts(absl::string_view name) const;   // {} if absent
  const std::vector<double> &getDoubles(absl::string_view name) const; // {} if absent

  const std::vector<std::pair<std::string, AttributeValue>> &all() const { return values_; }

 private:
  const AttributeValue *lookup(absl::string_view name) const;

  std::vector<std::pair<std::string, AttributeValue>> values_;
};

}  // namespace cleave

#endif  // CLEAVE_KERNELS_API_ATTRIBUTES_H
