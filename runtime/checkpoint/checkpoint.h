// Everything that a run needs to go on, on disk.
//
// A checkpoint folder holds some of
//   step-<n>/model.safetensors   the weights, named as the model's family names them (train --init takes it)
//   step-<n>/state.safetensors   the optimizer's state, by variable of the plan
//   step-<n>/data.json           where the source of data stands, if it says so
//   step-<n>/manifest.json       the rest, with sizes and SHA-256 of the other files
//   latest                       the name of the newest one
// A checkpoint is written aside, flushed to the disk and renamed; only then `latest` moves on, and only then older ones
// but the one before go. So whatever cuts a write short, `latest` names a whole checkpoint.

#ifndef CLEAVE_RUNTIME_CHECKPOINT_CHECKPOINT_H
#define CLEAVE_RUNTIME_CHECKPOINT_CHECKPOINT_H

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/plan/program.h"
#include "runtime/weights/slabs.h"

namespace cleave {

// Where a run stands after `step` steps.
struct RunPosition {
  int64_t step = 0;
  int64_t examples = 0;  // positions of the data's order that have been taken
  uint64_t seed = 0;
  std::string order;     // "shuffled" or "sequential"
  int64_t dataRows = 0;  // of the data file, to notice another one
  std::string dataState;  // JSON: of a mixture what it is, of a source that keeps its own position where; else empty
  std::string planHash;  // in hexadecimal
  // What the machine decided, which bits of results may depend on: {"threads": "2", "kernels": "..."}.
  std::map<std::string, std::string> machine;
};

// Writes a checkpoint into `folder` (made if need be) and returns its own folder, "<folder>/step-<n>".
absl::StatusOr<std::string> writeCheckpoint(const std::string &folder, const RunPosition &position,
                                            const LoadedPlan &plan, VisitPart read);

// The folder of the newest checkpoint of `path`, or `path` itself if it is a checkpoint.
absl::StatusOr<std::string> findCheckpoint(const std::string &path);

// Reads a checkpoint (as findCheckpoint returns it). A damaged or incomplete one is an error that names the file, found
// before anything is written. The plan must have the same variables; its mesh may be another.
absl::StatusOr<RunPosition> readCheckpoint(const std::string &checkpoint, const LoadedPlan &plan, VisitPart write);

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_CHECKPOINT_CHECKPOINT_H
