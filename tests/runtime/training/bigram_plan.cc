#include "tests/runtime/training/bigram_plan.h"

#include <vector>

#include "kernels/reference/register.h"
#include "runtime/plan/plan_hash.h"
#include "tests/runtime/plan_builder.h"

namespace cleave {
namespace {

// Attributes of a task, one after the other.
class With {
 public:
  explicit With(plan::Task &task) : task_(task) {}

  With &integer(const std::string &name, int64_t value) {
    add(name).set_integer(value);
    return *this;
  }
  With &number(const std::string &name, double value) {
    add(name).set_number(value);
    return *this;
  }
  With &text(const std::string &name, const std::string &value) {
    add(name).set_text(value);
    return *this;
  }
  With &integers(const std::string &name, const std::vector<int64_t> &values) {
    set(add(name), values);
    return *this;
  }
  With &numbers(const std::string &name, const std::vector<double> &values) {
    for (double value : values) add(name).mutable_numbers()->add_values(value);
    return *this;
  }
  // One list a rank.
  With &integersOfRanks(const std::string &name, const std::vector<std::vector<int64_t>> &values) {
    plan::Attribute *attribute = task_.add_attributes();
    attribute->set_name(name);
    for (const auto &list : values) set(*attribute->add_values(), list);
    return *this;
  }

 private:
  plan::Attribute::Value &add(const std::string &name) {
    plan::Attribute *attribute = task_.add_attributes();
    attribute->set_name(name);
    return *attribute->add_values();
  }
  static void set(plan::Attribute::Value &value, const std::vector<int64_t> &list) {
    plan::Ints *ints = value.mutable_integers();
    for (int64_t item : list) ints->add_values(item);
  }

  plan::Task &task_;
};

class BigramBuilder {
 public:
  explicit BigramBuilder(const BigramSizes &sizes) : sizes_(sizes), builder_(sizes.ranks) {
    std::vector<int64_t> ranks;
    for (int64_t rank = 0; rank < sizes.ranks; ++rank) ranks.push_back(rank);
    builder_.addClass(ranks);
    const Dims table = {sizes.vocabulary, sizes.vocabulary};
    table_ = builder_.addVariable("table.weight", table, -1);
    momentum_ = builder_.addVariable("momentum(table.weight)", table, -1);
    plan::Plan &plan = builder_.plan();
    plan.mutable_variables(table_)->set_trainable(true);
    plan.mutable_variables(momentum_)->set_role(plan::Variable::STATE);
    plan.mutable_variables(momentum_)->set_parameter("table.weight");
  }

  plan::Plan build() {
    addStep();
    addEvaluate();
    addLogits();
    addInitialize();
    describe();
    return builder_.plan();
  }

 private:
  Dims localIds() const { return {sizes_.batch / sizes_.ranks, sizes_.sequence}; }
  Dims globalIds() const { return {sizes_.batch, sizes_.sequence}; }

  int scalar(const std::string &name) { return builder_.addRegister(0, name, {}); }

  int constant(const std::string &name, double value) {
    const int made = scalar(name);
    With(builder_.addTask(0, 0, name, "constant", {}, {made})).numbers("values", {value});
    return made;
  }

  int allReduce(const std::string &name, int input, const Dims &dims) {
    const plan::Layout whole = makeLayout(dims, sizes_.ranks, -1);
    const int made = builder_.addRegister(0, name, dims);
    const int collective = builder_.addCollective(name, "sum", dims, whole, whole);
    builder_.addCollectiveTask(0, 1, name, collective, input, made);
    return made;
  }

  void addDataPorts() {
    ids_ = builder_.addRegister(0, "input_ids", localIds(), plan::I32);
    labels_ = builder_.addRegister(0, "labels", localIds(), plan::I32);
    builder_.addPort(true, "input_ids", globalIds(), 0, {ids_}, plan::I32);
    builder_.addPort(true, "labels", globalIds(), 0, {labels_}, plan::I32);
  }

