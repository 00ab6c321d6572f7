// Errors of Cleave as Python's.

#ifndef CLEAVE_PYTHON_BINDINGS_STATUS_ERROR_H
#define CLEAVE_PYTHON_BINDINGS_STATUS_ERROR_H

#include <stdexcept>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace cleave::python {

// Becomes cleave.Error.
class StatusError : public std::runtime_error {
 public:
  explicit StatusError(const absl::Status &status) : std::runtime_error(std::string(status.message())) {}
};

inline void check(const absl::Status &status) {
  if (!status.ok()) throw StatusError(status);
}

template <typename T>
T valueOf(absl::StatusOr<T> value) {
  check(value.status());
  return *std::move(value);
}

}  // namespace cleave::python

#endif  // CLEAVE_PYTHON_BINDINGS_STATUS_ERROR_H
