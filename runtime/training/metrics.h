// The metrics file: one JSON object a step.

#ifndef CLEAVE_RUNTIME_TRAINING_METRICS_H
#define CLEAVE_RUNTIME_TRAINING_METRICS_H

#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace cleave {

struct StepMetrics {
  int64_t step = 0;  // from 1
  double loss = 0;
  double gradNorm = 0;
  double learningRate = 0;
  double stepMs = 0;               // on the devices
  // See DeviceTimes; each the largest of all devices.
  double commMs = 0;     // links were busy
  double exposedMs = 0;  // computing stood still for want of a transfer alone
  double lateMs = 0;     // computing stood still for a device that had not arrived
  std::vector<double> lateMsByRank;  // the same of every rank; empty where not all are known
  double dataMs = 0;               // waiting for the batch
  double tokensPerSecond = 0;      // labels that count, by step_ms
  double teraflops = 0;            // 10^12 flops of the model a second, by step_ms
  std::vector<int64_t> peakBytes;  // by device
  std::map<std::string, double> named;  // what the model's loss gives besides
  std::optional<double> evalLoss;
  std::map<std::string, double> evalNamed;
  bool withoutCommunication = false;  // the numbers are wrong
};

// One line without its end. Floats read back as the same values; those that are not finite are "NaN", "Infinity",
// "-Infinity".
std::string metricsLine(const StepMetrics &metrics);

class MetricsFile {
 public:
  // Begins a new file, or (step > 0) goes on behind the line of `step`: what an existing file holds of later steps, or
  // of a line that was cut off, is removed.
  static absl::StatusOr<MetricsFile> open(const std::string &path, int64_t step);

  // A reader sees the whole line at once.
  absl::Status write(const StepMetrics &metrics);

  // Makes the lines so far outlast a power cut.
  absl::Status flush();

 private:
  struct Close {
    void operator()(std::FILE *file) const { std::fclose(file); }
  };
  MetricsFile(std::string path, std::FILE *file) : path_(std::move(path)), file_(file) {}

  std::string path_;
  std::unique_ptr<std::FILE, Close> file_;
};

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_TRAINING_METRICS_H
