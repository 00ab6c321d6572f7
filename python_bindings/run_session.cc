#include "python_bindings/run_session.h"

#include <nanobind/stl/string.h>

#include <sstream>

#include "absl/strings/str_cat.h"
#include "kernels/api/registry.h"
#include "kernels/cpu/register.h"
#include "kernels/reference/register.h"
#include "python_bindings/status_error.h"
#include "runtime/data/array_batch.h"
#include "runtime/files/mapped_file.h"
#include "runtime/files/new_file.h"
#include "runtime/load_plan.h"
#include "runtime/weights/tensor_source.h"
#include "runtime/weights/weight_map.h"

namespace cleave::python {
namespace {

namespace nb = nanobind;

// The fastest first. Plans refer to it for as long as they live, which may be to the end of the interpreter.
const Registry &allKernels() {
  static const Registry *const registry = [] {
    auto *made = new Registry;
    registerCpuKernels(*made);
    registerReferenceKernels(*made);
    return made;
  }();
  return *registry;
}

[[noreturn]] void refuse(const std::string &message) { throw StatusError(absl::FailedPreconditionError(message)); }

}  // namespace

std::shared_ptr<PlanHandle> PlanHandle::fromBytes(std::string bytes) {
  auto plan = std::make_shared<PlanHandle>();
  plan->bytes = std::move(bytes);
  nb::gil_scoped_release released;
  plan->loaded = valueOf(loadPlan(plan->bytes, allKernels()));
  return plan;
}

std::shared_ptr<PlanHandle> PlanHandle::fromFile(const std::string &path) {
  std::string bytes;
  {
    auto file = valueOf(MappedFile::open(path));
    bytes.assign(file.bytes().data(), file.bytes().size());
  }
  try {
    return fromBytes(std::move(bytes));
  } catch (const StatusError &error) {
    throw StatusError(absl::InvalidArgumentError(absl::StrCat("\"", path, "\": ", error.what())));
  }
}

void PlanHandle::save(const std::string &path) const { check(writeFile(path, bytes)); }

std::vector<PlanHandle::VariableRow> PlanHandle::variables() const {
  std::vector<VariableRow> rows;
  for (const program::Variable &variable : loaded.variables)
    rows.emplace_back(variable.name, variable.role == program::Variable::Role::kParameter, variable.type.dims,
                      variable.layout.placement);
  return rows;
}

std::vector<std::string> PlanHandle::entries() const {
  std::vector<std::string> names;
  for (const program::Entry &entry : loaded.entries) names.push_back(entry.name);
  return names;
}

std::vector<std::pair<std::string, std::vector<int64_t>>> PlanHandle::inputs(const std::string &entry) const {
  std::vector<std::pair<std::string, std::vector<int64_t>>> ports;
  if (const program::Entry *found = loaded.findEntry(entry))
    for (const program::Port &port : found->inputs) ports.emplace_back(port.name, port.type.dims);
  return ports;
}

std::vector<int64_t> PlanHandle::arenaBytes() const {
  std::vector<int64_t> bytesByRank;
  for (const LoadedPlan::Member &member : loaded.members)
    bytesByRank.push_back(loaded.classes[size_t(member.rankClass)].arenaBytes);
  return bytesByRank;
}

// One call into an open session.
class RunSession::Use {
 public:
  explicit Use(RunSession &session) : lock_(session.inUse_, std::try_to_lock) {
    if (!lock_.owns_lock()) refuse("requires one call at a time, got a second one from another thread");
    if (!session.session_) refuse("requires an open session, got one that was closed");
  }

