#include "runtime/plan/program.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace cleave {
namespace program {

int64_t TensorType::elements() const {
  int64_t count = 1;
  for (int64_t size : dims) count *= size;
  return count;
}

std::string TensorType::str() const { return TensorView::contiguous(nullptr, dtype, dims).str(); }

TensorView Register::view(char *arena, int64_t use, int member) const {
  TensorView view = TensorView::contiguous(nullptr, dtype, dims);
  for (size_t d = 0; d < strides.size(); ++d) view.strides[d] = strides[d];
  if (arena) view.data = arena + offset + use % count * copyBytes + (starts.empty() ? 0 : starts[member]);
  return view;
}

std::string Task::str() const {
  std::string text = absl::StrCat("op '", op, "' (kernel ", kernel);
  if (!layer.empty()) absl::StrAppend(&text, ", layer ", layer);
  if (!location.empty()) absl::StrAppend(&text, ", at ", location);
  return text + ")";
}

}  // namespace program

std::string LoadedPlan::hashHex() const { return absl::BytesToHexString(hash); }

const program::Entry *LoadedPlan::findEntry(const std::string &name) const {
  for (const program::Entry &entry : entries)
    if (entry.name == name) return &entry;
  return nullptr;
}

int LoadedPlan::findVariable(const std::string &name) const {
  for (size_t v = 0; v < variables.size(); ++v)
    if (variables[v].name == name) return static_cast<int>(v);
  return -1;
}

}  // namespace cleave
