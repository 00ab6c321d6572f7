#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tools/cli/commands.h"
#include "tools/cli/text_table.h"

namespace cleave::cli {
namespace {

constexpr size_t kHelpColumns = 140;

std::string usage(const CommandSpec &command) {
  std::string text = absl::StrCat("cleave ", command.name);
  for (const std::string &name : command.positional) absl::StrAppend(&text, " ", name);
  for (const FlagSpec &flag : command.flags)
    if (flag.isRequired) absl::StrAppend(&text, " ", flag.name, " ", flag.value);
  const bool hasOptional =
      std::any_of(command.flags.begin(), command.flags.end(), [](const FlagSpec &flag) { return !flag.isRequired; });
  return absl::StrCat(text, hasOptional ? " [flags]" : "");
}

std::vector<std::string> cellsOf(const FlagSpec &flag) {
  const std::string fallback = flag.isRequired                  ? "required"
                               : !flag.fallback.empty()         ? flag.fallback
                               : !flag.fallbackText.empty()     ? flag.fallbackText
                               : flag.type == FlagType::kSwitch ? "off"
                                                                : "none";
  return {absl::StrCat(flag.name, flag.value.empty() ? "" : " ", flag.value), flag.unit.empty() ? "-" : flag.unit,
          fallback, flag.help};
}

constexpr char kFiles[] =
    "Results go to stdout; progress, warnings and errors to stderr. Exit codes: 0 done, 1 failed, 2 the command line "
    "is\n"
    "wrong, 130 interrupted (after the step under way).\n";

// Where a caller has closed one of the three standard streams, the next file to be opened would take its place, and
// progress would be written into a plan. What is opened here can't be written to: results still end in an error.
void openStandardStreams() {
  int descriptor = 0;
  while (descriptor >= 0 && descriptor < 3) descriptor = ::open("/dev/null", O_RDONLY);
  if (descriptor > 2) ::close(descriptor);
}

int printHelp(const std::string &text) {
  if (std::fputs(text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0) return kDone;
  std::fputs("cleave: cannot write to stdout\n", stderr);
  return kFailed;
}

}  // namespace

std::string helpOf(const CommandSpec &command) {
  std::string text =
      absl::StrCat(command.summary, ".\n\nUsage: ", usage(command), "\nExample: ", command.example, "\n");
  if (!command.details.empty()) absl::StrAppend(&text, "\n", command.details, "\n");
  if (command.flags.empty()) return text;
  std::vector<std::vector<std::string>> rows = {{"flag", "unit", "default", "meaning"}};
  for (const FlagSpec &flag : command.flags) rows.push_back(cellsOf(flag));
  return absl::StrCat(text, "\n", textTable(rows, kHelpColumns));
}

std::string helpOfAll() {
  std::string text =
      "Cleave splits the training of one model over many devices and runs it.\n\n"
      "Usage: cleave COMMAND ...; cleave COMMAND --help tells more about one.\n\nCommands, each with an example:\n";
  for (const CommandSpec &command : allCommands())
    absl::StrAppend(&text, "\n  ", command.name, ": ", command.summary, "\n      ", command.example, "\n");
  absl::StrAppend(&text, "\nAll flags:\n\n");
  std::vector<std::vector<std::string>> rows = {{"command", "flag", "unit", "default", "meaning"}};
  for (const CommandSpec &command : allCommands())
    for (const FlagSpec &flag : command.flags) {
      std::vector<std::string> row = cellsOf(flag);
      row.insert(row.begin(), command.name);
      rows.push_back(std::move(row));
    }
  return absl::StrCat(text, textTable(rows, kHelpColumns), "\n", kFiles);
}

std::string unknownCommandText(absl::string_view name) {
  std::vector<std::string> names;
  for (const CommandSpec &command : allCommands()) names.push_back(command.name);
  const std::string nearest = nearestOf(name, names);
  return absl::StrCat("requires a command (", absl::StrJoin(names, ", "), "), got ",
                      name.empty() ? "none" : absl::StrCat("\"", name, "\""),
                      nearest.empty() ? "" : absl::StrCat("; did you mean ", nearest, "?"));
}

int runProgram(int argc, char **argv, absl::Span<const std::string> served,
               absl::StatusOr<ExitCode> (*run)(const CommandSpec &command, const ParsedFlags &flags)) {
  openStandardStreams();
  const std::vector<std::string> arguments(argv + std::min(argc, 2), argv + argc);
  const std::string name = argc > 1 ? argv[1] : "";
  if (name == "--help" || name == "-h" || name == "help") return printHelp(helpOfAll());
  const CommandSpec *command = findCommand(name);
  if (command == nullptr) {
    std::fprintf(stderr, "cleave: %s\ncleave --help lists them all.\n", unknownCommandText(name).c_str());
    return kWrongCommandLine;
  }
  auto flags = parseFlags(*command, arguments);
  if (!flags.ok()) {
    std::fprintf(stderr, "cleave %s: %s\ncleave %s --help explains its flags.\n", name.c_str(),
                 std::string(flags.status().message()).c_str(), name.c_str());
    return kWrongCommandLine;
  }
  if (flags->isHelp()) return printHelp(helpOf(*command));
  if (std::find(served.begin(), served.end(), name) == served.end()) {
    std::fprintf(stderr, "cleave %s: requires the launcher or another program of the build, got %s\n", name.c_str(),
                 argv[0]);
    return kFailed;
  }
  auto code = run(*command, *flags);
  if (code.ok()) return *code;
  std::fprintf(stderr, "cleave %s: %s\n", name.c_str(), std::string(code.status().message()).c_str());
  return kFailed;
}

}  // namespace cleave::cli
