#include "runtime/plan/print_plan.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace cleave {
namespace {

constexpr int kShownValues = 8;  // of a list

std::string typeOf(plan::DType dtype, const google::protobuf::RepeatedField<int64_t> &dims) {
  std::string text;
  for (int64_t size : dims) absl::StrAppend(&text, size, "x");
  switch (dtype) {
    case plan::F32: return text + "f32";
    case plan::F64: return text + "f64";
    case plan::I32: return text + "i32";
    case plan::I64: return text + "i64";
    case plan::BOOL: return text + "i1";
    case plan::BF16: return text + "bf16";
    case plan::F16: return text + "f16";
    default: return text + "?";
  }
}

template <typename Values>
std::string shortList(const Values &values) {
  std::string text = "[";
  for (int i = 0; i < values.size() && i < kShownValues; ++i) absl::StrAppend(&text, i ? ", " : "", values.Get(i));
  if (values.size() > kShownValues) absl::StrAppend(&text, ", ... ", values.size(), " in all");
  return text + "]";
}

std::string valueOf(const plan::Attribute::Value &value) {
  using Value = plan::Attribute::Value;
  switch (value.value_case()) {
    case Value::kInteger: return absl::StrCat(value.integer());
    case Value::kNumber: return absl::StrCat(value.number());
    case Value::kText: return absl::StrCat("\"", absl::CEscape(value.text()), "\"");
    case Value::kIntegers: return shortList(value.integers().values());
    case Value::kNumbers: return shortList(value.numbers().values());
    default: return "?";
  }
}

std::string attributesOf(const plan::Task &task) {
  std::vector<std::string> shown;
  for (const plan::Attribute &attribute : task.attributes()) {
    std::vector<std::string> values;
    for (const auto &value : attribute.values()) values.push_back(valueOf(value));
    // Several: one a rank of the class.
    const std::string all =
        values.size() == 1 ? values[0] : absl::StrCat("by rank (", absl::StrJoin(values, " | "), ")");
    shown.push_back(absl::StrCat(attribute.name(), " = ", all));
  }
  return shown.empty() ? "" : absl::StrCat(" {", absl::StrJoin(shown, ", "), "}");
}

std::string registersOf(const google::protobuf::RepeatedField<int64_t> &registers) {
  return absl::StrJoin(registers, ", ", [](std::string *text, int64_t r) { absl::StrAppend(text, "%", r); });
}

std::string placeOf(const plan::Register &held, const plan::Plan &plan) {
  if (held.view_of() > 0) {
    // Several offsets: one a rank of the class.
    std::string text = absl::StrCat("view of %", held.view_of() - 1, " from element ",
                                    held.view_offset_size() ? absl::StrJoin(held.view_offset(), " | ") : "0");
    if (held.strides_size() > 0) absl::StrAppend(&text, ", strides ", shortList(held.strides()));
    return text;
  }
  std::string text = absl::StrCat(held.bytes(), " bytes at ", held.offset());
  if (held.count() != 1) absl::StrAppend(&text, ", ", held.count(), " copies");
  if (held.variable() > 0 && held.variable() <= plan.variables_size())
    absl::StrAppend(&text, ", variable '", absl::CEscape(plan.variables(static_cast<int>(held.variable()) - 1).name()),
                    "'");
  return text;
}

void printTask(const plan::Task &task, const plan::Entry &entry, std::string &out) {
  absl::StrAppend(&out, "      ", registersOf(task.outputs()), task.outputs_size() ? " = " : "");
  if (task.collective() > 0 && task.collective() <= entry.collectives_size()) {
    const plan::Collective &collective = entry.collectives(static_cast<int>(task.collective()) - 1);
    absl::StrAppend(&out, collective.kind(), " ", registersOf(task.inputs()), " over ",
                    absl::StrJoin(collective.axes(), ", "));
    if (!collective.combiner().empty()) absl::StrAppend(&out, " by ", collective.combiner());
    absl::StrAppend(&out, " (", collective.bytes(), " bytes)");
  } else {
    absl::StrAppend(&out, task.kernel(), " ", registersOf(task.inputs()), attributesOf(task));
  }
  if (task.repeat() != 1) absl::StrAppend(&out, " x", task.repeat());
  if (task.after_size() > 0) absl::StrAppend(&out, " after tasks ", absl::StrJoin(task.after(), ", "));
  absl::StrAppend(&out, "  // ", task.op());
  for (const std::string &note : {task.layer(), task.phase(), task.location()})
    if (!note.empty()) absl::StrAppend(&out, ", ", note);
  out += "\n";
}

void printProgram(const plan::Program &program, const plan::Entry &entry, const plan::Plan &plan, std::string &out) {
  for (int r = 0; r < program.registers_size(); ++r) {
    const plan::Register &held = program.registers(r);
    absl::StrAppend(&out, "      %", r, ": ", typeOf(held.dtype(), held.dims()), "  // ", absl::CEscape(held.name()),
                    ", ", placeOf(held, plan), "\n");
  }
  for (const plan::Stream &stream : program.streams()) {
    absl::StrAppend(&out, "    stream ", stream.name(), "\n");
    for (int64_t task : stream.tasks())
      if (task >= 0 && task < program.tasks_size()) printTask(program.tasks(static_cast<int>(task)), entry, out);
  }
}

void printPort(const char *direction, const plan::Port &port, std::string &out) {
  absl::StrAppend(&out, "  ", direction, " ", port.name(), ": ", typeOf(port.type().dtype(), port.type().dims()), " ",
                  "[", absl::StrJoin(port.layout().placement(), ", "), "]\n");
}

}  // namespace

std::string printPlan(const plan::Plan &plan) {
  std::string out =
      absl::StrCat("plan version ", plan.format_version(), " hash ", absl::BytesToHexString(plan.hash()), "\n");
  absl::StrAppend(&out, "made by ", plan.provenance().compiler(), " from ", plan.provenance().model_name(), " ",
                  absl::StrJoin(plan.provenance().flags(), " "), "\nmesh");
  for (const plan::MeshAxis &axis : plan.mesh())
    absl::StrAppend(&out, " ", axis.name(), ":", axis.kind(), "=", axis.size());
  out += "\n";
  for (const plan::Variable &variable : plan.variables()) {
    const bool isState = variable.role() == plan::Variable::STATE;
    absl::StrAppend(&out, isState ? "state " : "parameter ", variable.name(), ": ",
                    typeOf(variable.type().dtype(), variable.type().dims()), " [",
                    absl::StrJoin(variable.layout().placement(), ", "), "]",
                    isState || variable.trainable() ? "" : " frozen", "\n");
  }
  for (int c = 0; c < plan.classes_size(); ++c)
    absl::StrAppend(&out, "class ", c, ": ranks ", absl::StrJoin(plan.classes(c).ranks(), ", "), ", arena of ",
                    plan.classes(c).arena_bytes(), " bytes\n");
  for (const plan::Entry &entry : plan.entries()) {
    absl::StrAppend(&out, "entry ", entry.name(), "\n");
    for (const plan::Port &port : entry.inputs()) printPort("takes", port, out);
    for (const plan::Port &port : entry.outputs()) printPort("gives", port, out);
    for (int p = 0; p < entry.programs_size(); ++p) {
      absl::StrAppend(&out, "  program of class ", p, "\n");
      printProgram(entry.programs(p), entry, plan, out);
    }
  }
  return out;
}

}  // namespace cleave
