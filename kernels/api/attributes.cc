#include "kernels/api/attributes.h"

#include "absl/strings/str_cat.h"

namespace cleave {
namespace {

constexpr const char *kTypeNames[] = {"an integer", "a number", "a text", "a list of integers", "a list of numbers"};

template <typename T>
absl::StatusOr<T> findAs(const AttributeValue *value, absl::string_view name) {
  const char *wanted = kTypeNames[AttributeValue(T()).index()];
  if (!value)
    return absl::InvalidArgumentError(absl::StrCat("requires attribute '", name, "' (", wanted, "), got none"));
  if (const T *held = std::get_if<T>(value)) return *held;
  return absl::InvalidArgumentError(
      absl::StrCat("requires attribute '", name, "' to be ", wanted, ", got ", kTypeNames[value->index()]));
}

template <typename T>
const T *getAs(const AttributeValue *value) {
  return value ? std::get_if<T>(value) : nullptr;
}

}  // namespace

const AttributeValue *Attributes::lookup(absl::string_view name) const {
  for (const auto &[key, value] : values_)
    if (key == name) return &value;
  return nullptr;
}

void Attributes::set(absl::string_view name, AttributeValue value) {
  for (auto &[key, held] : values_)
    if (key == name) {
      held = std::move(value);
      return;
    }
  values_.emplace_back(std::string(name), std::move(value));
}

absl::StatusOr<int64_t> Attributes::findInt(absl::string_view name) const {
  return findAs<int64_t>(lookup(name), name);
}

absl::StatusOr<double> Attributes::findDouble(absl::string_view name) const {
  return findAs<double>(lookup(name), name);
}

absl::StatusOr<std::string> Attributes::findString(absl::string_view name) const {
  return findAs<std::string>(lookup(name), name);
}

absl::StatusOr<std::vector<int64_t>> Attributes::findInts(absl::string_view name) const {
  const AttributeValue *value = lookup(name);
  if (const auto *numbers = getAs<std::vector<double>>(value); numbers && numbers->empty())
    return std::vector<int64_t>();
  return findAs<std::vector<int64_t>>(value, name);
}

absl::StatusOr<std::vector<double>> Attributes::findDoubles(absl::string_view name) const {
  const AttributeValue *value = lookup(name);
  if (const auto *integers = getAs<std::vector<int64_t>>(value); integers && integers->empty())
    return std::vector<double>();
  return findAs<std::vector<double>>(value, name);
}

int64_t Attributes::getInt(absl::string_view name, int64_t otherwise) const {
  const auto *held = getAs<int64_t>(lookup(name));
  return held ? *held : otherwise;
}

double Attributes::getDouble(absl::string_view name, double otherwise) const {
  const auto *held = getAs<double>(lookup(name));
  return held ? *held : otherwise;
}

const std::string &Attributes::getString(absl::string_view name) const {
  static const std::string kNone;
  const auto *held = getAs<std::string>(lookup(name));
  return held ? *held : kNone;
}

const std::vector<int64_t> &Attributes::getInts(absl::string_view name) const {
  static const std::vector<int64_t> kNone;
  const auto *held = getAs<std::vector<int64_t>>(lookup(name));
  return held ? *held : kNone;
}

const std::vector<double> &Attributes::getDoubles(absl::string_view name) const {
  static const std::vector<double> kNone;
  const auto *held = getAs<std::vector<double>>(lookup(name));
  return held ? *held : kNone;
}

}  // namespace cleave
