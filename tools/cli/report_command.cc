#include <string>

#include "absl/strings/str_cat.h"
#include "runtime/files/mapped_file.h"
#include "runtime/files/new_file.h"
#include "tools/cli/run_commands.h"
#include "tools/pages/pages.h"

namespace cleave::cli {
namespace {

// The bytes of the file that a flag names; nothing where it is absent.
absl::StatusOr<std::string> bytesOf(const ParsedFlags &flags, const char *flag) {
  if (!flags.has(flag)) return std::string();
  auto file = MappedFile::open(flags.text(flag));
  if (!file.ok()) return file.status();
  if (file->bytes().empty())
    return absl::InvalidArgumentError(absl::StrCat("\"", flags.text(flag), "\": requires a file with content, got none"));
  return std::string(file->bytes());
}

absl::Status about(const std::string &path, const absl::Status &status) {
  return absl::Status(status.code(), absl::StrCat("\"", path, "\": ", status.message()));
}

}  // namespace

absl::StatusOr<ExitCode> runReport(const ParsedFlags &flags) {
  auto metrics = MappedFile::open(flags.positional(0));
  if (!metrics.ok()) return metrics.status();
  const auto history = pages::readHistory(metrics->bytes());
  if (!history.ok()) return about(flags.positional(0), history.status());
  const auto plan = bytesOf(flags, "--plan"), trace = bytesOf(flags, "--trace");
  if (!plan.ok()) return plan.status();
  if (!trace.ok()) return trace.status();
  auto page = pages::reportPage(*history, *plan, "");
  if (!page.ok()) return about(flags.has("--plan") ? flags.text("--plan") : flags.positional(0), page.status());
  if (flags.has("--trace")) page = pages::reportPage(*history, *plan, *trace);
  if (!page.ok()) return about(flags.text("--trace"), page.status());
  if (const auto status = writeFile(flags.text("-o"), *page); !status.ok()) return status;
  return kDone;
}

}  // namespace cleave::cli
