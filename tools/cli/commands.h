// Every command of the driver and every flag: the one table that parsing and help are made from.

#ifndef CLEAVE_TOOLS_CLI_COMMANDS_H
#define CLEAVE_TOOLS_CLI_COMMANDS_H

#include <string>
#include <vector>

#include "tools/cli/flags.h"

namespace cleave::cli {

// All commands in the order of a first use, those of other programs too: quickstart, test, compile, explain, ...
const std::vector<CommandSpec> &allCommands();

// Null if there is no such command.
const CommandSpec *findCommand(absl::string_view name);

// What `cleave --help` prints: each command with an example, then one table of all flags with units and defaults.
std::string helpOfAll();

// What `cleave COMMAND --help` prints.
std::string helpOf(const CommandSpec &command);

// Names the command and what to try instead, for an unknown one.
std::string unknownCommandText(absl::string_view name);

// A program that serves some of the commands: parses `argc`, `argv`; prints help or what is wrong; else calls `run`,
// whose error it prints to stderr. Returns the exit code. `run` returns one too, so that it can report an interruption.
int runProgram(int argc, char **argv, absl::Span<const std::string> served,
               absl::StatusOr<ExitCode> (*run)(const CommandSpec &command, const ParsedFlags &flags));

}  // namespace cleave::cli

#endif  // CLEAVE_TOOLS_CLI_COMMANDS_H