 private:
  std::unique_lock<std::mutex> lock_;
};

RunSession::RunSession(std::shared_ptr<const PlanHandle> plan, int threads, double deadlineSeconds,
                       bool keepsTrace)
    : plan_(std::move(plan)) {
  SessionOptions options;
  options.threadsPerDevice = threads;
  options.deadlineSeconds = deadlineSeconds;
  options.trace = keepsTrace;
  session_ = valueOf(Session::create(plan_->loaded, options));
  position_.order = "sequential";
  describeRun();
}

// What checkpoints say of the plan and the machine that made them.
void RunSession::describeRun() {
  position_.planHash = plan_->loaded.hashHex();
  position_.machine = {{"kernels", cpuKernelChoices()}, {"threads", absl::StrCat(session_->threadsPerDevice())}};
}

const program::Entry &RunSession::entryOf(const std::string &name) const {
  const program::Entry *entry = plan_->loaded.findEntry(name);
  if (!entry) throw StatusError(absl::NotFoundError(absl::StrCat("plan: requires an entry \"", name, "\", got none")));
  return *entry;
}

void RunSession::draw(uint64_t seed) {
  Use use(*this);
  position_.seed = seed;
  nb::gil_scoped_release released;
  check(drawParameters(*session_, seed));
}

bool RunSession::loadWeights(const std::string &path, uint64_t seed) {
  Use use(*this);
  position_.seed = seed;
  nb::gil_scoped_release released;
  return valueOf(loadParameters(*session_, path, seed)) == WeightPart::kAll;
}

void RunSession::loadAdapter(const std::string &folder) {
  Use use(*this);
  nb::gil_scoped_release released;
  check(cleave::loadAdapter(folder, plan_->loaded, [&](absl::string_view name, const Box &part,
                                                       const TensorView &view) {
    return session_->writePart(name, part, view);
  }));
}

void RunSession::saveAdapter(const std::string &folder, const AdapterConfig &config) {
  Use use(*this);
  nb::gil_scoped_release released;
  check(cleave::saveAdapter(folder, config, plan_->loaded, [&](absl::string_view name, const Box &part,
                                                               const TensorView &view) {
    return session_->readPart(name, part, view);
  }));
}

void RunSession::saveWeights(const std::string &path) {
  Use use(*this);
  nb::gil_scoped_release released;
  check(cleave::saveWeights(path, plan_->loaded, [&](absl::string_view name, const Box &part, const TensorView &view) {
    return session_->readPart(name, part, view);
  }));
}

StepMetrics RunSession::step(nb::dict batch, std::optional<std::string> dataState) {
  Use use(*this);
  const ArrayDict arrays(batch);
  StepMetrics metrics;
  decltype(trace_) trace;
  {
    nb::gil_scoped_release released;
    Batch made;
    Inputs inputs = valueOf(inputsFrom(arrays.views, plan_->loaded, entryOf("step"), made));
    metrics = valueOf(takeStep(*session_, position_.seed, position_.step + 1, std::move(inputs)));
    trace = session_->takeTrace();
  }
  // Other threads read these with the interpreter's lock alone.
  trace_ = std::move(trace);
  position_.step = metrics.step;
  position_.examples += plan_->loaded.training.batch;
  if (dataState) position_.dataState = *std::move(dataState);
  return metrics;
}

void RunSession::evaluate(nb::dict batch, Evaluation &into) {
  Use use(*this);
  const ArrayDict arrays(batch);
  nb::gil_scoped_release released;
  Batch made;
  const Inputs inputs = valueOf(inputsFrom(arrays.views, plan_->loaded, entryOf("evaluate"), made));
  check(into.add(*session_, inputs));
  session_->takeTrace();  // only steps are kept
}

nb::dict RunSession::run(const std::string &entry, nb::dict batch) {
  Use use(*this);
  const ArrayDict arrays(batch);
  Outputs outputs;
  {
    nb::gil_scoped_release released;
    Batch made;
    const Inputs inputs = valueOf(inputsFrom(arrays.views, plan_->loaded, entryOf(entry), made));
    outputs = valueOf(session_->run(entry, inputs));
    session_->takeTrace();
  }
  nb::dict result;
  for (auto &[name, tensor] : outputs) result[name.c_str()] = arrayOf(std::move(tensor));
  return result;
}

void RunSession::generate(const std::vector<Token> &prompt, const GenerateOptions &options, nb::callable take) {
  Use use(*this);
  nb::gil_scoped_release released;
  check(generateTokens(*session_, prompt, options, [&](Token token) -> absl::StatusOr<bool> {
    session_->takeTrace();
    nb::gil_scoped_acquire acquired;
    if (PyErr_CheckSignals() != 0) throw nb::python_error();
    return nb::cast<bool>(take(token));
  }));
}

nb::object RunSession::read(const std::string &name) {
  Use use(*this);
  const int index = plan_->loaded.findVariable(name);
  if (index < 0)
    throw StatusError(absl::NotFoundError(absl::StrCat("requires a variable of the plan, got \"", name, "\"")));
  const program::TensorType &type = plan_->loaded.variables[size_t(index)].type;
  HostTensor tensor(type.dtype, type.dims);
  check(session_->read(name, tensor.view()));
  return arrayOf(std::move(tensor));
}

void RunSession::write(const std::string &name, const AnyArray &value) {
  Use use(*this);
  check(session_->write(name, viewOf(value, name)));
}

std::string RunSession::saveCheckpoint(const std::string &folder) {
  Use use(*this);
  nb::gil_scoped_release released;
  check(makeFolder(folder));
  return valueOf(writeCheckpoint(folder, position_, plan_->loaded,
                                 [&](absl::string_view name, const Box &part, const TensorView &view) {
                                   return session_->readPart(name, part, view);
                                 }));
}

void RunSession::resume(const std::string &folder) {
  Use use(*this);
  nb::gil_scoped_release released;
  const std::string checkpoint = valueOf(findCheckpoint(folder));
  position_ = valueOf(readCheckpoint(checkpoint, plan_->loaded,
                                     [&](absl::string_view name, const Box &part, const TensorView &view) {
                                       return session_->writePart(name, part, view);
                                     }));
  describeRun();
}

std::string RunSession::lastTrace() const {
  if (trace_.devices.empty()) return "";
  std::ostringstream text;
  writeChromeTrace(trace_, text);
  return text.str();
}

void RunSession::close() {
  std::unique_lock<std::mutex> lock(inUse_, std::try_to_lock);
  if (!lock.owns_lock()) refuse("requires one call at a time, got a second one from another thread");
  nb::gil_scoped_release released;
  session_.reset();
}

}  // namespace cleave::python
