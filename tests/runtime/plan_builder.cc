#include "tests/runtime/plan_builder.h"

#include "runtime/plan/plan_file.h"
#include "runtime/plan/plan_hash.h"

namespace cleave {
namespace {

int64_t elementsOf(const Dims &dims) {
  int64_t count = 1;
  for (int64_t size : dims) count *= size;
  return count;
}

int64_t bytesOf(const Dims &dims, plan::DType dtype) {
  const int64_t size = dtype == plan::F64 || dtype == plan::I64 ? 8 : dtype == plan::BOOL ? 1 : 4;
  return elementsOf(dims) * size;
}

template <typename Field>
void fillDims(const Dims &dims, Field *field) {
  for (int64_t size : dims) field->Add(size);
}

}  // namespace

plan::Layout makeLayout(const Dims &dims, int64_t ranks, int dim) {
  plan::Layout layout;
  layout.add_placement(dim < 0 ? "B" : "S(" + std::to_string(dim) + ")");
  for (int64_t rank = 0; rank < ranks; ++rank) {
    plan::Box *box = layout.add_boxes();
    for (size_t d = 0; d < dims.size(); ++d) {
      const bool isSplit = static_cast<int>(d) == dim;
      const int64_t begin = isSplit ? rank * dims[d] / ranks : 0,
                    end = isSplit ? (rank + 1) * dims[d] / ranks : dims[d];
      box->add_start(begin);
      box->add_extent(end - begin);
    }
  }
  return layout;
}

PlanBuilder::PlanBuilder(int64_t ranks) : ranks_(ranks) {
  plan_.set_format_version(kPlanFormatVersion);
  plan::MeshAxis *axis = plan_.add_mesh();
  axis->set_name("data");
  axis->set_kind("data");
  axis->set_size(ranks);
}

int PlanBuilder::addClass(const std::vector<int64_t> &ranks) {
  plan::RankClass *made = plan_.add_classes();
  fillDims(ranks, made->mutable_ranks());
  return plan_.classes_size() - 1;
}

int64_t PlanBuilder::allocate(int rankClass, int64_t bytes) {
  plan::RankClass *held = plan_.mutable_classes(rankClass);
  const int64_t offset = held->arena_bytes();
  held->set_arena_bytes(offset + (bytes + 63) / 64 * 64);
  return offset;
}

int PlanBuilder::addVariable(const std::string &name, const Dims &dims, int splitDim, double fill) {
  plan::Variable *made = plan_.add_variables();
  made->set_name(name);
  made->set_fill(fill);
  made->mutable_type()->set_dtype(plan::F32);
  fillDims(dims, made->mutable_type()->mutable_dims());
  *made->mutable_layout() = makeLayout(dims, ranks_, splitDim);
  for (int c = 0; c < plan_.classes_size(); ++c) {
    const plan::Box &box = made->layout().boxes(static_cast<int>(plan_.classes(c).ranks(0)));
    const Dims local(box.extent().begin(), box.extent().end());
    plan::Register held;
    held.set_name(name);
    held.set_bytes(bytesOf(local, plan::F32));
    held.set_offset(allocate(c, held.bytes()));
    held.set_count(1);
    held.set_dtype(plan::F32);
    fillDims(local, held.mutable_dims());
    *plan_.mutable_classes(c)->add_variables() = held;
  }
  return plan_.variables_size() - 1;
}

plan::Entry &PlanBuilder::addEntry(const std::string &name) {
  plan::Entry *made = plan_.add_entries();
  made->set_name(name);
  for (int c = 0; c < plan_.classes_size(); ++c) {
    plan::Program *program = made->add_programs();
    program->add_streams()->set_name("compute");
    program->add_streams()->set_name("communicate");
  }
  return *made;
}

int PlanBuilder::addRegister(int rankClass, const std::string &name, const Dims &dims, plan::DType dtype) {
  plan::Register *made = entry().mutable_programs(rankClass)->add_registers();
  made->set_name(name);
  made->set_bytes(bytesOf(dims, dtype));
  made->set_offset(allocate(rankClass, made->bytes()));
  made->set_count(1);
  made->set_dtype(dtype);
  fillDims(dims, made->mutable_dims());
  return entry().programs(rankClass).registers_size() - 1;
}

int PlanBuilder::addVariableRegister(int rankClass, int variable) {
  plan::Register *made = entry().mutable_programs(rankClass)->add_registers();
  *made = plan_.classes(rankClass).variables(variable);
  made->set_variable(variable + 1);
  return entry().programs(rankClass).registers_size() - 1;
}

int PlanBuilder::addView(int rankClass, const std::string &name, int of, int64_t offset, const Dims &dims,
                         const Dims &strides) {
  plan::Register *made = entry().mutable_programs(rankClass)->add_registers();
  made->set_name(name);
  made->set_dtype(held(rankClass, of).dtype());
  made->set_view_of(of + 1);
  made->add_view_offset(offset);
  fillDims(dims, made->mutable_dims());
  fillDims(strides, made->mutable_strides());
  return entry().programs(rankClass).registers_size() - 1;
}

plan::Task &PlanBuilder::addTask(int rankClass, int stream, const std::string &op, const std::string &kernel,
                                 const std::vector<int64_t> &inputs, const std::vector<int64_t> &outputs) {
  plan::Program *program = entry().mutable_programs(rankClass);
  program->mutable_streams(stream)->add_tasks(program->tasks_size());
  plan::Task *made = program->add_tasks();
  made->set_op(op);
  made->set_kernel(kernel);
  made->set_repeat(1);
  fillDims(inputs, made->mutable_inputs());
  fillDims(outputs, made->mutable_outputs());
  return *made;
}

void PlanBuilder::addPort(bool isInput, const std::string &name, const Dims &dims, int splitDim,
                          const std::vector<int64_t> &registers, plan::DType dtype) {
  plan::Port *made = isInput ? entry().add_inputs() : entry().add_outputs();
  made->set_name(name);
  made->mutable_type()->set_dtype(dtype);
  fillDims(dims, made->mutable_type()->mutable_dims());
  *made->mutable_layout() = makeLayout(dims, ranks_, splitDim);
  fillDims(registers, made->mutable_registers());
}

int PlanBuilder::addCollective(const std::string &name, const std::string &combiner, const Dims &dims,
                               const plan::Layout &inputs, const plan::Layout &outputs) {
  plan::Collective *made = entry().add_collectives();
  made->set_kind("all_reduce");
  made->set_name(name);
  made->set_combiner(combiner);
  made->set_dtype(plan::F32);
  fillDims(dims, made->mutable_dims());
  plan::Group *group = made->add_groups();
  for (int64_t rank = 0; rank < ranks_; ++rank) group->add_ranks(rank);
  *group->mutable_inputs() = inputs.boxes();
  *group->mutable_outputs() = outputs.boxes();
  return entry().collectives_size();
}

void PlanBuilder::addSegment(int collective, const Dims &dims, const plan::Layout &inputs,
                             const plan::Layout &outputs) {
  plan::Segment *made = entry().mutable_collectives(collective - 1)->add_further();
  fillDims(dims, made->mutable_dims());
  plan::Boxes *boxes = made->add_groups();
  *boxes->mutable_inputs() = inputs.boxes();
  *boxes->mutable_outputs() = outputs.boxes();
}

plan::Task &PlanBuilder::addCollectiveTask(int rankClass, int stream, const std::string &op, int collective,
                                           int64_t input, int64_t output) {
  plan::Task &made = addTask(rankClass, stream, op, "collective", {input}, {output});
  made.set_collective(collective);
  return made;
}

std::string PlanBuilder::bytes() const { return serializePlan(plan_); }

PlanBuilder makeSharedUpdate() {
  PlanBuilder builder(/*ranks=*/2);
  builder.addClass({0, 1});
  const int variable = builder.addVariable("weight", {4}, /*splitDim=*/-1, /*fill=*/1);
  builder.addEntry("step");
  const int gather = builder.addCollective("gather", "", {4}, makeLayout({4}, 2, 0), makeLayout({4}, 2, -1));
  const int weight = builder.addVariableRegister(0, variable);
  const int half = builder.addView(0, "half", weight, 0, {2});
  builder.held(0, half).add_view_offset(2);
  plan::Attribute *factor = builder.addTask(0, 0, "update", "scale", {half}, {half}).add_attributes();
  factor->set_name("factor");
  factor->add_values()->set_number(3);
  builder.addCollectiveTask(0, 1, "gather", gather, half, weight);
  return builder;
}

PlanBuilder makeBucketStep() {
  PlanBuilder builder(/*ranks=*/2);
  builder.addClass({0, 1});
  builder.addEntry("step");
  const int gather = builder.addCollective("gather", "", {4}, makeLayout({4}, 2, 0), makeLayout({4}, 2, -1));
  builder.addSegment(gather, {2}, makeLayout({2}, 2, 0), makeLayout({2}, 2, -1));
  const int a = builder.addRegister(0, "a", {2}), b = builder.addRegister(0, "b", {1});
  const int allA = builder.addRegister(0, "all_a", {4}), allB = builder.addRegister(0, "all_b", {2});
  plan::Task &task = builder.addCollectiveTask(0, 1, "gather", gather, a, allA);
  task.add_inputs(b);
  task.add_outputs(allB);
  builder.addPort(true, "a", {4}, 0, {a});
  builder.addPort(true, "b", {2}, 0, {b});
  builder.addPort(false, "all_a", {4}, -1, {allA});
  builder.addPort(false, "all_b", {2}, -1, {allB});
  return builder;
}

PlanBuilder makeExampleStep() {
  PlanBuilder builder(/*ranks=*/2);
  builder.addClass({0});
  builder.addClass({1});
  const int weight = builder.addVariable("weight", {3}, /*splitDim=*/-1, /*fill=*/1);
  builder.addEntry("step");
  const plan::Layout whole = makeLayout({}, 2, -1);
  const int collective = builder.addCollective("reduce_total", "sum", {}, whole, whole);
  std::vector<int64_t> x, doubled, total;
  for (int c = 0; c < 2; ++c) {
    const Dims local = {c == 0 ? 2 : 3};
    x.push_back(builder.addRegister(c, "x", local));
    doubled.push_back(builder.addRegister(c, "doubled", local));
    const int partial = builder.addRegister(c, "partial", {});
    total.push_back(builder.addRegister(c, "total", {}));
    const int copied = builder.addRegister(c, "copied", local);
    const int w = builder.addVariableRegister(c, weight);
    plan::Attribute *factor = builder.addTask(c, 0, "double", "scale", {x[c]}, {doubled[c]}).add_attributes();
    factor->set_name("factor");
    factor->add_values()->set_number(2);
    builder.addTask(c, 0, "sum", "total", {doubled[c]}, {partial});
    builder.addCollectiveTask(c, 1, "reduce", collective, partial, total[c]);
    builder.addTask(c, 0, "overlapped", "copy", {doubled[c]}, {copied});
    plan::Task &update = builder.addTask(c, 0, "update", "add_to_all", {w, total[c]}, {w});
    update.set_layer("block 3");
    update.set_location("model.mlir:7:3");
  }
  builder.addPort(true, "x", {5}, 0, x);
  builder.addPort(false, "doubled", {5}, 0, doubled);
  builder.addPort(false, "total", {}, -1, total);
  return builder;
}

}  // namespace cleave
