#include "runtime/plan/check_plan.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <string>

#include "runtime/plan/plan_checks.h"

namespace cleave {
namespace {

absl::Status checkBox(const std::string &where, const Box &box, absl::Span<const int64_t> dims) {
  if (box.start.size() != dims.size() || box.extent.size() != dims.size())
    return planError(where, absl::StrCat("boxes of rank ", dims.size()), box.start.size(), " and ", box.extent.size());
  for (size_t d = 0; d < dims.size(); ++d)
    if (box.start[d] < 0 || box.extent[d] < 0 || box.start[d] > dims[d] || box.extent[d] > dims[d] - box.start[d])
      return planError(where, absl::StrCat("boxes inside ", listOf(dims)), "start ", listOf(box.start), " and extent ",
                       listOf(box.extent));
  return absl::OkStatus();
}

absl::Status checkLayout(const std::string &where, const program::Layout &layout, const program::TensorType &type,
                         int ranks) {
  if (static_cast<int>(layout.boxes.size()) != ranks)
    return planError(where, absl::StrCat("a box for each of ", ranks, " ranks"), layout.boxes.size());
  std::vector<const Box *> distinct;
  for (const Box &box : layout.boxes) {
    CLEAVE_RETURN_IF_ERROR(checkBox(where, box, type.dims));
    if (box.elements() == 0) continue;
    bool isCopy = false;
    for (const Box *held : distinct) {
      isCopy = *held == box;
      if (isCopy) break;
      if (intersect(*held, box).elements() > 0)
        return planError(where, "boxes that are equal or disjoint", held->str(), " and ", box.str());
    }
    if (!isCopy) distinct.push_back(&box);
  }
  int64_t held = 0;
  for (const Box *box : distinct) held += box->elements();
  if (held != type.elements())
    return planError(where, absl::StrCat("boxes that cover all ", type.elements(), " elements"), held);
  return absl::OkStatus();
}

// A register that holds a rank's box of a tensor.
absl::Status checkHolds(const std::string &where, const program::Register &held, DType dtype, const Box &box,
                        int rank) {
  if (held.dtype != dtype)
    return planError(where, absl::StrCat("register ", quoted(held.name), " to be of type ", nameOf(dtype)),
                     nameOf(held.dtype));
  if (held.dims != box.extent)
    return planError(where,
                     absl::StrCat("register ", quoted(held.name), " to have the extents of rank ", rank, "'s box, ",
                                  listOf(box.extent)),
                     listOf(held.dims));
  return absl::OkStatus();
}

// What the host reads or writes has one place.
absl::Status checkSingle(const std::string &where, const program::Register &held) {
  if (held.count != 1) return planError(where, "a register of one copy", held.count);
  return absl::OkStatus();
}

absl::Status checkVariables(const LoadedPlan &plan) {
  std::set<std::string> names;
  for (size_t v = 0; v < plan.variables.size(); ++v) {
    const program::Variable &variable = plan.variables[v];
    const std::string where = absl::StrCat("variable ", quoted(variable.name));
    if (variable.name.empty() || !names.insert(variable.name).second)
      return planError(where, "a name of its own", variable.name.empty() ? "none" : "a second one");
    if (!variable.parameter.empty() && plan.findVariable(variable.parameter) < 0)
      return planError(where, "to belong to a parameter of the plan", quoted(variable.parameter));
    CLEAVE_RETURN_IF_ERROR(checkLayout(where, variable.layout, variable.type, plan.ranks()));
    for (const program::RankClass &rankClass : plan.classes) {
      CLEAVE_RETURN_IF_ERROR(checkSingle(where, rankClass.variables[v]));
      for (int rank : rankClass.ranks)
        CLEAVE_RETURN_IF_ERROR(
            checkHolds(where, rankClass.variables[v], variable.type.dtype, variable.layout.boxes[rank], rank));
    }
  }
  for (size_t c = 0; c < plan.classes.size(); ++c) {
    std::vector<std::pair<int64_t, const program::Register *>> byOffset;
    for (const program::Register &held : plan.classes[c].variables)
      if (held.bytes > 0) byOffset.push_back({held.offset, &held});
    std::sort(byOffset.begin(), byOffset.end());
    for (size_t i = 1; i < byOffset.size(); ++i) {
      const program::Register &before = *byOffset[i - 1].second, &after = *byOffset[i].second;
      if (before.offset + before.bytes * before.count > after.offset)
        return planError(absl::StrCat("class ", c), "variables with bytes of their own", quoted(before.name), " and ",
                         quoted(after.name), " at offset ", after.offset);
    }
  }
  return absl::OkStatus();
}

absl::Status checkPorts(const std::string &where, const std::vector<program::Port> &ports, bool areInputs,
                        const LoadedPlan &plan, const program::Entry &entry) {
  std::set<std::string> names;
  std::vector<std::set<int>> taken(entry.programs.size());
  for (const program::Port &port : ports) {
    const std::string here = absl::StrCat(where, areInputs ? "input " : "output ", quoted(port.name));
    if (!names.insert(port.name).second) return planError(here, "a name of its own", "a second one");
    CLEAVE_RETURN_IF_ERROR(checkLayout(here, port.layout, port.type, plan.ranks()));
    for (size_t p = 0; p < entry.programs.size(); ++p) {
      const program::Register &held = entry.programs[p].registers[port.registers[p]];
      CLEAVE_RETURN_IF_ERROR(checkSingle(here, held));
      for (int rank : plan.classes[p].ranks)
        CLEAVE_RETURN_IF_ERROR(checkHolds(here, held, port.type.dtype, port.layout.boxes[rank], rank));
      if (!areInputs) continue;
      if (held.viewOf >= 0 || held.variable >= 0)
        return planError(here, "a register that is no view and no variable's", quoted(held.name));
      if (!taken[p].insert(port.registers[p]).second)
        return planError(here, "a register of its own", quoted(held.name));
    }
  }
  return absl::OkStatus();
}

absl::Status checkVariableRegisters(const std::string &where, const program::Program &program,
                                    const program::RankClass &rankClass) {
  std::map<int64_t, int64_t> variableBytes;  // end by begin; they don't overlap
  for (const program::Register &variable : rankClass.variables)
    if (variable.bytes > 0) variableBytes[variable.offset] = variable.offset + variable.bytes * variable.count;
  for (const program::Register &held : program.registers) {
    if (held.viewOf >= 0) continue;
    if (held.variable < 0) {
      const auto next = variableBytes.lower_bound(held.offset + held.bytes * held.count);
      if (held.bytes > 0 && next != variableBytes.begin() && std::prev(next)->second > held.offset)
        return planError(absl::StrCat(where, "register ", quoted(held.name)), "no bytes of a variable", "offset ",
                         held.offset, ", inside a variable that ends at ", std::prev(next)->second);
      continue;
    }
    const program::Register &variable = rankClass.variables[held.variable];
    if (held.offset != variable.offset || held.bytes != variable.bytes || held.count != variable.count ||
        held.dtype != variable.dtype || held.dims != variable.dims || held.strides != variable.strides)
      return planError(absl::StrCat(where, "register ", quoted(held.name)),
                       absl::StrCat("the place and shape of its variable, offset ", variable.offset, " and ",
                                    variable.bytes, " bytes of ", listOf(variable.dims)),
                       "offset ", held.offset, " and ", held.bytes, " bytes of ", listOf(held.dims));
  }
  return absl::OkStatus();
}

absl::Status checkSegment(const std::string &where, const std::vector<int> &ranks, absl::Span<const int64_t> dims,
                          const CollectiveSpec::Boxes &segment) {
  const size_t members = ranks.size();
  if (segment.inputs.size() != members || segment.outputs.size() != members)
    return planError(where, absl::StrCat("an input and an output box for each of ", members, " ranks"),
                     segment.inputs.size(), " and ", segment.outputs.size());
  for (const auto *boxes : {&segment.inputs, &segment.outputs})
    for (const Box &box : *boxes) CLEAVE_RETURN_IF_ERROR(checkBox(where, box, dims));

  const Box *covered = nullptr;  // neighbours often get equal boxes
  for (size_t m = 0; m < members; ++m) {
    const Box &output = segment.outputs[m];
    if (output == segment.inputs[m] || (covered && *covered == output)) continue;
    for (const Piece &piece : cutByHolders(output, segment.inputs, /*firstOnly=*/true))
      if (piece.holders.empty())
        return planError(where, absl::StrCat("every element of rank ", ranks[m], "'s output to be held by a member"),
                         "nobody who holds ", piece.box.str());
    covered = &output;
  }
  return absl::OkStatus();
}

absl::Status checkGroup(const std::string &where, const CollectiveSpec &spec, const CollectiveSpec::Group &group,
                        std::vector<bool> &isTaken) {
  if (group.ranks.empty()) return planError(where, "groups of at least one rank", "an empty one");
  for (int rank : group.ranks) {
    if (isTaken[rank]) return planError(where, "disjoint groups", "rank ", rank, " twice");
    isTaken[rank] = true;
  }
  for (size_t s = 0; s < group.segments.size(); ++s)
    CLEAVE_RETURN_IF_ERROR(checkSegment(where, group.ranks, spec.dims[s], group.segments[s]));
  return absl::OkStatus();
}

// Where a register lies on one member of a class, in the arena.
struct Place {
  const program::Register &held;
  int64_t begin, end;

