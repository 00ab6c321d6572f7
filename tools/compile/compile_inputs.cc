#include "tools/compile/compile_inputs.h"

#include <cmath>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "passes/overlap_names.h"
#include "runtime/files/strict_json.h"
#include "runtime/files/strict_number.h"

namespace cleave::cli {
namespace {

using Json = nlohmann::json;

constexpr int kDepth = 4;          // of pins and groups
constexpr double kMostMemory = 1e15;
constexpr size_t kLongest = 1000;  // names and globs, in bytes

std::string inQuotes(absl::string_view text) { return absl::StrCat("\"", absl::CEscape(text.substr(0, 100)), "\""); }

std::string shown(const Json &value) {
  const std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  return text.size() > 100 ? text.substr(0, 100) + "..." : text;
}

absl::Status wrong(absl::string_view what, absl::string_view rule, absl::string_view seen) {
  return absl::InvalidArgumentError(absl::StrCat(what, " requires ", rule, ", got ", seen));
}

absl::StatusOr<MeshAxis> parseAxis(absl::string_view part) {
  const std::vector<std::string> sides = absl::StrSplit(part, '=');
  if (sides.size() != 2) return wrong("mesh axis", "name=size or name:kind=size", inQuotes(part));
  const std::vector<std::string> names = absl::StrSplit(sides[0], ':');
  MeshAxis axis{names[0], names.size() > 1 ? names[1] : "", 0};
  if (names.size() > 2) return wrong("mesh axis", "a name of letters, digits and _", inQuotes(part));
  if (names.size() == 2 && names[1].empty())
    return wrong(absl::StrCat("mesh axis ", inQuotes(axis.name)), "kind data or model", inQuotes(names[1]));
  const auto size = parseInteger(sides[1]);
  axis.size = size.value_or(1);
  if (absl::Status status = checkMeshAxis(axis); !status.ok()) return status;
  if (!size)
    return wrong(absl::StrCat("mesh axis ", inQuotes(axis.name)), absl::StrCat("a size from 1 to ", kMostDevices),
                 inQuotes(sides[1]));
  return axis;
}

absl::StatusOr<Json> parseDocument(absl::string_view json, const char *field, bool isList) {
  absl::StatusOr<Json> document = parseStrictJson(json, kDepth);
  if (!document.ok()) return document.status();
  const bool fits = document->is_object() && document->size() == 1 && document->contains(field) &&
                    (isList ? (*document)[field].is_array() : (*document)[field].is_object());
  if (!fits)
    return wrong("the file", absl::StrCat("one object {\"", field, "\": ", isList ? "[...]" : "{...}", "}"),
                 shown(*document));
  return Json((*document)[field]);
}

absl::Status checkPattern(absl::string_view what, const std::string &pattern) {
  if (pattern.empty() || pattern.size() > kLongest)
    return wrong(what, absl::StrCat("a name or glob of 1 to ", kLongest, " bytes"), inQuotes(pattern));
  return absl::OkStatus();
}

absl::StatusOr<GroupText> parseGroup(const Json &json, size_t index) {
  const std::string what = absl::StrCat("group ", index);
  if (!json.is_object()) return wrong(what, "an object", shown(json));
  GroupText group;
  for (const auto &[field, value] : json.items()) {
    const std::string where = absl::StrCat(what, ": ", inQuotes(field));
    if (field == "match") {
      if (!value.is_string()) return wrong(where, "a string", shown(value));
      group.match = value.get<std::string>();
    } else if (field == "lr" || field == "weight_decay") {
      const double number = value.is_number() ? value.get<double>() : -1;
      if (!std::isfinite(number) || number < 0) return wrong(where, "a number of at least 0", shown(value));
      (field == "lr" ? group.lr : group.weightDecay) = number;
    } else if (field == "trainable") {
      if (!value.is_boolean()) return wrong(where, "true or false", shown(value));
      group.trainable = value.get<bool>();
    } else {
      return wrong(what, "the fields match, lr, weight_decay and trainable", inQuotes(field));
    }
  }
  if (absl::Status status = checkPattern(absl::StrCat(what, ": \"match\""), group.match); !status.ok()) return status;
  return group;
}

}  // namespace

absl::StatusOr<std::vector<MeshAxis>> parseMesh(absl::string_view text) {
  std::vector<MeshAxis> axes;
  for (absl::string_view part : absl::StrSplit(text, ',')) {
    absl::StatusOr<MeshAxis> axis = parseAxis(part);
    if (!axis.ok()) return axis.status();
    axes.push_back(*std::move(axis));
  }
  if (absl::Status status = checkMesh(axes); !status.ok()) return status;
  return axes;
}

absl::StatusOr<std::optional<std::vector<std::string>>> parseOverlap(absl::string_view text) {
  if (text == "auto") return std::nullopt;
  std::vector<std::string> names;
  if (text == "none") return names;
  for (absl::string_view name : absl::StrSplit(text, ',')) {
    if (!isOverlapName(name))
      return wrong("--overlap", absl::StrCat("auto, none, or names of ", absl::StrJoin(kOverlapNames, ", ")),
                   inQuotes(name));
    names.emplace_back(name);
  }
  return names;
}

absl::StatusOr<int64_t> parseMemory(absl::string_view text) {
  static constexpr std::pair<absl::string_view, double> kUnits[] = {
      {"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"KiB", 1024.0}, {"MiB", 1024.0 * 1024}, {"GiB", 1024.0 * 1024 * 1024}};
  absl::string_view number = text;
  double unit = 1;
  for (const auto &[name, bytes] : kUnits)
    if (absl::ConsumeSuffix(&number, name)) {
      unit = bytes;
      break;
    }
  const bool isPlain = number.find_first_not_of("0123456789.") == absl::string_view::npos;
  const double bytes = isPlain ? parseNumber(number).value_or(0) * unit : 0;
  if (bytes < 1 || bytes > kMostMemory)
    return wrong("--memory", "bytes, such as 2GB, 512MiB or 1000000", inQuotes(text));
  return int64_t(bytes);
}

absl::StatusOr<std::vector<PinText>> parsePins(absl::string_view json) {
  const absl::StatusOr<Json> document = parseDocument(json, "pins", /*isList=*/false);
  if (!document.ok()) return document.status();
  std::vector<PinText> pins;
  for (const auto &[name, along] : document->items()) {
    if (absl::Status status = checkPattern("a pin", name); !status.ok()) return status;
    const std::string what = absl::StrCat("pin ", inQuotes(name));
    if (!along.is_object() || along.empty()) return wrong(what, "an object {axis: placement}", shown(along));
    PinText &pin = pins.emplace_back();
    pin.match = name;
    for (const auto &[axis, placement] : along.items()) {
      if (!placement.is_string())
        return wrong(absl::StrCat(what, ", axis ", inQuotes(axis)), "a placement like \"S(0)\", \"B\" or \"P(sum)\"",
                     shown(placement));
      pin.along.emplace_back(axis, placement.get<std::string>());
    }
  }
  return pins;
}

absl::StatusOr<std::vector<GroupText>> parseGroups(absl::string_view json) {
  const absl::StatusOr<Json> document = parseDocument(json, "groups", /*isList=*/true);
  if (!document.ok()) return document.status();
  std::vector<GroupText> groups;
  for (size_t i = 0; i < document->size(); ++i) {
    absl::StatusOr<GroupText> group = parseGroup((*document)[i], i);
    if (!group.ok()) return group.status();
    groups.push_back(*std::move(group));
  }
  return groups;
}

}  // namespace cleave::cli
