#include "kernels/api/registry.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace cleave {
namespace {

// How many letters must change to make one of the other (Levenshtein).
size_t distance(absl::string_view a, absl::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t changed = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({changed, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

void Registry::add(absl::string_view backend, absl::string_view name, Kernel kernel) {
  auto held = std::find_if(backends_.begin(), backends_.end(), [&](const auto &b) { return b.first == backend; });
  if (held == backends_.end()) held = backends_.insert(held, {std::string(backend), {}});
  held->second[std::string(name)] = kernel;
}

absl::StatusOr<const Kernel *> Registry::find(absl::string_view name, const KernelCall &call) const {
  absl::Status refusal;
  for (const auto &[backend, kernels] : backends_) {
    const auto found = kernels.find(name);
    if (found == kernels.end()) continue;
    const Kernel &kernel = found->second;
    if (absl::Status checked = kernel.check(call); !checked.ok()) {
      refusal = absl::Status(checked.code(), absl::StrCat(name, " ", checked.message()));
      continue;
    }
    if (!kernel.takes || kernel.takes(call)) return &kernel;
    refusal = absl::UnimplementedError(
        absl::StrCat(name, " requires a call that a backend takes, got one that ", backend, " leaves to others"));
  }
  if (!refusal.ok()) return refusal;

  std::vector<std::string> near;
  for (const std::string &known : names())
    if (distance(known, name.substr(0, 64)) <= std::max<size_t>(2, known.size() / 4)) near.push_back(known);
  return absl::NotFoundError(absl::StrCat("requires a known kernel, got '", name, "'",
                                          near.empty() ? "" : absl::StrCat("; near: ", absl::StrJoin(near, ", "))));
}

bool Registry::knows(absl::string_view name) const {
  return std::any_of(backends_.begin(), backends_.end(), [&](const auto &b) { return b.second.count(name) > 0; });
}

std::vector<std::string> Registry::names() const {
  std::set<std::string> sorted;
  for (const auto &[backend, kernels] : backends_)
    for (const auto &[name, kernel] : kernels) sorted.insert(name);
  return {sorted.begin(), sorted.end()};
}

}  // namespace cleave
