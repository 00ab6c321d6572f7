// Command lines: flags declared as data, parsed, checked and explained from one table.

#ifndef CLEAVE_TOOLS_CLI_FLAGS_H
#define CLEAVE_TOOLS_CLI_FLAGS_H

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace cleave::cli {

// Exit codes of all commands.
enum ExitCode { kDone = 0, kFailed = 1, kWrongCommandLine = 2, kInterrupted = 130 };

enum class FlagType {
  kSwitch,   // takes no value
  kText,     // any text that isn't empty
  kFile,     // a path
  kInteger,  // within [least, most]; how it is spelt, see strict_number.h
  kNumber,   // within [least, most]
  kChoice,   // one of `choices`
  kLink,     // see link_spec.h
};

struct FlagSpec {
  std::string name;  // "--seed", or "-o"
  FlagType type;
  std::string value;     // what stands for the value in help: "N", "FILE", "adamw|sgd"
  std::string unit;      // of the value: "steps", "seconds"; empty where there is none
  std::string fallback;  // as one would type it; empty: absent unless given
  std::string help;
  double least = -9.2e18;
  double most = 9.2e18;
  bool isRequired = false;
  std::vector<std::string> choices = {};
  bool isRepeated = false;        // may be given several times
  std::string fallbackText = {};  // what happens where a flag without `fallback` is absent: "off", "cores / devices"
};

class ParsedFlags;

struct CommandSpec {
  std::string name;                     // "train"
  std::vector<std::string> positional;  // "PLAN"; in brackets where it may be left out: "[NAME]"
  std::string summary;                  // one line
  std::string details;                  // what a user needs besides the flags; may be empty
  std::string example;
  std::vector<FlagSpec> flags;
  // Rules between flags; null: none. Called after each flag alone has been checked.
  absl::Status (*checkTogether)(const ParsedFlags &flags) = nullptr;
  bool isWrapper = false;  // the first positional word begins another command, whose flags are its own
};

// A command line that its spec allows. Asking for a flag that the spec lacks is a bug and ends the program.
class ParsedFlags {
 public:
  bool isHelp() const { return isHelp_; }
  bool has(absl::string_view flag) const;  // given by the user
  bool isOn(absl::string_view flag) const { return has(flag); }

  // The value given, else the default; "", 0 where there is neither.
  std::string text(absl::string_view flag) const;
  std::vector<std::string> texts(absl::string_view flag) const;  // all that were given, in order
  int64_t integer(absl::string_view flag) const;
  double number(absl::string_view flag) const;

  const std::string &positional(size_t index) const { return positional_[index]; }
  size_t positionals() const { return positional_.size(); }

  // All flags that were given, as typed, in order: {"--mesh", "data=2", ...}.
  const std::vector<std::string> &given() const { return given_; }

 private:
  friend absl::StatusOr<ParsedFlags> parseFlags(const CommandSpec &, absl::Span<const std::string>);

  const CommandSpec *spec_ = nullptr;
  bool isHelp_ = false;
  std::map<std::string, std::vector<std::string>, std::less<>> values_;
  std::vector<std::string> positional_, given_;
};

// Parses what follows the command's name. "--flag value" and "--flag=value" are the same; "--" ends flags; "--help"
// wins over all else. An error is about the command line alone (exit code 2) and names the flag; an unknown one comes
// with the most similar known one. `spec` must outlive the result.
absl::StatusOr<ParsedFlags> parseFlags(const CommandSpec &spec, absl::Span<const std::string> arguments);

// The word of `known` that `word` most likely means, or "" if none is near.
std::string nearestOf(absl::string_view word, absl::Span<const std::string> known);

}  // namespace cleave::cli

#endif  // CLEAVE_TOOLS_CLI_FLAGS_H
