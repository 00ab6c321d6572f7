#include "tools/cli/measured_step.h"

#include <algorithm>
#include <limits>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"
#include "runtime/files/mapped_file.h"

namespace cleave::cli {
namespace {

using Json = nlohmann::json;

// In seconds.
struct Span {
  double start = std::numeric_limits<double>::infinity(), end = 0;
};

struct Event {
  std::string kernel;   // or kind of collective
  bool isLink = false;  // what a link carried
  Span span;
};

// What a trace holds of one device.
struct Device {
  std::vector<Span> steps;
  std::vector<Event> events;
};

// A device's seconds in a step, by kernel: of a collective what links carried, if any did.
using Sums = std::map<std::string, double>;

// Ops and kernels (or kinds of collectives) of a step's tasks, as events name them.
std::set<std::pair<std::string, std::string>> tasksOf(const plan::Plan &plan) {
  std::set<std::pair<std::string, std::string>> tasks;
  for (const plan::Entry &entry : plan.entries())
    for (const plan::Program &program : entry.programs())
      for (const plan::Task &task : program.tasks()) {
        if (entry.name() != "step") continue;
        const bool moves = task.collective() > 0 && task.collective() <= entry.collectives_size();
        tasks.emplace(task.op(), moves ? entry.collectives(int(task.collective()) - 1).kind() : task.kernel());
      }
  return tasks;
}

// Takes the events one by one: a trace of a long run is large.
class TraceReader {
 public:
  explicit TraceReader(const plan::Plan &plan) : tasks_(tasksOf(plan)) {}

  absl::Status read(const std::string &path) {
    const absl::StatusOr<MappedFile> file = MappedFile::open(path);
    if (!file.ok()) return absl::Status(file.status().code(), absl::StrCat("trace: ", file.status().message()));
    const auto take = [&](int depth, Json::parse_event_t what, Json &value) {
      if (what != Json::parse_event_t::object_end || depth != 2) return true;
      takeEvent(value);
      return false;
    };
    const Json root = Json::parse(file->bytes().begin(), file->bytes().end(), take, /*allow_exceptions=*/false);
    if (root.is_discarded() || !root.is_object() || !root.contains("traceEvents"))
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": requires a trace, a JSON object with \"traceEvents\", got another file"));
    return absl::OkStatus();
  }

  const std::map<int64_t, Device> &devices() const { return devices_; }

 private:
  static std::string text(const Json &event, const char *field) {
    const auto found = event.find(field);
    return found != event.end() && found->is_string() ? found->get<std::string>() : std::string();
  }
  static double number(const Json &event, const char *field) {
    const auto found = event.find(field);
    return found != event.end() && found->is_number() ? found->get<double>() : 0;
  }

  void takeEvent(const Json &event) {
    const int64_t process = int64_t(number(event, "pid"));
    std::string &row = rows_[{process, int64_t(number(event, "tid"))}];
    const std::string name = text(event, "name"), category = text(event, "cat");
    if (name == "thread_name" && event.contains("args")) row = text(event["args"], "name");
    if (text(event, "ph") != "X") return;
    const double start = number(event, "ts") * 1e-6;
    const Span span{start, start + number(event, "dur") * 1e-6};
    const bool isLink = absl::StartsWith(row, "link ");
    if (category == "run" && name == "step") devices_[process].steps.push_back(span);
    if ((isLink || row == "compute" || row == "communicate") && tasks_.count({name, category}) > 0)
      devices_[process].events.push_back({category, isLink, span});
  }

  const std::set<std::pair<std::string, std::string>> tasks_;
  std::map<std::pair<int64_t, int64_t>, std::string> rows_;  // names, by process and thread
  std::map<int64_t, Device> devices_;
};

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const size_t half = values.size() / 2;
  return values.size() % 2 ? values[half] : (values[half - 1] + values[half]) / 2;
}

// One for each step; other entries run ops of the same names between them.
std::vector<Sums> sumsOf(const Device &device) {
  std::vector<Sums> streams(device.steps.size()), links(device.steps.size());
  for (const Event &event : device.events) {
    const auto behind = std::upper_bound(device.steps.begin(), device.steps.end(), event.span.start,
                                         [](double start, const Span &step) { return start < step.start; });
    if (behind == device.steps.begin() || event.span.start > (behind - 1)->end) continue;
    const size_t step = size_t(behind - device.steps.begin()) - 1;
    (event.isLink ? links : streams)[step][event.kernel] += event.span.end - event.span.start;
  }
  for (size_t step = 0; step < streams.size(); ++step)
    for (const auto &[kernel, seconds] : links[step]) streams[step][kernel] = seconds;
  return streams;
}

}  // namespace

absl::StatusOr<MeasuredStep> measureStep(const plan::Plan &plan, const std::string &trace) {
  TraceReader reader(plan);
  if (absl::Status status = reader.read(trace); !status.ok()) return status;
  size_t steps = reader.devices().empty() ? 0 : std::numeric_limits<size_t>::max();
  size_t events = 0;
  for (const auto &[process, device] : reader.devices()) {
    steps = std::min(steps, device.steps.size());
    events += device.events.size();
  }
  if (steps == 0 || events == 0)
    return absl::InvalidArgumentError(absl::StrCat(trace, ": requires a trace with steps of this plan, got none"));
  const size_t first = steps > 1 ? 1 : 0;  // the first one touches memory for the first time
  MeasuredStep measured;
  measured.steps = int64_t(steps - first);
  std::vector<double> spans;
  for (size_t step = first; step < steps; ++step) {
    Span span;
    for (const auto &[process, device] : reader.devices()) {
      span.start = std::min(span.start, device.steps[step].start);
      span.end = std::max(span.end, device.steps[step].end);
    }
    spans.push_back(span.end - span.start);
  }
  measured.seconds = median(spans);
  for (const auto &[process, device] : reader.devices()) {
    std::map<std::string, std::vector<double>> byKernel;
    const std::vector<Sums> sums = sumsOf(device);
    for (size_t step = first; step < steps; ++step)
      for (const auto &[kernel, seconds] : sums[step]) byKernel[kernel].push_back(seconds);
    for (auto &[kernel, seconds] : byKernel)
      measured.byKernel[kernel] += median(std::move(seconds)) / double(reader.devices().size());
  }
  return measured;
}

}  // namespace cleave::cli
