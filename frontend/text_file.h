// Small text files, read whole.

#ifndef CLEAVE_FRONTEND_TEXT_FILE_H
#define CLEAVE_FRONTEND_TEXT_FILE_H

#include <string>

#include "absl/status/statusor.h"

namespace cleave {

// The contents of `path`; an error that names the file if it can't be read or has more than `mostBytes`.
absl::StatusOr<std::string> readTextFile(const std::string &path, size_t mostBytes);

}  // namespace cleave

#endif  // CLEAVE_FRONTEND_TEXT_FILE_H
