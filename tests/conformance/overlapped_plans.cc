#include "tests/conformance/overlapped_plans.h"

#include <cstdlib>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "ir/cleave.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/pipeline.h"
#include "tools/cli/commands.h"
#include "tools/compile/load_model.h"

namespace cleave {
namespace {

using Flags = std::vector<std::string>;

constexpr char kGpt2[] = R"({"model_type": "gpt2", "vocab_size": 67, "n_positions": 16, "n_embd": 24, "n_layer": 2,
  "n_head": 3, "embd_pdrop": 0, "attn_pdrop": 0, "resid_pdrop": 0})";
constexpr char kLlama[] = R"({"model_type": "llama", "vocab_size": 67, "hidden_size": 24, "intermediate_size": 40,
  "num_hidden_layers": 2, "num_attention_heads": 6, "num_key_value_heads": 3, "max_position_embeddings": 16})";
constexpr char kT5[] = R"({"model_type": "t5", "vocab_size": 67, "d_model": 24, "d_kv": 8, "d_ff": 40, "num_layers": 1,
  "num_decoder_layers": 1, "num_heads": 3, "dropout_rate": 0})";

const char *configOf(const std::string &family) {
  return family == "gpt2" ? kGpt2 : family == "llama" ? kLlama : kT5;
}

std::string writeConfig(const std::string &family) {
  const char *folder = std::getenv("TEST_TMPDIR");
  const std::string path = absl::StrCat(folder ? folder : "/tmp", "/", family, "_config.json");
  std::ofstream(path) << configOf(family);
  return path;
}

// Moves what an entry's programs and ports say of class `from` to a class for its member at `position` alone.
template <typename List>
void keepOne(List &list, int ranks, int position) {
  if (ranks <= 1 || list.size() != ranks) return;
  auto kept = list.Get(position);
  list.Clear();
  *list.Add() = kept;
}

plan::Program programOf(plan::Program program, int ranks, int position) {
  for (plan::Task &task : *program.mutable_tasks())
    for (plan::Attribute &attribute : *task.mutable_attributes())
      keepOne(*attribute.mutable_values(), ranks, position);
  for (plan::Register &held : *program.mutable_registers()) keepOne(*held.mutable_view_offset(), ranks, position);
  return program;
}

void addMember(const plan::Plan &from, int rankClass, int position, plan::Plan &to) {
  const plan::RankClass &whole = from.classes(rankClass);
  plan::RankClass &made = *to.add_classes();
  made = whole;
  made.clear_ranks();
  made.add_ranks(whole.ranks(position));
  for (int e = 0; e < from.entries_size(); ++e) {
    plan::Entry &entry = *to.mutable_entries(e);
    *entry.add_programs() = programOf(from.entries(e).programs(rankClass), whole.ranks_size(), position);
    for (int i = 0; i < entry.inputs_size(); ++i)
      entry.mutable_inputs(i)->add_registers(from.entries(e).inputs(i).registers(rankClass));
    for (int i = 0; i < entry.outputs_size(); ++i)
      entry.mutable_outputs(i)->add_registers(from.entries(e).outputs(i).registers(rankClass));
  }
}

}  // namespace

std::string OverlappedCase::str() const { return absl::StrCat(family, " on ", mesh, " ", absl::StrJoin(flags, " ")); }

std::vector<OverlappedCase> overlappedCases() {
  std::vector<OverlappedCase> cases;
  const Flags all = {"--overlap", "split,slice,sequence,buckets,chunked-matmul"};
  for (const std::string mesh : {"model=2", "data=2", "data=2,model=2", "model=3"}) {
    const std::string axis = mesh.substr(0, mesh.find('='));
    for (const char *pass : {"split", "slice", "split,slice", "sequence", "buckets", "chunked-matmul",
                             "split,chunked-matmul", "prefetch"})
      cases.push_back({"gpt2", mesh, {"--overlap", pass}});
    for (const char *family : {"gpt2", "llama", "t5"}) {
      cases.push_back({family, mesh, all});
      cases.push_back({family, mesh, {all[0], all[1], "--microbatches", "2"}});
    }
    cases.push_back({"gpt2", mesh, {all[0], all[1], "--link", axis + "=1MB/s,1ms"}});
  }
  for (const char *mesh : {"data=2", "data=2,model=2"})
    for (const char *pass : {"prefetch", "prefetch,buckets", "split,slice"})
      for (const char *family : {"gpt2", "llama"}) cases.push_back({family, mesh, {"--overlap", pass, "--zero", "3"}});
  return cases;
}

absl::StatusOr<plan::Plan> compilePlan(const OverlappedCase &overlapped) {
  Flags line = {writeConfig(overlapped.family), "-o", "unwritten", "--mesh", overlapped.mesh, "--batch", "4",
                "--seq", "12"};
  if (overlapped.family == "t5") line.insert(line.end(), {"--target-seq", "12"});
  line.insert(line.end(), overlapped.flags.begin(), overlapped.flags.end());
  const auto flags = cli::parseFlags(*cli::findCommand("compile"), line);
  if (!flags.ok()) return flags.status();
  mlir::MLIRContext context;
  context.loadDialect<CleaveDialect, mlir::func::FuncDialect>();
  std::vector<std::string> warnings;
  const auto module = cli::loadModel(*flags, context, &warnings);
  if (!module.ok()) return module.status();
  const CompileProgress progress{nullptr, &warnings};
  if (absl::Status status = runPhases(**module, "", progress); !status.ok()) return status;
  return planOf(**module, progress);
}

plan::Entry &stepOf(plan::Plan &plan) {
  for (plan::Entry &entry : *plan.mutable_entries())
    if (entry.name() == "step") return entry;
  return *plan.add_entries();
}

void splitClasses(plan::Plan &plan) {
  const plan::Plan whole = plan;
  plan.clear_classes();
  for (plan::Entry &entry : *plan.mutable_entries()) {
    entry.clear_programs();
    for (auto *ports : {entry.mutable_inputs(), entry.mutable_outputs()})
      for (plan::Port &port : *ports) port.clear_registers();
  }
  for (int c = 0; c < whole.classes_size(); ++c)
    for (int position = 0; position < whole.classes(c).ranks_size(); ++position) addMember(whole, c, position, plan);
}

}  // namespace cleave
