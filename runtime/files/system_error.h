// What the operating system says, as a status.

#ifndef CLEAVE_RUNTIME_FILES_SYSTEM_ERROR_H
#define CLEAVE_RUNTIME_FILES_SYSTEM_ERROR_H

#include <cerrno>
#include <string>
#include <system_error>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace cleave {

// `cannot open "x": No such file or directory`; NotFound where there is no such file. `number` is an errno.
inline absl::Status systemError(absl::string_view what, absl::string_view path, int number) {
  const std::string message =
      absl::StrCat(what, " \"", path, "\": ", std::generic_category().default_error_condition(number).message());
  return number == ENOENT ? absl::NotFoundError(message) : absl::FailedPreconditionError(message);
}

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_FILES_SYSTEM_ERROR_H