  int embed(int ids, const Dims &idDims) {
    Dims dims = idDims;
    dims.push_back(sizes_.vocabulary);
    const int logits = builder_.addRegister(0, "logits", dims);
    With(builder_.addTask(0, 0, "look_up", "embedding", {builder_.addVariableRegister(0, table_), ids}, {logits}))
        .integer("rows", sizes_.vocabulary)
        .integer("row_offset", 0)
        .integer("padding_index", -1);
    return logits;
  }

  int dropout(const std::string &name, int input, int key) {
    Dims local = localIds(), global = globalIds();
    local.push_back(sizes_.vocabulary);
    global.push_back(sizes_.vocabulary);
    std::vector<std::vector<int64_t>> offsets;
    for (int64_t rank = 0; rank < sizes_.ranks; ++rank) offsets.push_back({rank * local[0], 0, 0});
    const int made = builder_.addRegister(0, name, local);
    With(builder_.addTask(0, 0, name, "dropout", {input, key}, {made}))
        .number("rate", sizes_.dropout)
        .integer("id", 1)
        .integer("element_offset", 0)
        .integers("global_shape", global)
        .integersOfRanks("offset", offsets);
    return made;
  }

  // Loss sum and number of labels over all ranks; keeps the log-sums.
  void addLoss(int logits) {
    const int sum = scalar("partial_loss"), count = scalar("partial_count");
    lse_ = builder_.addRegister(0, "lse", localIds());
    plan::Task &task = builder_.addTask(0, 0, "loss_of_batch", "cross_entropy", {logits, labels_}, {sum, count, lse_});
    With(task).integer("ignore_index", -100);
    task.set_layer("head 0");
    task.set_location("bigram.mlir:9:3");
    lossSum_ = allReduce("loss_sum", sum, {});
    tokens_ = allReduce("tokens", count, {});
  }

  void addStep() {
    builder_.addEntry("step");
    addDataPorts();
    const int lr = scalar("lr"), key = builder_.addRegister(0, "rng", {4}, plan::I32);
    builder_.addPort(true, "lr", {}, -1, {lr});
    builder_.addPort(true, "rng", {4}, -1, {key}, plan::I32);
    const int logits = dropout("drop", embed(ids_, localIds()), key);
    addLoss(logits);
    const int one = constant("one", 1), zero = constant("zero", 0);
    const int divisor = scalar("divisor"), loss = scalar("loss"), dloss = scalar("dloss");
    builder_.addTask(0, 0, "divisor", "maximum", {tokens_, one}, {divisor});
    builder_.addTask(0, 0, "loss", "div", {lossSum_, divisor}, {loss});
    builder_.addTask(0, 0, "dloss", "div", {one, divisor}, {dloss});
    const int grad = addGradient(logits, dloss, key);
    const int squares = scalar("squares"), norm = scalar("grad_norm"),
              active = builder_.addRegister(0, "active", {}, plan::BOOL);
    builder_.addTask(0, 0, "squares", "sum_squares", {grad}, {squares});
    builder_.addTask(0, 0, "norm", "sqrt", {squares}, {norm});
    With(builder_.addTask(0, 0, "active", "compare", {tokens_, zero}, {active})).text("direction", "gt");
    const int table = builder_.addVariableRegister(0, table_), momentum = builder_.addVariableRegister(0, momentum_);
    With(builder_.addTask(0, 0, "update", "sgd", {table, grad, momentum, lr, one, active}, {table, momentum}))
        .number("momentum", sizes_.momentum)
        .number("weight_decay", 0)
        .number("lr_factor", 1)
        .integers("segments", {1, 1, 1, 1, 1, 1});
    builder_.addPort(false, "loss", {}, -1, {loss});
    builder_.addPort(false, "tokens", {}, -1, {tokens_});
    builder_.addPort(false, "grad_norm", {}, -1, {norm});
  }

