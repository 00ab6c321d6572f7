// Binds what people look at: plans, placements and runs, as text, drawings and pages.

#include <nanobind/stl/pair.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "python_bindings/bind.h"
#include "python_bindings/run_session.h"
#include "python_bindings/status_error.h"
#include "runtime/files/new_file.h"
#include "tools/pages/pages.h"

namespace cleave::python {
namespace {

namespace nb = nanobind;
using namespace nanobind::literals;

using TextAndSvg = std::pair<std::string, std::string>;

TextAndSvg written(const pages::Drawing &drawing) { return {drawingText(drawing), drawingSvg(drawing)}; }

void bindPlanPages(nb::module_ &module) {
  module.def("plan_text", [](const PlanHandle &plan) { return valueOf(pages::planText(plan.bytes)); }, "plan"_a);
  module.def("plan_json", [](const PlanHandle &plan) { return valueOf(pages::planJson(plan.bytes)); }, "plan"_a);
  module.def("plan_fragment", [](const PlanHandle &plan, bool withBlocks) {
    return valueOf(pages::planFragment(plan.bytes, withBlocks));
  }, "plan"_a, "with_blocks"_a);
  module.def("plan_page", [](const PlanHandle &plan) { return valueOf(pages::planPage(plan.bytes)); }, "plan"_a);
  module.def("draw_variable", [](const PlanHandle &plan, const std::string &name) {
    return written(valueOf(pages::drawVariable(plan.bytes, name)));
  }, "plan"_a, "name"_a, "Text for a terminal, and SVG.");
}

}  // namespace

void bindPages(nb::module_ &module) {
  bindPlanPages(module);
  module.def("draw_placement", [](const std::string &name, const std::vector<int64_t> &shape,
                                  const std::vector<std::pair<std::string, int64_t>> &mesh,
                                  const std::vector<std::string> &placement) {
    return written(valueOf(pages::drawPlacement(name, shape, mesh, placement)));
  }, "name"_a, "shape"_a, "mesh"_a, "placement"_a, "Text for a terminal, and SVG.");
  module.def("tensor_fragment", &pages::tensorFragment, "name"_a, "shape"_a, "dtype"_a);
  module.def("placement_fragment", &pages::placementFragment, "placement"_a);
  nb::class_<pages::RunHistory>(module, "RunHistory", "The metrics of a run's steps in bounded memory.")
      .def(nb::init<>())
      .def("add", &pages::RunHistory::add, "metrics"_a, "Of the next step, or of the last one again.")
      .def("report", [](const pages::RunHistory &history, const PlanHandle &plan, const std::string &trace) {
        return valueOf(pages::reportPage(history, plan.bytes, trace));
      }, "plan"_a, "trace"_a, "A page; `trace` is a trace file's text, or empty.");
  module.def("write_file", [](const std::string &path, const std::string &text) { check(writeFile(path, text)); },
             "path"_a, "text"_a, "The file appears whole or not at all.");
  module.def("check_can_write", [](const std::string &path) { check(checkCanWrite(path)); }, "path"_a);
}

}  // namespace cleave::python
