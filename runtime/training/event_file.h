// Event files, which TensorBoard reads: a record a step, with what a metrics file has.

#ifndef CLEAVE_RUNTIME_TRAINING_EVENT_FILE_H
#define CLEAVE_RUNTIME_TRAINING_EVENT_FILE_H

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/training/metrics.h"

namespace cleave {

// Castagnoli's checksum, as RFC 3720 defines it.
uint32_t crc32c(absl::string_view bytes);

class EventFile {
 public:
  // A new file in the folder, which is made if need be, for a run that has taken `step` steps. What files of the folder
  // hold of later steps TensorBoard drops.
  static absl::StatusOr<EventFile> create(const std::string &folder, int64_t step);

  // Tags are the names that a metrics file has ("loss", "eval_loss"); those of the model's own metrics are
  // "metrics/NAME" and "eval_metrics/NAME", and "peak_bytes" is that of the fullest device.
  absl::Status write(const StepMetrics &metrics);

  // Makes the records so far outlast a power cut.
  absl::Status flush();

 private:
  struct Close {
    void operator()(std::FILE *file) const { std::fclose(file); }
  };
  EventFile(std::string path, std::FILE *file) : path_(std::move(path)), file_(file) {}
  absl::Status append(absl::string_view event);

  std::string path_;
  std::unique_ptr<std::FILE, Close> file_;
};

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_TRAINING_EVENT_FILE_H