  int addGradient(int logits, int dloss, int key) {
    Dims local = localIds();
    local.push_back(sizes_.vocabulary);
    const int dlogits = builder_.addRegister(0, "dlogits", local);
    With(builder_.addTask(0, 0, "dlogits", "cross_entropy_gradient", {logits, labels_, lse_, dloss}, {dlogits}))
        .integer("ignore_index", -100)
        .integer("index_offset", 0)
        .integer("index_size", sizes_.vocabulary);
    const Dims table = {sizes_.vocabulary, sizes_.vocabulary};
    const int partial = builder_.addRegister(0, "partial_grad", table);
    With(builder_.addTask(0, 0, "grad_of_batch", "embedding_gradient", {ids_, dropout("drop_gradient", dlogits, key)},
                          {partial}))
        .integer("rows", sizes_.vocabulary)
        .integer("row_offset", 0)
        .integer("padding_index", -1)
        .integers("segments", {1, 1, 0});
    return allReduce("grad", partial, table);
  }

  void addEvaluate() {
    builder_.addEntry("evaluate");
    addDataPorts();
    addLoss(embed(ids_, localIds()));
    builder_.addPort(false, "loss_sum", {}, -1, {lossSum_});
    builder_.addPort(false, "tokens", {}, -1, {tokens_});
  }

  void addLogits() {
    builder_.addEntry("logits");
    const Dims dims = {1, sizes_.sequence};
    const int ids = builder_.addRegister(0, "input_ids", dims, plan::I32);
    builder_.addPort(true, "input_ids", dims, -1, {ids}, plan::I32);
    builder_.addPort(false, "logits", {1, sizes_.sequence, sizes_.vocabulary}, -1, {embed(ids, dims)});
  }

  void addInitialize() {
    builder_.addEntry("initialize");
    const int key = builder_.addRegister(0, "rng", {4}, plan::I32), table = builder_.addVariableRegister(0, table_);
    builder_.addPort(true, "rng", {4}, -1, {key}, plan::I32);
    With(builder_.addTask(0, 0, "draw", "random", {key}, {table}))
        .text("distribution", "normal")
        .number("mean", 0)
        .number("deviation", 0.5)
        .integer("id", 2)
        .integer("zero_row", -1)
        .integers("global_shape", {sizes_.vocabulary, sizes_.vocabulary})
        .integers("offset", {0, 0});
  }

  void describe() {
    plan::Plan &plan = builder_.plan();
    plan::Training *training = plan.mutable_training();
    training->set_batch(sizes_.batch);
    training->set_seq(sizes_.sequence);
    training->set_microbatches(1);
    training->set_optimizer("sgd");
    training->set_learning_rate(0.5);
    training->set_schedule("constant");
    training->set_flops_per_step(1e6);
    plan::ModelFamily *family = plan.mutable_family();
    family->set_model_type("bigram");
    family->set_vocabulary(sizes_.vocabulary);
    family->set_causal(true);
    for (const char *name : {"input_ids", "labels"}) {
      plan::DataInput *input = family->add_inputs();
      input->set_name(name);
      input->set_source(name);
      input->set_otherwise("required");
      input->set_limit(sizes_.vocabulary);
    }
  }

  const BigramSizes sizes_;
  PlanBuilder builder_;
  int table_ = 0, momentum_ = 0;                                   // variables
  int ids_ = 0, labels_ = 0, lse_ = 0, lossSum_ = 0, tokens_ = 0;  // registers of the entry under way
};

}  // namespace

plan::Plan makeBigramPlan(const BigramSizes &sizes) { return BigramBuilder(sizes).build(); }

std::string bigramPlanBytes(const BigramSizes &sizes) { return serializePlan(makeBigramPlan(sizes)); }

Registry makeReferenceRegistry() {
  Registry registry;
  registerReferenceKernels(registry);
  return registry;
}

}  // namespace cleave
