#include "tools/pages/timeline.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "runtime/trace/trace_file.h"
#include "tools/pages/html.h"

namespace cleave::pages {
namespace {

constexpr double kWidth = 900, kLeft = 130, kRow = 20, kHeading = 22;
constexpr double kApart = 1;  // slices that begin nearer to each other, in pixels, are drawn as one
constexpr size_t kMostDevices = 16;

struct Device {
  TraceSlice run;  // the last one of the entry
  TraceRows rows;  // "compute" and "link AXIS"
};

const char *colorOf(const std::string &phase) {
  if (phase == "forward") return "--split";
  if (phase == "backward") return "--good";
  if (phase == "update") return "--late";
  return "--whole";
}

std::map<int64_t, Device> devicesOf(const TraceFile &trace) {
  std::map<int64_t, Device> devices;
  for (const auto &[number, rows] : trace.devices) {
    Device device;
    for (const auto &[row, slices] : rows) {
      if (row == "compute" || absl::StartsWith(row, "link ")) device.rows[row] = slices;
      if (row != "phases") continue;
      for (const TraceSlice &slice : slices)
        if (slice.category == "run" && slice.name == trace.entry && slice.end > device.run.end) device.run = slice;
    }
    if (device.run.end > 0) devices[number] = std::move(device);
  }
  return devices;
}

class Painter {
 public:
  explicit Painter(const std::map<int64_t, Device> &devices) {
    begin_ = devices.begin()->second.run.begin;
    end_ = devices.begin()->second.run.end;
    for (const auto &[number, device] : devices) {
      begin_ = std::min(begin_, device.run.begin);
      end_ = std::max(end_, device.run.end);
    }
    if (end_ <= begin_) end_ = begin_ + 1;
    size_t drawn = 0;
    for (const auto &[number, device] : devices)
      if (drawn++ < kMostDevices) paint(number, device);
  }

  std::string svg() const {
    return chart(kWidth, height_ + 24, "what each device did when", absl::StrCat(parts_, times()));
  }

 private:
  double x(int64_t nanos) const {
    return kLeft + static_cast<double>(nanos - begin_) / static_cast<double>(end_ - begin_) * (kWidth - kLeft - 8);
  }

  void paint(int64_t number, const Device &device) {
    height_ += kHeading;
    absl::StrAppendFormat(&parts_, "<text x=\"0\" y=\"%.0f\" style=\"fill:var(--ink);font-weight:600\">device %d</text>\n",
                          height_ - 7, number);
    for (const auto &[name, slices] : device.rows) {
      absl::StrAppendFormat(&parts_,
                            "<text x=\"12\" y=\"%.0f\">%s</text><rect x=\"%.0f\" y=\"%.0f\" width=\"%.0f\" "
                            "height=\"%.0f\" style=\"fill:var(--tint)\"/>\n",
                            height_ + 13, escaped(name), kLeft, height_, kWidth - kLeft - 8, kRow - 4);
      paintRow(slices, name == "compute");
      height_ += kRow;
    }
  }

  void paintRow(std::vector<TraceSlice> slices, bool isCompute) {
    std::stable_sort(slices.begin(), slices.end(), [](const TraceSlice &a, const TraceSlice &b) { return a.begin < b.begin; });
    for (size_t i = 0; i < slices.size();) {
      TraceSlice whole = slices[i];
      size_t last = i + 1;
      if (whole.begin < begin_ || whole.begin > end_) {
        i = last;
        continue;
      }
      for (; last < slices.size() && x(slices[last].begin) - x(whole.begin) < kApart; ++last)
        whole.end = std::max(whole.end, slices[last].end);
      const std::string more = last - i > 1 ? absl::StrCat(" and ", last - i - 1, " more") : "";
      const std::string phase = whole.phase.empty() ? "" : absl::StrCat(", ", whole.phase);
      absl::StrAppendFormat(&parts_,
                            "<rect x=\"%.1f\" y=\"%.0f\" width=\"%.1f\" height=\"%.0f\" style=\"fill:var(%s)\"><title>"
                            "%s\n%.3f ms at %.3f ms</title></rect>\n",
                            x(whole.begin), height_, std::max(0.5, x(std::min(whole.end, end_)) - x(whole.begin)),
                            kRow - 4, isCompute ? colorOf(whole.phase) : "--move",
                            escaped(absl::StrCat(whole.name, more, phase)), milliseconds(whole.end - whole.begin),
                            milliseconds(whole.begin - begin_));
      i = last;
    }
  }

  static double milliseconds(int64_t nanos) { return static_cast<double>(nanos) * 1e-6; }

  std::string times() const {
    std::string text;
    for (const auto &[nanos, anchor] :
         {std::pair(begin_, "start"), std::pair((begin_ + end_) / 2, "middle"), std::pair(end_, "end")})
      absl::StrAppendFormat(&text, "<text x=\"%.0f\" y=\"%.0f\" text-anchor=\"%s\">%s ms</text>\n", x(nanos),
                            height_ + 16, anchor, figure(milliseconds(nanos - begin_)));
    return text;
  }

  int64_t begin_ = 0, end_ = 0;  // ns
  double height_ = 0;
  std::string parts_;
};

}  // namespace

absl::StatusOr<std::string> timelineOf(absl::string_view trace) {
  const absl::StatusOr<TraceFile> read = readTrace(trace);
  if (!read.ok()) return read.status();
  const std::map<int64_t, Device> devices = devicesOf(*read);
  if (devices.empty()) return absl::InvalidArgumentError("requires a run that takes time on a device, got none");
  const auto key = [](const char *color, const char *what) {
    return absl::StrCat("<span style=\"color:var(", color, ")\">&#9632;</span> ", what, " &#160; ");
  };
  const std::string shown =
      devices.size() > kMostDevices ? absl::StrCat(kMostDevices, " of ", devices.size(), " devices shown. ") : "";
  return absl::StrCat("<p>", shown, key("--split", "forward"), key("--good", "backward"), key("--late", "update"),
                      key("--whole", "other computing"), key("--move", "a link is busy"), "</p>\n",
                      Painter(devices).svg());
}

}  // namespace cleave::pages