  Place(const program::Register &held, int member)
      : held(held), begin(held.offset + (held.starts.empty() ? 0 : held.starts[member])),
        end(begin + spanOf(held.dims, held.strides) * bytesOf(held.dtype)) {}
  bool meets(const Place &other) const { return std::max(begin, other.begin) < std::min(end, other.end); }
};

// Whether a member's output may take the bytes of its input: where all boxes are equal, or where the input is the part
// of the output that nobody brings but this member, so that it stays as it is.
bool mayTakeBytes(const CollectiveSpec &spec, const CollectiveSpec::Boxes &segment, size_t member, const Place &input,
                  const Place &output) {
  if (input.held.strides != output.held.strides) return false;
  const auto isFirst = [&](const Box &box) { return box == segment.inputs[0]; };
  if (std::all_of(segment.inputs.begin(), segment.inputs.end(), isFirst) &&
      std::all_of(segment.outputs.begin(), segment.outputs.end(), isFirst))
    return input.begin == output.begin;
  const Box &part = segment.inputs[member], &whole = segment.outputs[member];
  if (spec.reduction != Reduction::kNone || intersect(part, whole) != part) return false;
  int64_t begin = output.begin;
  for (size_t d = 0; d < part.start.size(); ++d)
    begin += (part.start[d] - whole.start[d]) * output.held.strides[d] * bytesOf(spec.dtype);
  const auto bringsSome = [&](const Box &box) { return intersect(box, part).elements() > 0; };
  return input.begin == begin &&
         std::none_of(segment.inputs.begin(), segment.inputs.begin() + static_cast<std::ptrdiff_t>(member), bringsSome);
}

// What one member brings and gets. Segments are moved side by side: what one of them writes, no other touches.
absl::Status checkPlaces(const std::string &where, const CollectiveSpec &spec, const CollectiveSpec::Group &group,
                         size_t member, const std::vector<Place> &from, const std::vector<Place> &to) {
  const std::string ofRank = absl::StrCat(" of rank ", group.ranks[member]);
  for (size_t s = 0; s < to.size(); ++s)
    for (size_t other = 0; other < to.size(); ++other) {
      const bool isSame = other == s;
      if (to[s].meets(from[other]) && !(isSame && mayTakeBytes(spec, group.segments[s], member, from[s], to[s])))
        return planError(
            where,
            "an output in the input's bytes only where all boxes of the group are equal or the input is the "
            "output's part that it brings",
            "input ", quoted(from[other].held.name), " and output ", quoted(to[s].held.name), ofRank);
      if (!isSame && to[s].meets(to[other]))
        return planError(where, "outputs with bytes of their own", quoted(to[s].held.name), " and ",
                         quoted(to[other].held.name), ofRank);
    }
  return absl::OkStatus();
}

// The task of a collective on the ranks of one class.
absl::Status checkCollectiveTask(const std::string &where, const CollectiveSpec &spec, const program::Program &program,
                                 const program::Task &task, const program::RankClass &rankClass) {
  const size_t segments = spec.dims.size();
  if (task.inputs.size() != segments || task.outputs.size() != segments)
    return planError(where, absl::StrCat("an input and an output for each of ", segments, " segments"),
                     task.inputs.size(), " and ", task.outputs.size());
  for (size_t position = 0; position < rankClass.ranks.size(); ++position) {
    const int rank = rankClass.ranks[position];
    const CollectiveSpec::Group *group = nullptr;
    size_t member = 0;
    for (const auto &candidate : spec.groups)
      for (size_t m = 0; m < candidate.ranks.size(); ++m)
        if (candidate.ranks[m] == rank) {
          group = &candidate;
          member = m;
        }
    if (!group) return planError(where, absl::StrCat("rank ", rank, " to be in a group of its collective"), "none");
    std::vector<Place> from, to;
    for (size_t s = 0; s < segments; ++s) {
      const program::Register &input = program.registers[task.inputs[s]], &output = program.registers[task.outputs[s]];
      CLEAVE_RETURN_IF_ERROR(checkHolds(where, input, spec.dtype, group->segments[s].inputs[member], rank));
      CLEAVE_RETURN_IF_ERROR(checkHolds(where, output, spec.dtype, group->segments[s].outputs[member], rank));
      from.emplace_back(input, static_cast<int>(position));
      to.emplace_back(output, static_cast<int>(position));
    }
    CLEAVE_RETURN_IF_ERROR(checkPlaces(where, spec, *group, member, from, to));
  }
  return absl::OkStatus();
}

absl::Status checkCollectives(const std::string &where, const LoadedPlan &plan, const program::Entry &entry) {
  for (const CollectiveSpec &spec : entry.collectives) {
    std::vector<bool> isTaken(plan.ranks(), false);
    for (const auto &group : spec.groups)
      CLEAVE_RETURN_IF_ERROR(checkGroup(absl::StrCat(where, "collective ", quoted(spec.name)), spec, group, isTaken));
  }
  std::vector<std::vector<int>> tasksOf(entry.collectives.size(), std::vector<int>(entry.programs.size(), 0));
  for (size_t p = 0; p < entry.programs.size(); ++p)
    for (const program::Task &task : entry.programs[p].tasks) {
      if (task.collective < 0) continue;
      ++tasksOf[task.collective][p];
      CLEAVE_RETURN_IF_ERROR(checkCollectiveTask(absl::StrCat(where, "class ", p, ": op ", quoted(task.op)),
                                                 entry.collectives[task.collective], entry.programs[p], task,
                                                 plan.classes[p]));
    }
  for (size_t c = 0; c < entry.collectives.size(); ++c)
    for (const auto &group : entry.collectives[c].groups)
      for (int rank : group.ranks)
        if (const int tasks = tasksOf[c][plan.members[rank].rankClass]; tasks != 1)
          return planError(absl::StrCat(where, "collective ", quoted(entry.collectives[c].name)),
                           absl::StrCat("one task on rank ", rank), tasks);
  return absl::OkStatus();
}

// The proof of sharing knows such a view only as a range that it lies in.
absl::Status checkWritten(const std::string &where, const program::Register &output) {
  if (output.starts.empty() || output.variable >= 0) return absl::OkStatus();
  return planError(
      where,
      absl::StrCat("a written view to lie at one offset on all ranks, or to show a variable, in ", quoted(output.name)),
      "several offsets");
}

absl::Status checkTasks(const std::string &where, const program::Program &program) {
  for (size_t t = 0; t < program.tasks.size(); ++t) {
    const program::Task &task = program.tasks[t];
    const std::string here = absl::StrCat(where, "op ", quoted(task.op));
    for (int before : task.after)
      if (before == static_cast<int>(t)) return planError(here, "to follow other tasks", "itself");
    for (size_t i = 0; i < task.outputs.size(); ++i) {
      const program::Register &output = program.registers[task.outputs[i]];
      CLEAVE_RETURN_IF_ERROR(checkWritten(here, output));
      const bool isEmpty = std::count(output.dims.begin(), output.dims.end(), 0) > 0;
      for (size_t d = 0; d < output.dims.size() && !isEmpty; ++d)
        if (output.strides[d] == 0 && output.dims[d] > 1)
          return planError(here, absl::StrCat("an output without repeated elements in ", quoted(output.name)),
                           "stride 0");
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status checkPlan(const LoadedPlan &plan) {
  CLEAVE_RETURN_IF_ERROR(checkVariables(plan));
  std::set<std::string> names;
  for (const program::Entry &entry : plan.entries) {
    const std::string where = absl::StrCat("entry ", quoted(entry.name), ": ");
    if (!names.insert(entry.name).second)
      return planError(absl::StrCat("entry ", quoted(entry.name)), "a name of its own", "a second one");
    for (size_t p = 0; p < entry.programs.size(); ++p) {
      const std::string here = absl::StrCat(where, "class ", p, ": ");
      CLEAVE_RETURN_IF_ERROR(checkVariableRegisters(here, entry.programs[p], plan.classes[p]));
      CLEAVE_RETURN_IF_ERROR(checkTasks(here, entry.programs[p]));
    }
    CLEAVE_RETURN_IF_ERROR(checkPorts(where, entry.inputs, /*areInputs=*/true, plan, entry));
    CLEAVE_RETURN_IF_ERROR(checkPorts(where, entry.outputs, /*areInputs=*/false, plan, entry));
    CLEAVE_RETURN_IF_ERROR(checkCollectives(where, plan, entry));
  }
  return absl::OkStatus();
}

absl::Status findKernels(const Registry &registry, LoadedPlan &plan) {
  for (program::Entry &entry : plan.entries)
    for (size_t p = 0; p < entry.programs.size(); ++p)
      for (program::Task &task : entry.programs[p].tasks) {
        if (task.collective >= 0) continue;
        std::vector<TensorView> inputs, outputs;
        for (int r : task.inputs)
          inputs.push_back(entry.programs[p].registers[r].view(nullptr, /*use=*/0, /*member=*/0));
        for (int r : task.outputs)
          outputs.push_back(entry.programs[p].registers[r].view(nullptr, /*use=*/0, /*member=*/0));
        for (size_t m = 0; m < task.attributes.size(); ++m) {
          const auto kernel = registry.find(task.kernel, {task.attributes[m], inputs, outputs});
          if (!kernel.ok())
            return absl::Status(kernel.status().code(),
                                absl::StrCat("entry ", quoted(entry.name), ": ", task.str(), " on rank ",
                                             plan.classes[p].ranks[m], ": ", kernel.status().message()));
          task.kernels.push_back(*kernel);
        }
      }
  return absl::OkStatus();
}

ScheduleModel makeScheduleModel(const LoadedPlan &plan, const program::Entry &entry) {
  ScheduleModel model;
  for (const CollectiveSpec &spec : entry.collectives) {
    model.collectives.push_back({spec.name, {}});
    for (const auto &group : spec.groups) model.collectives.back().groups.push_back(group.ranks);
  }
  for (size_t p = 0; p < entry.programs.size(); ++p) {
    const program::Program &from = entry.programs[p];
    ScheduleModel::Program &to = model.programs.emplace_back();
    to.ranks = plan.classes[p].ranks;
    for (const program::Register &held : from.registers) {
      // A view that lies elsewhere on each rank may be anywhere in its bytes.
      const bool isDense = held.view(nullptr, /*use=*/0, /*member=*/0).isContiguous() && held.starts.empty();
      const int64_t span = spanOf(held.dims, held.strides) * bytesOf(held.dtype);
      const int64_t bytes = held.starts.empty() ? span : held.bytes;
      to.values.push_back({held.name, held.offset, bytes, held.count, held.copyBytes, held.viewOf, held.variable,
                           /*isInput=*/false, /*isOutput=*/false, isDense, bytesOf(held.dtype)});
    }
    for (const program::Port &port : entry.inputs) to.values[port.registers[p]].isInput = true;
    for (const program::Port &port : entry.outputs) {
      ScheduleModel::Value &value = to.values[port.registers[p]];
      (value.viewOf < 0 ? value : to.values[value.viewOf]).isOutput = true;
    }
    for (const program::Task &task : from.tasks)
      to.tasks.push_back({task.op, task.stream, task.inputs, task.outputs, task.after, task.collective, task.repeat});
    for (const program::Stream &stream : from.streams) {
      to.streams.push_back(stream.tasks);
      to.streamNames.push_back(stream.name);
    }
  }
  return model;
}

}  // namespace cleave
