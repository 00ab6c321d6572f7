#include "runtime/plan/plan_file.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "runtime/files/mapped_file.h"
#include "runtime/files/new_file.h"
#include "runtime/plan/plan_hash.h"

namespace cleave {

absl::StatusOr<plan::Plan> parsePlan(absl::string_view bytes) {
  if (bytes.empty()) return absl::InvalidArgumentError("requires a plan, got an empty file");
  plan::Plan plan;
  if (bytes.size() > size_t{1} << 30 || !plan.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return absl::InvalidArgumentError(absl::StrCat("requires a plan, got ", bytes.size(), " bytes that are none"));
  if (plan.format_version() > kPlanFormatVersion)
    return absl::InvalidArgumentError(absl::StrCat("requires a plan of format version ", kPlanFormatVersion,
                                                   " or older, got version ", plan.format_version(), ", made by '",
                                                   absl::CEscape(plan.provenance().compiler()), "'"));
  if (plan.format_version() == 0)
    return absl::InvalidArgumentError("requires a plan with a format version, got none: this is another kind of file");
  const std::string hash = computePlanHash(plan);
  if (hash != plan.hash())
    return absl::DataLossError(absl::StrCat("requires a plan whose hash is ", absl::BytesToHexString(hash), ", got ",
                                            absl::BytesToHexString(plan.hash()), ": the plan was changed or damaged"));
  return plan;
}

absl::StatusOr<plan::Plan> readPlanFile(const std::string &path) {
  const absl::StatusOr<MappedFile> file = MappedFile::open(path);
  if (!file.ok()) return absl::Status(file.status().code(), absl::StrCat("plan: ", file.status().message()));
  absl::StatusOr<plan::Plan> plan = parsePlan(file->bytes());
  if (!plan.ok())
    return absl::Status(plan.status().code(), absl::StrCat("plan '", path, "': ", plan.status().message()));
  return plan;
}

absl::Status writePlanFile(const plan::Plan &plan, const std::string &path) {
  plan::Plan versioned = plan;
  versioned.set_format_version(kPlanFormatVersion);
  return writeFile(path, serializePlan(std::move(versioned)));
}

}  // namespace cleave
