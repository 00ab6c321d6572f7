#include "runtime/training/progress.h"

#include <unistd.h>

#include <algorithm>

#include "absl/strings/str_format.h"

namespace cleave {

std::string progressText(const StepMetrics &metrics, int64_t steps) {
  int64_t peak = 0;
  for (int64_t bytes : metrics.peakBytes) peak = std::max(peak, bytes);
  std::string text = absl::StrFormat(
      "step %d/%d  loss %.4f  grad norm %.3f  %.0f tokens/s  %.1f ms  peak %.1f MB a device", metrics.step, steps,
      metrics.loss, metrics.gradNorm, metrics.tokensPerSecond, metrics.stepMs, double(peak) / 1e6);
  for (const auto &[name, value] : metrics.named) text += absl::StrFormat("  %s %.4g", name, value);
  if (metrics.evalLoss) text += absl::StrFormat("  eval loss %.4f", *metrics.evalLoss);
  for (const auto &[name, value] : metrics.evalNamed) text += absl::StrFormat("  eval %s %.4g", name, value);
  if (metrics.withoutCommunication) text += "  WITHOUT COMMUNICATION: numbers are wrong";
  return text;
}

Progress::Progress(std::FILE *out, int64_t steps) : out_(out), steps_(steps) {
  isTerminal_ = out_ != nullptr && ::isatty(::fileno(out_)) == 1;
}

void Progress::show(const StepMetrics &metrics) {
  if (out_ == nullptr) return;
  const auto now = std::chrono::steady_clock::now();
  const auto pause = isTerminal_ ? std::chrono::milliseconds(100) : std::chrono::milliseconds(1000);
  const bool isDue = !hasShown_ || metrics.step == steps_ || metrics.evalLoss.has_value() || now - last_ >= pause;
  if (!isDue) return;
  hasShown_ = true;
  last_ = now;
  // "\033[K" clears what a longer line before has left.
  std::fprintf(out_, isTerminal_ ? "\r%s\033[K" : "%s\n", progressText(metrics, steps_).c_str());
  std::fflush(out_);
  isLineOpen_ = isTerminal_;
}

void Progress::say(const std::string &text) {
  if (out_ == nullptr) return;
  finishLine();
  std::fprintf(out_, "%s\n", text.c_str());
  std::fflush(out_);
}

void Progress::finishLine() {
  if (isLineOpen_) std::fputc('\n', out_);
  isLineOpen_ = false;
}

}  // namespace cleave
