#include "runtime/plan/convert_plan.h"

#include <set>
#include <string>

#include "runtime/plan/plan_checks.h"

namespace cleave {
namespace {

template <typename Repeated>
std::vector<int64_t> intsOf(const Repeated &values) {
  return {values.begin(), values.end()};
}
template <typename Repeated>
std::vector<std::string> textsOf(const Repeated &values) {
  return {values.begin(), values.end()};
}

absl::StatusOr<DType> convertDType(const std::string &where, plan::DType dtype) {
  switch (dtype) {
    case plan::F32: return DType::kF32;
    case plan::F64: return DType::kF64;
    case plan::I32: return DType::kI32;
    case plan::I64: return DType::kI64;
    case plan::BOOL: return DType::kBool;
    case plan::BF16: return DType::kBF16;
    case plan::F16: return DType::kF16;
    default: return planError(where, "a known element type", static_cast<int>(dtype));
  }
}

absl::StatusOr<int> convertIndex(const std::string &where, const char *what, int64_t index, size_t size) {
  if (index < 0 || index >= static_cast<int64_t>(size))
    return planError(where, absl::StrCat(what, " below ", size), index);
  return static_cast<int>(index);
}

absl::Status convertIndices(const std::string &where, const char *what, absl::Span<const int64_t> from, size_t size,
                            std::vector<int> &to) {
  for (int64_t index : from) {
    const auto converted = convertIndex(where, what, index, size);
    if (!converted.ok()) return converted.status();
    to.push_back(*converted);
  }
  return absl::OkStatus();
}

Box convertBox(const plan::Box &from) { return {intsOf(from.start()), intsOf(from.extent())}; }

absl::Status convertType(const std::string &where, const plan::TensorType &from, program::TensorType &to) {
  const auto dtype = convertDType(where, from.dtype());
  if (!dtype.ok()) return dtype.status();
  to.dtype = *dtype;
  to.dims = intsOf(from.dims());
  return checkDims(where, to.dims, to.dtype);
}

program::Layout convertLayout(const plan::Layout &from) {
  program::Layout to;
  to.placement = textsOf(from.placement());
  for (const plan::Box &box : from.boxes()) to.boxes.push_back(convertBox(box));
  return to;
}

// All copies lie inside the arena and hold the elements.
absl::Status checkBytes(const std::string &where, const program::Register &held, int64_t arenaBytes) {
  if (held.offset < 0 || held.offset % kArenaAlignment != 0)
    return planError(where, absl::StrCat("an offset that is a multiple of ", kArenaAlignment), held.offset);
  if (held.count < 1) return planError(where, "at least one copy", held.count);
  if (held.bytes < 0 || (held.count > 1 && held.bytes % kArenaAlignment != 0))
    return planError(where, absl::StrCat("a size, of several copies a multiple of ", kArenaAlignment), held.bytes);
  int64_t end;
  if (__builtin_mul_overflow(held.bytes, held.count, &end) || __builtin_add_overflow(end, held.offset, &end) ||
      end > arenaBytes)
    return planError(where, absl::StrCat("to lie inside the arena of ", arenaBytes, " bytes"), "offset ", held.offset,
                     " and ", held.count, " x ", held.bytes, " bytes");
  const int64_t span = spanOf(held.dims, held.strides);
  if (span < 0 || span > held.bytes / bytesOf(held.dtype))
    return planError(where, absl::StrCat("bytes for all elements of ", listOf(held.dims)), held.bytes);
  return absl::OkStatus();
}

// A register or a view; `registers` is how many the program has, of which a view names one.
absl::Status convertRegister(const std::string &where, const plan::Register &from, size_t variables, size_t registers,
                             int64_t arenaBytes, program::Register &to) {
  to.name = from.name();
  to.offset = from.offset();
  to.bytes = from.bytes();
  to.count = from.count();
  to.copyBytes = from.bytes();
  to.dims = intsOf(from.dims());
  const auto dtype = convertDType(where, from.dtype());
  if (!dtype.ok()) return dtype.status();
  to.dtype = *dtype;
  CLEAVE_RETURN_IF_ERROR(checkDims(where, to.dims, to.dtype));

  to.strides = intsOf(from.strides());
  if (to.strides.empty()) {
    const TensorView dense = TensorView::contiguous(nullptr, to.dtype, to.dims);
    to.strides.assign(dense.strides.begin(), dense.strides.begin() + dense.rank);
  }
  if (to.strides.size() != to.dims.size())
    return planError(where, "a stride for each dimension", to.strides.size(), " for ", to.dims.size());
  for (int64_t stride : to.strides)
    if (stride < 0) return planError(where, "strides of at least 0", listOf(to.strides));

  // The index is from 1, so that 0 is none.
  const auto viewOf = convertIndex(where, "a register to view", from.view_of(), registers + 1);
  if (!viewOf.ok()) return viewOf.status();
  const auto variable = convertIndex(where, "a variable", from.variable(), variables + 1);
  if (!variable.ok()) return variable.status();
  to.viewOf = *viewOf - 1;
  to.variable = *variable - 1;
  return to.viewOf < 0 ? checkBytes(where, to, arenaBytes) : absl::OkStatus();
}

// Where a view begins within what it views: the same on all ranks, or by rank.
absl::Status placeView(const std::string &where, absl::Span<const int64_t> starts, const program::Register &viewed,
                       size_t ranks, program::Register &view) {
  if (starts.size() > 1 && starts.size() != ranks)
    return planError(where, absl::StrCat("one view offset, or ", ranks), starts.size());
  const int64_t elements = spanOf(viewed.dims, viewed.strides), span = spanOf(view.dims, view.strides);
  int64_t last = 0;
  for (int64_t start : starts) {
    int64_t end;
    if (span < 0 || start < 0 || __builtin_add_overflow(start, span, &end) || end > elements)
      return planError(where, absl::StrCat("to lie inside the ", elements, " elements that it views"), "offset ", start,
                       ", extents ", listOf(view.dims), ", strides ", listOf(view.strides));
    last = std::max(last, start);
  }
  const int64_t first = starts.empty() ? 0 : *std::min_element(starts.begin(), starts.end());
  if (span < 0 || span > elements)
    return planError(where, absl::StrCat("to lie inside the ", elements, " elements that it views"), "extents ",
                     listOf(view.dims), ", strides ", listOf(view.strides));
  view.offset = viewed.offset + first * bytesOf(view.dtype);
  view.bytes = (last - first + span) * bytesOf(view.dtype);
  if (first == last) return absl::OkStatus();
  for (int64_t start : starts) view.starts.push_back((start - first) * bytesOf(view.dtype));
  return absl::OkStatus();
}

// Places views, once all registers are known.
absl::Status placeViews(const std::string &where, const plan::Program &from, size_t ranks,
                        std::vector<program::Register> &registers) {
  for (size_t r = 0; r < registers.size(); ++r) {
    program::Register &view = registers[r];
    if (view.viewOf < 0) continue;
    const std::string here = absl::StrCat(where, "register ", quoted(view.name));
    const program::Register &viewed = registers[view.viewOf];
    if (viewed.viewOf >= 0) return planError(here, "to view a register that is no view", quoted(viewed.name));
    if (view.offset || view.bytes || view.count || view.variable >= 0)
      return planError(here, "a view to have no bytes of its own", "offset, bytes, count or variable");
    if (view.dtype != viewed.dtype)
      return planError(here, absl::StrCat("the element type of what it views, ", nameOf(viewed.dtype)),
                       nameOf(view.dtype));

    const std::vector<int64_t> starts = intsOf(from.registers(static_cast<int>(r)).view_offset());
    CLEAVE_RETURN_IF_ERROR(placeView(here, starts, viewed, ranks, view));
    view.count = viewed.count;
    view.copyBytes = viewed.copyBytes;
    view.variable = viewed.variable;
  }
  return absl::OkStatus();
}

absl::Status convertValue(const std::string &where, const plan::Attribute::Value &from, AttributeValue &to) {
  using Value = plan::Attribute::Value;
  switch (from.value_case()) {
    case Value::kInteger: to = static_cast<int64_t>(from.integer()); return absl::OkStatus();
    case Value::kNumber: to = from.number(); return absl::OkStatus();
    case Value::kText: to = from.text(); return absl::OkStatus();
    case Value::kIntegers: to = intsOf(from.integers().values()); return absl::OkStatus();
    case Value::kNumbers:
      to = std::vector<double>(from.numbers().values().begin(), from.numbers().values().end());
      return absl::OkStatus();
    default: return planError(where, "a value", "none");
  }
}

absl::Status convertAttributes(const std::string &where, const plan::Task &from, size_t ranks, program::Task &to) {
  bool differs = false;
  std::set<std::string> names;
  for (const plan::Attribute &attribute : from.attributes()) {
    const std::string here = absl::StrCat(where, " attribute ", quoted(attribute.name()));
    const size_t values = attribute.values_size();
    if (values != 1 && values != ranks) return planError(here, absl::StrCat("one value, or ", ranks), values);
    if (!names.insert(attribute.name()).second) return planError(here, "to be given once", "two");
    differs = differs || values > 1;
  }
  to.attributes.resize(differs ? ranks : 1);
  for (size_t r = 0; r < to.attributes.size(); ++r)
    for (const plan::Attribute &attribute : from.attributes()) {
      AttributeValue value;
      const std::string here = absl::StrCat(where, " attribute ", quoted(attribute.name()));
      const int held = attribute.values_size() == 1 ? 0 : static_cast<int>(r);
      CLEAVE_RETURN_IF_ERROR(convertValue(here, attribute.values(held), value));
      to.attributes[r].set(attribute.name(), std::move(value));
    }
  return absl::OkStatus();
}

absl::Status convertTask(const std::string &where, const plan::Task &from, size_t ranks, size_t registers, size_t tasks,
                         size_t collectives, program::Task &to) {
  const std::string here = absl::StrCat(where, "op ", quoted(from.op()));
  to.kernel = from.kernel();
  to.repeat = from.repeat();
  to.op = from.op();
  to.layer = from.layer();
  to.phase = from.phase();
  to.location = from.location();
  CLEAVE_RETURN_IF_ERROR(convertIndices(here, "an input register", intsOf(from.inputs()), registers, to.inputs));
  CLEAVE_RETURN_IF_ERROR(convertIndices(here, "an output register", intsOf(from.outputs()), registers, to.outputs));
  CLEAVE_RETURN_IF_ERROR(convertIndices(here, "a task to follow", intsOf(from.after()), tasks, to.after));
  const auto collective = convertIndex(here, "a collective", from.collective(), collectives + 1);
  if (!collective.ok()) return collective.status();
  to.collective = *collective - 1;
  const bool isCollective = from.kernel() == "collective";
  if (isCollective != (to.collective >= 0))
    return planError(here, "kernel 'collective' and a collective to come together",
                     isCollective ? "the kernel alone" : "the collective alone");
  if (to.repeat < 1) return planError(here, "a repeat count of at least 1", to.repeat);
  if (isCollective) return absl::OkStatus();
  return convertAttributes(here, from, ranks, to);
}

absl::Status convertStreams(const std::string &where, const plan::Program &from, program::Program &to) {
  if (from.streams_size() > kMaxStreams)
    return planError(absl::StrCat(where, "program"), absl::StrCat("at most ", kMaxStreams, " streams"),
                     from.streams_size());
  std::vector<bool> isPlaced(to.tasks.size(), false);
  for (const plan::Stream &stream : from.streams()) {
    program::Stream &held = to.streams.emplace_back();
    held.name = stream.name();
    const std::string here = absl::StrCat(where, "stream ", quoted(stream.name()));
    CLEAVE_RETURN_IF_ERROR(convertIndices(here, "a task", intsOf(stream.tasks()), to.tasks.size(), held.tasks));
    for (int task : held.tasks) {
      if (isPlaced[task])
        return planError(here, absl::StrCat("op ", quoted(to.tasks[task].op), " to be in one stream"), "two");
      isPlaced[task] = true;
      to.tasks[task].stream = static_cast<int>(to.streams.size()) - 1;
    }
  }
  for (size_t t = 0; t < isPlaced.size(); ++t)
    if (!isPlaced[t]) return planError(where + "op " + quoted(to.tasks[t].op), "to be in one stream", "none");
  return absl::OkStatus();
}

absl::Status convertProgram(const std::string &where, const plan::Program &from, const LoadedPlan &plan,
                            size_t rankClass, size_t collectives, program::Program &to) {
  for (const plan::Register &held : from.registers()) {
    const std::string here = absl::StrCat(where, "register ", quoted(held.name()));
    CLEAVE_RETURN_IF_ERROR(convertRegister(here, held, plan.variables.size(), from.registers_size(),
                                           plan.classes[rankClass].arenaBytes, to.registers.emplace_back()));
  }
  CLEAVE_RETURN_IF_ERROR(placeViews(where, from, plan.classes[rankClass].ranks.size(), to.registers));
  for (const plan::Task &task : from.tasks())
    CLEAVE_RETURN_IF_ERROR(convertTask(where, task, plan.classes[rankClass].ranks.size(), to.registers.size(),
                                       from.tasks_size(), collectives, to.tasks.emplace_back()));
  return convertStreams(where, from, to);
}

template <typename Message>
void addBoxes(const Message &from, CollectiveSpec::Group &to) {
  CollectiveSpec::Boxes &held = to.segments.emplace_back();
  for (const plan::Box &box : from.inputs()) held.inputs.push_back(convertBox(box));
  for (const plan::Box &box : from.outputs()) held.outputs.push_back(convertBox(box));
}

absl::Status convertCollective(const std::string &where, const plan::Collective &from, size_t ranks,
                               CollectiveSpec &to) {
  to.kind = from.kind();
  to.name = from.name();
  to.axes = textsOf(from.axes());
  to.bytes = from.bytes();
  const auto dtype = convertDType(where, from.dtype());
  if (!dtype.ok()) return dtype.status();
  to.dtype = *dtype;
  const std::string &combiner = from.combiner();
  if (combiner != "" && combiner != "sum" && combiner != "max" && combiner != "min")
    return planError(where, "combiner 'sum', 'max', 'min' or none", quoted(combiner));
  to.reduction = combiner == "sum"   ? Reduction::kSum
                 : combiner == "max" ? Reduction::kMax
                 : combiner == "min" ? Reduction::kMin
                                     : Reduction::kNone;
  for (const plan::Group &group : from.groups()) {
    CollectiveSpec::Group &held = to.groups.emplace_back();
    CLEAVE_RETURN_IF_ERROR(convertIndices(where, "a rank", intsOf(group.ranks()), ranks, held.ranks));
    addBoxes(group, held);
  }
  to.dims.push_back(intsOf(from.dims()));
  for (const plan::Segment &segment : from.further()) {
    to.dims.push_back(intsOf(segment.dims()));
    if (segment.groups_size() != from.groups_size())
      return planError(where, absl::StrCat("boxes of each segment for each of ", from.groups_size(), " groups"),
                       segment.groups_size());
    for (int g = 0; g < segment.groups_size(); ++g) addBoxes(segment.groups(g), to.groups[g]);
  }
  for (const std::vector<int64_t> &dims : to.dims) CLEAVE_RETURN_IF_ERROR(checkDims(where, dims, to.dtype));
  return absl::OkStatus();
}

absl::Status convertPort(const std::string &where, const plan::Port &from, const program::Entry &entry,
                         program::Port &to) {
  to.name = from.name();
  CLEAVE_RETURN_IF_ERROR(convertType(where, from.type(), to.type));
  to.layout = convertLayout(from.layout());
  if (from.registers_size() != static_cast<int>(entry.programs.size()))
    return planError(where, absl::StrCat("a register in each of ", entry.programs.size(), " programs"),
                     from.registers_size());
  for (size_t p = 0; p < entry.programs.size(); ++p) {
    const auto held =
        convertIndex(where, "a register", from.registers(static_cast<int>(p)), entry.programs[p].registers.size());
    if (!held.ok()) return held.status();
    to.registers.push_back(*held);
  }
  return absl::OkStatus();
}

absl::Status convertEntry(const plan::Entry &from, const LoadedPlan &plan, program::Entry &to) {
  to.name = from.name();
  const std::string where = absl::StrCat("entry ", quoted(from.name()), ": ");
  if (from.programs_size() != static_cast<int>(plan.classes.size()))
    return planError(absl::StrCat("entry ", quoted(from.name())),
                     absl::StrCat("a program for each of ", plan.classes.size(), " classes"), from.programs_size());
  for (const plan::Collective &collective : from.collectives())
    CLEAVE_RETURN_IF_ERROR(convertCollective(absl::StrCat(where, "collective ", quoted(collective.name())), collective,
                                             plan.members.size(), to.collectives.emplace_back()));
  for (int p = 0; p < from.programs_size(); ++p)
    CLEAVE_RETURN_IF_ERROR(convertProgram(absl::StrCat(where, "class ", p, ": "), from.programs(p), plan, p,
                                          to.collectives.size(), to.programs.emplace_back()));
  for (const plan::Port &port : from.inputs())
    CLEAVE_RETURN_IF_ERROR(
        convertPort(absl::StrCat(where, "input ", quoted(port.name())), port, to, to.inputs.emplace_back()));
  for (const plan::Port &port : from.outputs())
    CLEAVE_RETURN_IF_ERROR(
        convertPort(absl::StrCat(where, "output ", quoted(port.name())), port, to, to.outputs.emplace_back()));
  return absl::OkStatus();
}

absl::Status convertMesh(const plan::Plan &from, LoadedPlan &to) {
  int64_t ranks = 1;
  for (const plan::MeshAxis &axis : from.mesh()) {
    const std::string where = absl::StrCat("mesh axis ", quoted(axis.name()));
    if (axis.size() < 1 || axis.size() > kMaxRanks || (ranks *= axis.size()) > kMaxRanks)
      return planError(where, absl::StrCat("a mesh of 1 to ", kMaxRanks, " devices"), "size ", axis.size());
    to.mesh.push_back({axis.name(), axis.kind(), axis.size()});
  }
  to.members.assign(ranks, {-1, 0});
  return absl::OkStatus();
}

absl::Status convertClasses(const plan::Plan &from, LoadedPlan &to) {
  for (int c = 0; c < from.classes_size(); ++c) {
    const std::string where = absl::StrCat("class ", c);
    const plan::RankClass &held = from.classes(c);
    program::RankClass &made = to.classes.emplace_back();
    made.arenaBytes = held.arena_bytes();
    CLEAVE_RETURN_IF_ERROR(convertIndices(where, "a rank", intsOf(held.ranks()), to.members.size(), made.ranks));
    if (made.ranks.empty()) return planError(where, "at least one rank", "none");
    for (size_t p = 0; p < made.ranks.size(); ++p) {
      LoadedPlan::Member &member = to.members[made.ranks[p]];
      if (member.rankClass >= 0)
        return planError(where, "each rank to be in one class", "rank ", made.ranks[p], " twice");
      member = {c, static_cast<int>(p)};
    }
    if (held.variables_size() != static_cast<int>(to.variables.size()))
      return planError(where, absl::StrCat("a register for each of ", to.variables.size(), " variables"),
                       held.variables_size());
    for (const plan::Register &variable : held.variables())
      CLEAVE_RETURN_IF_ERROR(convertRegister(absl::StrCat(where, ": variable ", quoted(variable.name())), variable,
                                             to.variables.size(), /*registers=*/0, made.arenaBytes,
                                             made.variables.emplace_back()));
  }
  for (size_t r = 0; r < to.members.size(); ++r)
    if (to.members[r].rankClass < 0) return planError(absl::StrCat("rank ", r), "to be in one class", "none");
  return absl::OkStatus();
}

absl::Status convertVariables(const plan::Plan &from, LoadedPlan &to) {
  for (const plan::Variable &variable : from.variables()) {
    program::Variable &held = to.variables.emplace_back();
    held.name = variable.name();
    const std::string where = absl::StrCat("variable ", quoted(held.name));
    if (variable.role() != plan::Variable::PARAMETER && variable.role() != plan::Variable::STATE)
      return planError(where, "a known role", static_cast<int>(variable.role()));
    held.role = variable.role() == plan::Variable::STATE ? program::Variable::Role::kState
                                                         : program::Variable::Role::kParameter;
    held.trainable = variable.trainable();
    held.parameter = variable.parameter();
    held.fill = variable.fill();
    CLEAVE_RETURN_IF_ERROR(convertType(where, variable.type(), held.type));
    held.layout = convertLayout(variable.layout());
  }
  return absl::OkStatus();
}

void convertHostSide(const plan::Plan &from, LoadedPlan &to) {
  const plan::Training &training = from.training();
  to.training = {training.batch(),       training.seq(),
                 training.target_seq(),  training.microbatches(),
                 training.optimizer(),   training.learning_rate(),
                 training.schedule(),    training.warmup(),
                 training.total_steps(), training.min_learning_rate(),
                 training.clips(),       training.flops_per_step()};
  const plan::ModelFamily &family = from.family();
  to.family.modelType = family.model_type();
  to.family.vocabulary = family.vocabulary();
  to.family.causal = family.causal();
  for (const plan::DataInput &input : family.inputs())
    to.family.inputs.push_back({input.name(), input.source(), input.otherwise(), input.limit()});
  for (const plan::StoredTensor &stored : family.stored())
    to.family.stored.push_back({stored.file_name(), textsOf(stored.parameters()), stored.dimension(),
                                stored.transposed(), textsOf(stored.aliases())});
  to.family.prefixes = textsOf(family.prefixes());
  to.family.ignored = textsOf(family.ignored());
  to.family.decoderStartToken = family.decoder_start_token();
  to.family.padToken = family.pad_token();
  to.family.documentEnd = family.document_end() - 1;
  const plan::Provenance &provenance = from.provenance();
  to.provenance = {provenance.model_name(), provenance.model_text(), textsOf(provenance.flags()),
                   provenance.compiler()};
}

}  // namespace

absl::StatusOr<LoadedPlan> convertPlan(const plan::Plan &plan) {
  LoadedPlan loaded;
  loaded.hash = plan.hash();
  CLEAVE_RETURN_IF_ERROR(convertMesh(plan, loaded));
  CLEAVE_RETURN_IF_ERROR(convertVariables(plan, loaded));
  CLEAVE_RETURN_IF_ERROR(convertClasses(plan, loaded));
  for (const plan::Entry &entry : plan.entries())
    CLEAVE_RETURN_IF_ERROR(convertEntry(entry, loaded, loaded.entries.emplace_back()));
  convertHostSide(plan, loaded);
  return loaded;
}

}  // namespace cleave
