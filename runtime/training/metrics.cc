#include "runtime/training/metrics.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"
#include "runtime/files/mapped_file.h"
#include "runtime/files/system_error.h"

namespace cleave {
namespace {

using Json = nlohmann::ordered_json;

Json numberOf(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  return value;
}

Json objectOf(const std::map<std::string, double> &values) {
  Json object;
  for (const auto &[name, value] : values) object[name] = numberOf(value);
  return object;
}

// Bytes of the leading lines whose steps are at most `step`.
absl::StatusOr<size_t> bytesUpTo(const std::string &path, int64_t step) {
  auto file = MappedFile::open(path);
  if (!file.ok()) return file.status();
  const absl::string_view text = file->bytes();
  size_t kept = 0;
  while (true) {
    const size_t end = text.find('\n', kept);
    if (end == absl::string_view::npos) return kept;
    const absl::string_view line = text.substr(kept, end - kept);
    const auto value = nlohmann::json::parse(line.begin(), line.end(), nullptr, /*allow_exceptions=*/false);
    if (!value.is_object() || !value.contains("step") || !value["step"].is_number_integer() ||
        value["step"].get<int64_t>() > step)
      return kept;
    kept = end + 1;
  }
}

}  // namespace

std::string metricsLine(const StepMetrics &metrics) {
  Json line;
  line["step"] = metrics.step;
  line["loss"] = numberOf(metrics.loss);
  line["grad_norm"] = numberOf(metrics.gradNorm);
  line["lr"] = numberOf(metrics.learningRate);
  line["step_ms"] = numberOf(metrics.stepMs);
  line["comm_ms"] = numberOf(metrics.commMs);
  line["exposed_ms"] = numberOf(metrics.exposedMs);
  line["late_ms"] = numberOf(metrics.lateMs);
  if (metrics.lateMsByRank.size() > 1) {
    const auto &late = metrics.lateMsByRank;
    line["late_ms_by_rank"] = late;
    line["slowest_rank"] = std::min_element(late.begin(), late.end()) - late.begin();  // it waited least for others
  }
  line["data_ms"] = numberOf(metrics.dataMs);
  line["tokens_per_s"] = numberOf(metrics.tokensPerSecond);
  line["tflops"] = numberOf(metrics.teraflops);
  line["peak_bytes"] = metrics.peakBytes;
  if (!metrics.named.empty()) line["metrics"] = objectOf(metrics.named);
  if (metrics.evalLoss) line["eval_loss"] = numberOf(*metrics.evalLoss);
  if (!metrics.evalNamed.empty()) line["eval_metrics"] = objectOf(metrics.evalNamed);
  if (metrics.withoutCommunication) line["without_communication"] = true;
  return line.dump();
}

absl::StatusOr<MetricsFile> MetricsFile::open(const std::string &path, int64_t step) {
  std::error_code error;
  if (step > 0 && std::filesystem::is_regular_file(path, error)) {
    auto kept = bytesUpTo(path, step);
    if (!kept.ok()) return kept.status();
    std::filesystem::resize_file(path, *kept, error);
    if (error) return absl::FailedPreconditionError(absl::StrCat("cannot write \"", path, "\": ", error.message()));
  }
  std::FILE *file = std::fopen(path.c_str(), step > 0 ? "ae" : "we");
  if (file == nullptr) return systemError("cannot write", path, errno);
  return MetricsFile(path, file);
}

absl::Status MetricsFile::write(const StepMetrics &metrics) {
  const std::string line = metricsLine(metrics) + "\n";
  if (std::fwrite(line.data(), 1, line.size(), file_.get()) != line.size() || std::fflush(file_.get()) != 0)
    return systemError("cannot write", path_, errno);
  return absl::OkStatus();
}

absl::Status MetricsFile::flush() {
  if (::fsync(::fileno(file_.get())) != 0 && errno != EINVAL && errno != ENOTSUP)
    return systemError("cannot write", path_, errno);
  return absl::OkStatus();
}

}  // namespace cleave
