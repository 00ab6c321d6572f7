#include "tools/cli/flags.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/files/strict_number.h"
#include "tools/cli/link_spec.h"

namespace cleave::cli {
namespace {

absl::Status wrong(absl::string_view flag, absl::string_view message) {
  return absl::InvalidArgumentError(absl::StrCat(flag, ": ", message));
}

const FlagSpec *findSpec(const CommandSpec &spec, absl::string_view name) {
  for (const FlagSpec &flag : spec.flags)
    if (flag.name == name) return &flag;
  return nullptr;
}

const FlagSpec &knownSpec(const CommandSpec &spec, absl::string_view name) {
  const FlagSpec *flag = findSpec(spec, name);
  if (flag == nullptr) {
    std::fprintf(stderr, "bug: command %s has no flag %s\n", spec.name.c_str(), std::string(name).c_str());
    std::abort();
  }
  return *flag;
}

// A bound just below a number is printed as that number.
std::string rangeText(const FlagSpec &flag) {
  const std::string most = absl::StrCat(flag.most);
  const bool isBelow = parseNumber(most).value_or(0) > flag.most;
  return absl::StrCat(" from ", flag.least, isBelow ? " to below " : " to ", most);
}

absl::Status checkValue(const FlagSpec &flag, const std::string &value) {
  auto requires_ = [&](absl::string_view rule) {
    return wrong(flag.name, absl::StrCat("requires ", rule, ", got \"", value, "\""));
  };
  switch (flag.type) {
    case FlagType::kSwitch:
      return absl::OkStatus();
    case FlagType::kText:
    case FlagType::kFile:
      return value.empty() ? requires_(flag.type == FlagType::kFile ? "a path" : "a value") : absl::OkStatus();
    case FlagType::kInteger: {
      const auto integer = parseInteger(value);
      const bool fits = integer && double(*integer) >= flag.least && double(*integer) <= flag.most;
      return fits ? absl::OkStatus() : requires_(absl::StrCat("an integer", rangeText(flag)));
    }
    case FlagType::kNumber: {
      const auto number = parseNumber(value);
      const bool fits = number && *number >= flag.least && *number <= flag.most;
      return fits ? absl::OkStatus() : requires_(absl::StrCat("a number", rangeText(flag)));
    }
    case FlagType::kChoice: {
      if (std::find(flag.choices.begin(), flag.choices.end(), value) != flag.choices.end()) return absl::OkStatus();
      return requires_(absl::StrJoin(flag.choices, " or "));
    }
    case FlagType::kLink: {
      const auto link = parseLink(value);
      return link.ok() ? absl::OkStatus() : wrong(flag.name, link.status().message());
    }
  }
  return absl::OkStatus();
}

absl::Status unknownFlag(const CommandSpec &spec, absl::string_view name) {
  std::vector<std::string> known = {"--help"};
  for (const FlagSpec &flag : spec.flags) known.push_back(flag.name);
  const std::string nearest = nearestOf(name, known);
  return wrong(name, absl::StrCat("requires a flag of \"cleave ", spec.name, "\", got an unknown one",
                                  nearest.empty() ? "" : absl::StrCat("; did you mean ", nearest, "?")));
}

absl::Status checkPositionals(const CommandSpec &spec, const std::vector<std::string> &given) {
  size_t least = 0;
  for (const std::string &name : spec.positional) least += !absl::StartsWith(name, "[");
  if (given.size() < least)
    return absl::InvalidArgumentError(absl::StrCat("requires ", spec.positional[given.size()], ", got none"));
  if (given.size() > spec.positional.size() && !spec.isWrapper)
    return absl::InvalidArgumentError(
        absl::StrCat("requires ", spec.positional.empty() ? "flags" : absl::StrJoin(spec.positional, " "),
                     " alone, got also \"", given[spec.positional.size()], "\""));
  for (const std::string &value : given)
    if (value.empty()) return absl::InvalidArgumentError(absl::StrCat("requires a path, got an empty text"));
  return absl::OkStatus();
}

// Letters that differ, with swaps of neighbours counted once.
size_t editDistance(absl::string_view a, absl::string_view b) {
  std::vector<std::vector<size_t>> distance(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i)
    for (size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        distance[i][j] = i + j;
        continue;
      }
      distance[i][j] =
          std::min({distance[i - 1][j] + 1, distance[i][j - 1] + 1, distance[i - 1][j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        distance[i][j] = std::min(distance[i][j], distance[i - 2][j - 2] + 1);
    }
  return distance[a.size()][b.size()];
}

}  // namespace

bool ParsedFlags::has(absl::string_view flag) const {
  knownSpec(*spec_, flag);
  return values_.find(flag) != values_.end();
}

std::string ParsedFlags::text(absl::string_view flag) const {
  const FlagSpec &spec = knownSpec(*spec_, flag);
  auto found = values_.find(flag);
  return found == values_.end() ? spec.fallback : found->second.front();
}

std::vector<std::string> ParsedFlags::texts(absl::string_view flag) const {
  return has(flag) ? values_.find(flag)->second : std::vector<std::string>();
}

int64_t ParsedFlags::integer(absl::string_view flag) const { return parseInteger(text(flag)).value_or(0); }

double ParsedFlags::number(absl::string_view flag) const { return parseNumber(text(flag)).value_or(0); }

absl::StatusOr<ParsedFlags> parseFlags(const CommandSpec &spec, absl::Span<const std::string> arguments) {
  ParsedFlags parsed;
  parsed.spec_ = &spec;
  bool flagsEnded = false;
  for (const std::string &argument : arguments) {
    if (argument == "--") break;
    if (argument == "--help" || argument == "-h") {
      parsed.isHelp_ = true;
      return parsed;
    }
  }
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string &argument = arguments[i];
    if (!flagsEnded && argument == "--") {
      flagsEnded = true;
      continue;
    }
    if (flagsEnded || argument.size() < 2 || argument[0] != '-') {
      parsed.positional_.push_back(argument);
      flagsEnded = flagsEnded || spec.isWrapper;
      continue;
    }
    const size_t equals = absl::StartsWith(argument, "--") ? argument.find('=') : std::string::npos;
    const std::string name = argument.substr(0, equals);
    const FlagSpec *flag = findSpec(spec, name);
    if (flag == nullptr) return unknownFlag(spec, name);
    std::string value;
    parsed.given_.push_back(name);
    if (flag->type == FlagType::kSwitch) {
      if (equals != std::string::npos)
        return wrong(name, absl::StrCat("requires no value, got \"", argument.substr(equals + 1), "\""));
    } else if (equals != std::string::npos) {
      value = argument.substr(equals + 1);
    } else if (i + 1 < arguments.size() && !(absl::StartsWith(arguments[i + 1], "--"))) {
      value = arguments[++i];
    } else {
      return wrong(name, absl::StrCat("requires a value (", flag->value, "), got none"));
    }
    if (auto status = checkValue(*flag, value); !status.ok()) return status;
    std::vector<std::string> &values = parsed.values_[name];
    values.push_back(value);
    if (values.size() > 1 && !flag->isRepeated) return wrong(name, "requires to be given once, got it twice");
    if (flag->type != FlagType::kSwitch) parsed.given_.push_back(value);
  }
  if (auto status = checkPositionals(spec, parsed.positional_); !status.ok()) return status;
  for (const FlagSpec &flag : spec.flags)
    if (flag.isRequired && parsed.values_.count(flag.name) == 0)
      return absl::InvalidArgumentError(absl::StrCat("requires ", flag.name, " ", flag.value, ", got none"));
  if (spec.checkTogether != nullptr)
    if (auto status = spec.checkTogether(parsed); !status.ok()) return status;
  return parsed;
}

std::string nearestOf(absl::string_view word, absl::Span<const std::string> known) {
  std::string nearest;
  size_t least = std::max<size_t>(2, word.size() / 3) + 1;
  for (const std::string &candidate : known) {
    const size_t distance = editDistance(absl::AsciiStrToLower(word.substr(0, 64)), candidate);
    if (distance < least) {
      least = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

}  // namespace cleave::cli
