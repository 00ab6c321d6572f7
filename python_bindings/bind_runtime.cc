// Binds plans, the sessions that run them, and what a training loop records.

#include <nanobind/stl/map.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "python_bindings/arrays.h"
#include "python_bindings/bind.h"
#include "python_bindings/run_session.h"
#include "python_bindings/status_error.h"
#include "runtime/data/source_draw.h"
#include "runtime/training/event_file.h"
#include "runtime/training/metrics.h"
#include "runtime/training/progress.h"

namespace cleave::python {
namespace {

namespace nb = nanobind;
using namespace nanobind::literals;

void bindPlan(nb::module_ &module) {
  nb::class_<PlanHandle>(module, "Plan", "A compiled training step: what every device runs, proved to end.")
      .def_static("from_bytes", [](nb::bytes bytes) { return PlanHandle::fromBytes({bytes.c_str(), bytes.size()}); })
      .def_static("from_file", &PlanHandle::fromFile, "path"_a)
      .def("save", &PlanHandle::save, "path"_a, "Writes the plan file, which appears whole or not at all.")
      .def_prop_ro("bytes", [](const PlanHandle &plan) { return nb::bytes(plan.bytes.data(), plan.bytes.size()); })
      .def_prop_ro("hash", [](const PlanHandle &plan) { return plan.loaded.hashHex(); },
                   "SHA-256 of what the plan does, in hexadecimal.")
      .def_prop_ro("devices", [](const PlanHandle &plan) { return plan.loaded.ranks(); })
      .def_prop_ro("batch", [](const PlanHandle &plan) { return plan.loaded.training.batch; })
      .def_prop_ro("seq", [](const PlanHandle &plan) { return plan.loaded.training.seq; })
      .def_prop_ro("mesh",
                   [](const PlanHandle &plan) {
                     nb::dict mesh;
                     for (const program::MeshAxis &axis : plan.loaded.mesh) mesh[axis.name.c_str()] = axis.size;
                     return mesh;
                   })
      .def("variables", &PlanHandle::variables, "(name, is parameter, shape, placement by axis) of each variable.")
      .def("entries", &PlanHandle::entries)
      .def("inputs", &PlanHandle::inputs, "entry"_a, "(name, shape) of what an entry takes of a batch.")
      .def_prop_ro("arena_bytes", &PlanHandle::arenaBytes, "Bytes of memory that each device plans, by device.");
}

void bindMetrics(nb::module_ &module) {
  nb::class_<StepMetrics>(module, "StepMetrics", "What one step tells about itself.")
      .def_ro("step", &StepMetrics::step, "From 1.")
      .def_ro("loss", &StepMetrics::loss, "Mean over the labels that count.")
      .def_ro("grad_norm", &StepMetrics::gradNorm, "Over all gradients, before clipping.")
      .def_ro("lr", &StepMetrics::learningRate)
      .def_ro("step_ms", &StepMetrics::stepMs, "Milliseconds on the devices.")
      .def_ro("comm_ms", &StepMetrics::commMs)
      .def_ro("exposed_ms", &StepMetrics::exposedMs)
      .def_ro("late_ms", &StepMetrics::lateMs)
      .def_rw("data_ms", &StepMetrics::dataMs, "Milliseconds of waiting for the batch.")
      .def_ro("tokens_per_s", &StepMetrics::tokensPerSecond)
      .def_ro("tflops", &StepMetrics::teraflops)
      .def_ro("peak_bytes", &StepMetrics::peakBytes, "By device.")
      .def_ro("named", &StepMetrics::named, "What the model's loss gives besides, by name.")
      .def_rw("eval_loss", &StepMetrics::evalLoss, "Mean over the held-out labels that count, where it was evaluated.")
      .def_rw("eval_named", &StepMetrics::evalNamed)
      .def("json", &metricsLine, "The line of a metrics file.")
      .def("__repr__",
           [](const StepMetrics &metrics) { return absl::StrCat("StepMetrics(", metricsLine(metrics), ")"); });
  nb::class_<Evaluation>(module, "Evaluation", "Losses and metrics of batches that are evaluated one after the other.")
      .def(nb::init<>())
      .def_prop_ro("loss", &Evaluation::loss)
      .def_prop_ro("named", &Evaluation::named);
  nb::class_<MetricsFile>(module, "MetricsFile")
      .def_static("open", [](const std::string &path, int64_t step) { return valueOf(MetricsFile::open(path, step)); },
                  "path"_a, "step"_a)
      .def("write", [](MetricsFile &file, const StepMetrics &metrics) { check(file.write(metrics)); })
      .def("flush", [](MetricsFile &file) { check(file.flush()); });
  nb::class_<EventFile>(module, "EventFile", "What TensorBoard reads.")
      .def_static("create", [](const std::string &folder, int64_t step) {
        return valueOf(EventFile::create(folder, step));
      }, "folder"_a, "step"_a)
      .def("write", [](EventFile &file, const StepMetrics &metrics) { check(file.write(metrics)); })
      .def("flush", [](EventFile &file) { check(file.flush()); });
  nb::class_<Progress>(module, "Progress", "Writes to stderr: a line that changes on a terminal, plain ones elsewhere.")
      .def("__init__", [](Progress *progress, int64_t steps) { new (progress) Progress(stderr, steps); }, "steps"_a)
      .def("show", &Progress::show);
}

void bindData(nb::module_ &module) {
  nb::class_<SourceDraw>(module, "SourceDraw", "Which of several sources each draw takes, by weight.")
      .def_static("create", [](const std::vector<double> &weights, uint64_t seed) {
        return valueOf(SourceDraw::create(weights, seed));
      }, "weights"_a, "seed"_a)
      .def("source_of", &SourceDraw::sourceOf, "draw"_a);
}

void bindSession(nb::module_ &module) {
  nb::class_<RunSession>(module, "RunSession", "A plan on this machine's devices, with its parameters.")
      .def(nb::init<std::shared_ptr<const PlanHandle>, int, double, bool>(), "plan"_a, "threads"_a, "deadline"_a,
           "trace"_a)
      .def("draw", &RunSession::draw, "seed"_a)
      .def("load_weights", &RunSession::loadWeights, "path"_a, "seed"_a,
           "What adapters the file lacks are drawn by the seed. Whether it has all.")
      .def("load_adapter", &RunSession::loadAdapter, "folder"_a)
      .def("save_adapter", &RunSession::saveAdapter, "folder"_a, "config"_a)
      .def("generate", &RunSession::generate, "prompt"_a, "options"_a, "take"_a)
      .def("save_weights", &RunSession::saveWeights, "path"_a)
      .def("step", &RunSession::step, "batch"_a, "data_state"_a = nb::none())
      .def("evaluate", &RunSession::evaluate, "batch"_a, "into"_a)
      .def("run", &RunSession::run, "entry"_a, "batch"_a)
      .def("read", &RunSession::read, "name"_a)
      .def("write", &RunSession::write, "name"_a, "value"_a)
      .def("save_checkpoint", &RunSession::saveCheckpoint, "folder"_a)
      .def("resume", &RunSession::resume, "folder"_a)
      .def("close", &RunSession::close)
      .def_prop_rw("data_state", &RunSession::dataState, &RunSession::setDataState)
      .def("last_trace", &RunSession::lastTrace, "A trace file's text, of the last step; empty where there is none.")
      .def_prop_ro("steps", &RunSession::steps)
      .def_prop_ro("is_closed", &RunSession::isClosed);
}

}  // namespace

void bindRuntime(nb::module_ &module) {
  nb::exception<StatusError>(module, "Error", PyExc_ValueError);
  bindPlan(module);
  bindMetrics(module);
  bindData(module);
  bindText(module);
  bindSession(module);
}

}  // namespace cleave::python
