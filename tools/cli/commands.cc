#include "tools/cli/commands.h"

#include <initializer_list>
#include <map>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "passes/overlap_names.h"
#include "runtime/files/strict_number.h"
#include "tools/cli/link_spec.h"

namespace cleave::cli {
namespace {

constexpr double kBelowOne = 1.0 - 1e-12;
constexpr double kMostCount = 9.0e18;
constexpr double kMostFloat = 1e38;  // of f32, about
constexpr int64_t kMostTokens = int64_t{1} << 24;

FlagSpec count(std::string name, std::string unit, std::string fallback, std::string help, double least = 1) {
  return {std::move(name),     FlagType::kInteger, "N",   std::move(unit),
          std::move(fallback), std::move(help),    least, kMostCount};
}

FlagSpec number(std::string name, std::string unit, std::string fallback, std::string help, double least, double most) {
  return {std::move(name), FlagType::kNumber, "X", std::move(unit), std::move(fallback), std::move(help), least, most};
}

FlagSpec file(std::string name, std::string value, std::string help) {
  return {std::move(name), FlagType::kFile, std::move(value), "path", "", std::move(help)};
}

FlagSpec text(std::string name, std::string value, std::string help) {
  return {std::move(name), FlagType::kText, std::move(value), "", "", std::move(help)};
}

FlagSpec choice(std::string name, std::vector<std::string> choices, std::string unit, std::string fallback,
                std::string help) {
  FlagSpec flag{std::move(name), FlagType::kChoice,   absl::StrJoin(choices, "|"),
                std::move(unit), std::move(fallback), std::move(help)};
  flag.choices = std::move(choices);
  return flag;
}

FlagSpec phase(std::string name, std::vector<std::string> phases) {
  FlagSpec flag = choice(std::move(name), std::move(phases), "", "", "");
  flag.value = "PHASE";
  flag.help =
      absl::StrCat("stop after ", absl::StrJoin(flag.choices, ", "), ": -o gets MLIR, which compile takes as MODEL");
  return flag;
}

FlagSpec toggle(std::string name, std::string help) {
  return {std::move(name), FlagType::kSwitch, "", "", "", std::move(help)};
}

FlagSpec links(std::string help) {
  FlagSpec flag{"--link", FlagType::kLink, "AXIS=BW,LATENCY", "", "", std::move(help)};
  flag.isRepeated = true;
  return flag;
}

FlagSpec required(FlagSpec flag) {
  flag.isRequired = true;
  return flag;
}

FlagSpec absentMeans(std::string meaning, FlagSpec flag) {
  flag.fallbackText = std::move(meaning);
  return flag;
}

absl::Status needs(const ParsedFlags &flags, absl::string_view given, absl::string_view needed) {
  if (!flags.has(given) || flags.has(needed)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(given, ": requires ", needed, " too, got none"));
}

absl::Status excludes(const ParsedFlags &flags, absl::string_view a, absl::string_view b) {
  if (!flags.has(a) || !flags.has(b)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(a, ": requires that ", b, " is absent, got both"));
}

// At most one link for each axis.
absl::Status checkLinks(const ParsedFlags &flags) {
  std::set<std::string> axes;
  for (const std::string &text : flags.texts("--link"))
    if (const auto link = parseLink(text); link.ok() && !axes.insert(link->axis).second)
      return absl::InvalidArgumentError(absl::StrCat("--link: requires one link for each axis, got a second one of \"",
                                                     link->axis, "\""));
  return absl::OkStatus();
}

absl::Status checkCompile(const ParsedFlags &flags) {
  if (auto status = checkLinks(flags); !status.ok()) return status;
  const bool isMlir = absl::EndsWith(flags.positional(0), ".mlir");
  if (!isMlir)
    for (const char *flag : {"--mesh", "--batch", "--seq"})
      if (!flags.has(flag))
        return absl::InvalidArgumentError(absl::StrCat("requires ", flag, " for a config, got none"));
  if (isMlir)
    for (const char *flag : {"--batch", "--seq", "--target-seq"})
      if (flags.has(flag))
        return absl::InvalidArgumentError(absl::StrCat(
            flag, ": requires a config (a .mlir model has sizes of its own), got \"", flags.positional(0), "\""));
  if (flags.text("--schedule") == "cosine" && !flags.has("--total-steps"))
    return absl::InvalidArgumentError("--schedule: requires --total-steps with \"cosine\", got none");
  if (flags.has("--total-steps") && flags.integer("--total-steps") <= flags.integer("--warmup") &&
      flags.text("--schedule") == "cosine")
    return absl::InvalidArgumentError(absl::StrCat("--total-steps: requires more steps than --warmup ",
                                                   flags.integer("--warmup"), ", got ",
                                                   flags.integer("--total-steps")));
  for (const char *flag : {"--beta1", "--beta2", "--eps"})
    if (flags.has(flag) && flags.text("--optimizer") != "adamw")
      return absl::InvalidArgumentError(
          absl::StrCat(flag, ": requires --optimizer adamw, got ", flags.text("--optimizer")));
  if (flags.has("--momentum") && flags.text("--optimizer") != "sgd")
    return absl::InvalidArgumentError(
        absl::StrCat("--momentum: requires --optimizer sgd, got ", flags.text("--optimizer")));
  return absl::OkStatus();
}

// The files that a command reads (`inputs`) and writes, each by its own path.
absl::Status checkApart(const ParsedFlags &flags, std::initializer_list<const char *> inputs,
                        std::initializer_list<const char *> outputs) {
  std::map<std::string, absl::string_view> taken;  // path -> what has it
  taken.emplace(flags.positional(0), "the first argument");
  for (const char *flag : inputs)
    if (flags.has(flag)) taken.emplace(flags.text(flag), flag);
  for (const char *flag : outputs) {
    if (!flags.has(flag) || absl::StartsWith(flags.text(flag), "/dev/")) continue;
    const auto [other, isNew] = taken.emplace(flags.text(flag), flag);
    if (!isNew)
      return absl::InvalidArgumentError(absl::StrCat(flag, ": requires a path of its own, got \"", flags.text(flag),
                                                     "\", which is ", other->second, "'s too"));
  }
  return absl::OkStatus();
}

absl::Status checkTrain(const ParsedFlags &flags) {
  if (auto status = checkLinks(flags); !status.ok()) return status;
  if (auto status = needs(flags, "--checkpoint-every", "--checkpoint"); !status.ok()) return status;
  if (auto status = needs(flags, "--eval-every", "--eval-data"); !status.ok()) return status;
  if (auto status = excludes(flags, "--init", "--resume"); !status.ok()) return status;
  for (const char *saved : {"--save", "--checkpoint"})
    if (auto status = excludes(flags, saved, "--without-communication"); !status.ok()) return status;
  // Weights may be saved to where they came from.
  return checkApart(flags, {"--data", "--eval-data"}, {"--save", "--metrics", "--tensorboard", "--trace", "--checkpoint"});
}

absl::Status checkTokenize(const ParsedFlags &flags) {
  if (auto status = checkApart(flags, {"--vocab-in"}, {"-o", "--vocab-out"}); !status.ok()) return status;
  if (auto status = excludes(flags, "--vocab", "--vocab-in"); !status.ok()) return status;
  if (auto status = excludes(flags, "--vocab-out", "--vocab-in"); !status.ok()) return status;
  const std::string vocabulary = flags.text("--vocab");
  const auto tokens = parseInteger(vocabulary);
  const int64_t most = flags.text("--token-bytes") == "2" ? 65536 : kMostTokens;
  if (vocabulary == "bytes" || (tokens && *tokens >= 256 && *tokens <= most))
    return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("--vocab: requires \"bytes\" or a number of tokens from 256 to ", most,
                                                 ", got \"", vocabulary, "\""));
}

// The launcher runs these three, wheel and bench; here they are for their help.
CommandSpec quickstartCommand() {
  return {"quickstart",
          {"[FOLDER]"},
          "Installs what is missing, builds, and trains a small GPT on real text, on four devices",
          "Takes a few minutes after the build. Shows every station once: tokenize, compile, explain, train, sample.\n"
          "Its files go to FOLDER, by default quickstart-out in the checkout.",
          "cleave quickstart",
          {}};
}

CommandSpec testCommand() {
  return {
      "test",
      {"[TARGET]"},
      "Installs what is missing, builds, and runs all tests",
      "TARGET is one Bazel target or several. Ends with one line: N passed, N failed.",
      "cleave test",
      {toggle("--sanitize", "run the suites without MLIR under address, undefined-behaviour and thread sanitizers")}};
}

CommandSpec buildCommand() {
  return {"build",
          {"[TARGET]"},
          "Installs what is missing, and builds all or some Bazel targets",
          "All other commands but quickstart, test and wheel run what was built, and never build.",
          "cleave build",
          {}};
}

CommandSpec wheelCommand() {
  return {"wheel",
          {},
          "Installs what is missing, and builds the Python wheels",
          "Writes dist/cleave-*.whl, which brings all libraries that it needs, and dist/cleave_runtime-*.whl, which\n"
          "only runs plans; prints their paths.",
          "cleave wheel",
          {}};
}

CommandSpec compileCommand() {
  return {
      "compile",
      {"MODEL"},
      "Makes a plan: splits a model over a mesh of devices",
      "MODEL is a .mlir file in the cleave dialect (sizes are its own), a Hugging Face config.json, or its folder.\n"
      "Axes of a mesh are name=size or name:kind=size; kinds are data and model. Batch sizes are global.",
      "cleave compile gpt2/config.json -o gpt2.plan --mesh data=2,model=2 --batch 8 --seq 128",
      {
          required(file("-o", "PLAN", "the plan to write")),
          absentMeans("required", text("--mesh", "AXES", "the devices, row-major: data=2,model=2")),
          absentMeans("cpu", text("--cluster", "FILE|NAME",
                                  "what the plan will run on: a file in text form, or a100, cpu, h100, h200")),
          absentMeans("the cluster's",
                      links("speed of that axis's links, as model=1GB/s,50us; once for each axis")),
          choice("--strategy", {"rules", "none"}, "", "rules",
                 "how tensors are laid out: by the tensor-parallel rules, or whole everywhere but for pins"),
          absentMeans("what pays", choice("--zero", {"0", "1", "2", "3"}, "", "",
                                          "what splits along data axes: nothing, optimizer state, gradients too, "
                                          "parameters too")),
          FlagSpec{"--overlap", FlagType::kText, "auto|none|LIST", "", "auto",
                   absl::StrCat("how communication hides: as is predicted to be fastest, not at all, or by the named "
                                "passes: ",
                                absl::StrJoin(kOverlapNames, ", "))},
          absentMeans("as much as it takes",
                      text("--memory", "BYTES",
                           "most that a device may hold, as 2GB or 512MiB: what it has no room to keep is computed "
                           "again in the backward pass")),
          file("--pins", "P.json", "placements to keep: {\"pins\": {NAME: {AXIS: \"S(0)\"|\"B\"|\"P(sum)\"}}}"),
          absentMeans("required for a config", count("--batch", "examples", "", "examples a step, over all devices")),
          absentMeans("required for a config", count("--seq", "tokens", "", "length of an example")),
          absentMeans("required for T5",
                      count("--target-seq", "tokens", "", "length of a target of an encoder-decoder")),
          count("--microbatches", "", "1", "parts that a batch is run in, one after the other; must divide it"),
          choice("--optimizer", {"adamw", "sgd", "custom"}, "", "adamw",
                 "how parameters are updated; custom: by the functions of entry \"update\" of a .mlir MODEL"),
          number("--lr", "", "1e-3", "learning rate after warm-up", 0, kMostFloat),
          number("--weight-decay", "", "0", "decay of parameters of rank 2 and more", 0, kMostFloat),
          number("--beta1", "", "0.9", "AdamW's decay of the mean of gradients", 0, kBelowOne),
          number("--beta2", "", "0.999", "AdamW's decay of the mean of their squares", 0, kBelowOne),
          number("--eps", "", "1e-8", "AdamW's addend of the denominator", 1e-30, kMostFloat),
          number("--momentum", "", "0", "SGD's decay of the sum of gradients", 0, kBelowOne),
          absentMeans("off", number("--clip-norm", "", "", "longest global gradient: longer ones are scaled down",
                                    1e-30, 1e30)),
          file("--groups", "G.json",
               "per parameter: {\"groups\": [{\"match\": GLOB, \"lr\": FACTOR, \"weight_decay\": X, "
               "\"trainable\": BOOL}]}, first match wins"),
          choice("--schedule", {"constant", "cosine"}, "", "constant", "learning rate after warm-up"),
          count("--warmup", "steps", "0", "the learning rate rises linearly up to this step", 0),
          absentMeans("required for cosine", count("--total-steps", "steps", "", "the cosine ends at this step")),
          number("--min-lr", "", "0", "learning rate at the cosine's end", 0, kMostFloat),
          absentMeans("the config's",
                      number("--dropout", "", "", "probability that replaces all of the config's", 0, kBelowOne)),
          absentMeans("off",
                      count("--document-end", "", "", "attention and positions start anew behind this token", 0)),
          absentMeans("the plan",
                      phase("--compile-to", {"normalize", "differentiate", "place", "partition", "schedule"})),
      },
      checkCompile};
}

CommandSpec explainCommand() {
  return {"explain",
          {"PLAN"},
          "Shows where everything lies, what moves between devices, and why",
          "",
          "cleave explain gpt2.plan",
          {toggle("--json", "all of it, for scripts"),
           toggle("--overlap", "only collectives: what hides each, what of it computing stands still for, and why"),
           absentMeans("none",
                       file("--trace", "T.json", "a trace of this plan's run: measured times beside predicted"))},
          [](const ParsedFlags &flags) { return excludes(flags, "--overlap", "--trace"); }};
}

CommandSpec trainCommand() {
  return {
      "train",
      {"PLAN"},
      "Runs a plan's training steps on data",
      "Ctrl-C ends the run after the step under way (exit code 130), with a checkpoint where --checkpoint is given.\n"
      "Started by mpirun or srun (Open MPI), every process holds its share of the devices, with the same results to the\n"
      "last bit; the first one writes all files. Data, plan, weights and checkpoints must be readable in each.",
      "cleave train gpt2.plan --data text.bin --steps 200 --metrics m.jsonl --save w.safetensors",
      {
          required(file("--data", "FILE", "tokens (.bin), examples by name (.safetensors), or a mixture of such files (.json)")),
          required(count("--steps", "steps", "", "in all, resumed ones included", 0)),
          choice("--token-bytes", {"2", "4"}, "bytes", "2", "size of a token in a .bin file"),
          choice("--order", {"shuffled", "sequential"}, "", "shuffled", "of the examples"),
          count("--seed", "", "0", "of the order, of first weights and of dropout", 0),
          absentMeans("cores / devices",
                      FlagSpec{"--threads", FlagType::kInteger, "N", "threads", "", "of each device", 1, 1024}),
          absentMeans("the launcher's", count("--process", "", "", "which process of the job this is, from 0", 0)),
          absentMeans("the launcher's", count("--processes", "", "", "processes of the job")),
          absentMeans("devices / processes",
                      count("--devices-per-process", "devices", "", "devices that each process holds")),
          number("--deadline", "seconds", "60", "longest time without progress before the run is given up", 1e-3, 1e9),
          absentMeans("drawn by seed",
                      file("--init", "W.safetensors", "weights to start from: a file, an index, or a folder")),
          absentMeans("not saved", file("--save", "W.safetensors", "where weights go at the end")),
          absentMeans("none", file("--checkpoint", "DIR", "where checkpoints go; the last step gets one")),
          absentMeans("at the end alone", count("--checkpoint-every", "steps", "", "steps between checkpoints")),
          file("--resume", "DIR", "go on from the newest checkpoint there"),
          absentMeans("none", file("--eval-data", "FILE", "examples whose loss is measured, all of them each time")),
          absentMeans("at the end alone", count("--eval-every", "steps", "", "steps between measurements")),
          absentMeans("not written", file("--metrics", "M.jsonl", "one JSON object a step")),
          absentMeans("not written", file("--tensorboard", "DIR", "the same as an event file there, for TensorBoard")),
          absentMeans("not written", file("--trace", "T.json", "what ran when on which device, for chrome://tracing")),
          absentMeans("the folder flight of --checkpoint with several processes, else none",
                      file("--flight-records", "DIR",
                           "where each process keeps its last collectives and messages, for diagnose")),
          absentMeans("this machine's memory",
                      links("collectives along that axis behave like a link of that speed, as model=1GB/s,50us; once "
                            "for each axis")),
          toggle("--without-communication",
                 "leave transfers out: times of a plan whose communication costs nothing, and wrong numbers, which "
                 "need not be finite and can't be saved"),
          toggle("--allow-nonfinite", "go on after a loss or gradient norm that is not finite"),
      },
      checkTrain};
}

CommandSpec runCommand() {
  CommandSpec command{
      "run",
      {"COMMAND"},
      "Starts train as several processes, on this host or others, by mpirun",
      "COMMAND is train with its own flags, which come behind it. Other hosts need the same files in the same places.",
      "cleave run -n 4 train gpt2.plan --data text.bin --steps 200",
      {
          required(count("-n", "processes", "", "how many to start; they share the plan's devices evenly")),
          absentMeans("this host", text("--hosts", "HOST:N,...", "where, and how many on each: a:2,b:2")),
          absentMeans("this host", file("--hostfile", "F", "the same as a file of mpirun: \"a slots=2\" a line")),
      },
      [](const ParsedFlags &flags) -> absl::Status {
        if (flags.positional(0) != "train")
          return absl::InvalidArgumentError(absl::StrCat("requires train, got \"", flags.positional(0), "\""));
        return excludes(flags, "--hosts", "--hostfile");
      }};
  command.isWrapper = true;
  return command;
}

CommandSpec doctorCommand() {
  return {"doctor", {}, "Tells what this machine has, and what is missing for what", "", "cleave doctor", {}};
}

CommandSpec tokenizeCommand() {
  return {"tokenize",
          {"TEXT"},
          "Makes tokens of a text file, with bytes or a vocabulary learnt from it",
          "",
          "cleave tokenize bible.txt -o bible.bin --vocab 512 --vocab-out vocab.json",
          {
              required(file("-o", "TOKENS.bin", "the tokens to write, little-endian")),
              FlagSpec{"--vocab", FlagType::kText, "bytes|N", "tokens", "bytes",
                       "the 256 bytes, or that many tokens learnt from TEXT"},
              absentMeans("not written", file("--vocab-out", "V.json", "the vocabulary to write")),
              absentMeans("none", file("--vocab-in", "V.json", "a vocabulary to use in place of a new one")),
              choice("--token-bytes", {"2", "4"}, "bytes", "2", "size of a token in the file"),
          },
          checkTokenize};
}

CommandSpec sampleCommand() {
  return {"sample",
          {"PLAN"},
          "Prints what a trained causal model writes behind a prompt",
          "",
          "cleave sample gpt2.plan --weights w.safetensors --prompt 'In the beginning' --vocab-in vocab.json",
          {
              required(file("--weights", "W.safetensors", "weights that train saved, or others of the model's family")),
              required(text("--prompt", "TEXT", "what the text begins with")),
              absentMeans("bytes", file("--vocab-in", "V.json", "the vocabulary that the model was trained with")),
              count("--tokens", "tokens", "100", "how many to write", 0),
              number("--temperature", "", "1", "0 takes the likeliest token; higher is wilder", 0, 1e6),
              count("--top-k", "tokens", "0", "choose among so many of the likeliest; 0 means all", 0),
              number("--top-p", "", "1", "choose among the fewest that are so probable together; 1 means all", 1e-6, 1),
              count("--seed", "", "0", "of the choices", 0),
              absentMeans("cores / devices",
                          FlagSpec{"--threads", FlagType::kInteger, "N", "threads", "", "of each device", 1, 1024}),
          }};
}

CommandSpec printPlanCommand() {
  return {"print-plan", {"PLAN"}, "Prints a plan as text", "", "cleave print-plan gpt2.plan", {}};
}

CommandSpec benchClusterCommand() {
  return {"bench-cluster",
          {},
          "Measures what this machine does how fast, for compile's --cluster",
          "Runs the kernels and collectives that plans run, on all cores at once; takes less than a minute. The "
          "machine\nshould do nothing else meanwhile.",
          "cleave bench-cluster -o here.textproto",
          {required(file("-o", "FILE", "the cluster file to write, as text"))}};
}

CommandSpec traceReportCommand() {
  return {"trace-report",
          {"T.json"},
          "Tells from a trace where the time of a step goes, by device",
          "T.json is a file of train --trace. Communication is when links are busy; hidden is what of it computing\n"
          "covers. Computing stands still: exposed, for transfers alone; late, for a device that has not arrived;\n"
          "hand-over, while threads wake up; end, when its last task is done. other lies between tasks.",
          "cleave trace-report trace.json",
          {}};
}

CommandSpec diagnoseCommand() {
  return {"diagnose",
          {"DIR"},
          "Tells which process held up a run that ended early, from the flight records of all",
          "DIR is that of train --flight-records, or the folder flight of its checkpoints. Records are there whatever\n"
          "ended a process. Where hosts don't share DIR, bring their files flight-* together first.",
          "cleave diagnose run/flight",
          {toggle("--json", "all of it, for scripts, with the last events of every process in the order of time")}};
}

CommandSpec reportCommand() {
  return {"report",
          {"METRICS.jsonl"},
          "Makes a page about a run: loss, throughput, memory, and where the time goes",
          "METRICS.jsonl is a file of train --metrics. The page is one file that a browser shows without a network.",
          "cleave report metrics.jsonl -o report.html --plan gpt2.plan --trace trace.json",
          {
              required(file("-o", "REPORT.html", "the page to write")),
              absentMeans("not shown", file("--plan", "PLAN", "what memory holds, and what moves between devices")),
              absentMeans("not shown", file("--trace", "T.json", "a file of train --trace: its last step is drawn")),
          },
          [](const ParsedFlags &flags) { return checkApart(flags, {"--plan", "--trace"}, {"-o"}); }};
}

CommandSpec benchCommand() {
  return {"bench", {"[NAME]"}, "Runs the benchmarks, or one of them: one JSON line each", "", "cleave bench message",
          {}};
}

}  // namespace

const std::vector<CommandSpec> &allCommands() {
  static const std::vector<CommandSpec> &commands = *new std::vector<CommandSpec>{
      quickstartCommand(), compileCommand(),    explainCommand(),     trainCommand(),        runCommand(),
      tokenizeCommand(),   sampleCommand(),     printPlanCommand(),   traceReportCommand(),  diagnoseCommand(),
      reportCommand(),
      benchClusterCommand(), doctorCommand(),   benchCommand(),       testCommand(),         buildCommand(),
      wheelCommand()};
  return commands;
}

const CommandSpec *findCommand(absl::string_view name) {
  for (const CommandSpec &command : allCommands())
    if (command.name == name) return &command;
  return nullptr;
}

}  // namespace cleave::cli
