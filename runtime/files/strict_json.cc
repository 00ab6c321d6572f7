#include "runtime/files/strict_json.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace cleave {
namespace {

using nlohmann::json;

// Builds the value from the parser's events; returning false ends the parse.
class Builder final : public nlohmann::json_sax<json> {
 public:
  explicit Builder(int maxDepth) : maxDepth_(maxDepth) {}

  bool null() final { return add(nullptr); }
  bool boolean(bool value) final { return add(value); }
  bool number_integer(number_integer_t value) final { return add(value); }
  bool number_unsigned(number_unsigned_t value) final { return add(value); }
  bool number_float(number_float_t value, const string_t &) final { return add(value); }
  bool string(string_t &value) final { return add(std::move(value)); }
  bool binary(binary_t &) final { return fail("requires text, got binary"); }

  bool start_object(std::size_t) final { return open(json::object()); }
  bool key(string_t &name) final {
    if (open_.back()->contains(name)) return fail(absl::StrCat("requires each name once, got \"", name, "\" twice"));
    name_ = std::move(name);
    return true;
  }
  bool end_object() final { return close(); }
  bool start_array(std::size_t) final { return open(json::array()); }
  bool end_array() final { return close(); }

  bool parse_error(std::size_t position, const std::string &, const json::exception &problem) final {
    // The library's text begins with "[json.exception.parse_error.101] parse error at ...: ".
    std::string text = problem.what();
    if (const size_t end = text.find("] "); end != std::string::npos) text.erase(0, end + 2);
    if (const size_t end = text.find(": "); text.rfind("parse error", 0) == 0 && end != std::string::npos)
      text.erase(0, end + 2);
    return fail(absl::StrCat("requires JSON, got at byte ", position, ": ", text));
  }

  absl::Status status;
  json root;

 private:
  bool fail(absl::string_view message) {
    status = absl::InvalidArgumentError(message);
    return false;
  }

  json *place(json value) {
    if (open_.empty()) return &(root = std::move(value));
    json &parent = *open_.back();
    if (parent.is_array()) {
      parent.push_back(std::move(value));
      return &parent.back();
    }
    return &(parent[name_] = std::move(value));
  }

  template <typename Value>
  bool add(Value &&value) {
    place(json(std::forward<Value>(value)));
    return true;
  }

  bool open(json value) {
    if (int(open_.size()) >= maxDepth_)
      return fail(absl::StrCat("requires at most ", maxDepth_, " levels of nesting, got more"));
    open_.push_back(place(std::move(value)));
    return true;
  }

  bool close() {
    open_.pop_back();
    return true;
  }

  const int maxDepth_;
  // Parents don't move while a child is open: only the innermost one grows.
  std::vector<json *> open_;
  std::string name_;
};

}  // namespace

absl::StatusOr<json> parseStrictJson(absl::string_view text, int maxDepth) {
  Builder builder(maxDepth);
  json::sax_parse(text.begin(), text.end(), &builder);
  if (!builder.status.ok()) return builder.status;
  return std::move(builder.root);
}

}  // namespace cleave
