// JSON from files that nobody vouches for.

#ifndef CLEAVE_RUNTIME_FILES_STRICT_JSON_H
#define CLEAVE_RUNTIME_FILES_STRICT_JSON_H

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"

namespace cleave {

// Parses one JSON value. Refuses what a plain parser lets pass: a name that occurs twice in an object, and nesting
// deeper than `maxDepth` (1 allows an object of plain values). Errors tell where; the caller adds which file.
absl::StatusOr<nlohmann::json> parseStrictJson(absl::string_view text, int maxDepth);

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_FILES_STRICT_JSON_H
