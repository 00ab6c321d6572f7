#include "tools/pages/html.h"

#include <cmath>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "nlohmann/json.hpp"

namespace cleave::pages {
namespace {

// Colours differ in lightness too, for those who see few; light and dark follow the reader's system.
constexpr char kStyle[] = R"css(
.cleave{--ink:#1c2430;--soft:#5b6675;--line:#d9dee6;--paper:#fff;--tint:#f5f7fa;--split:#0b63b5;--whole:#5b6675;
 --partial:#b14a00;--move:#b14a00;--good:#00745a;--late:#7b3fa0;color:var(--ink);background:var(--paper);
 font:14px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;padding:1rem;max-width:74rem}
@media(prefers-color-scheme:dark){.cleave{--ink:#e6eaf0;--soft:#9aa6b6;--line:#343c48;--paper:#14181e;--tint:#1c222a;
 --split:#6cb6ff;--whole:#9aa6b6;--partial:#ffa657;--move:#ffa657;--good:#4fd1ae;--late:#d2a8ff}}
.cleave h1{font-size:1.6em;margin:0 0 .2em;font-weight:650}
.cleave h2{font-size:1.1em;margin:1.8em 0 .5em;font-weight:650}
.cleave p{margin:.3em 0;color:var(--soft)}
.cleave code,.cleave td.name{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:.92em}
.cleave table{border-collapse:collapse;margin:.3em 0;background:none}
.cleave th{text-align:left;font-weight:600;color:var(--soft);padding:.15em .8em .15em 0;border:0;background:none}
.cleave td{text-align:left;padding:.15em .8em .15em 0;border:0;border-top:1px solid var(--line);background:none;
 vertical-align:top;color:var(--ink)}
.cleave tr.move td{color:var(--move);background:var(--tint)}
.cleave tr.weight td.name{padding-left:1.4em;color:var(--soft)}
.cleave section.block{border:1px solid var(--line);border-radius:10px;padding:.6rem 1rem;margin:.7rem 0;
 overflow-x:auto}
.cleave section.block>h3{margin:0 0 .3em;font-size:1em}
.cleave section.block>h3 small{color:var(--soft);font-weight:400}
.cleave .chip{display:inline-block;border-radius:6px;padding:0 .5em;border:1px solid currentColor;white-space:nowrap;
 font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:.86em}
.cleave .split{color:var(--split)}.cleave .whole{color:var(--whole)}.cleave .partial{color:var(--partial)}
.cleave .tiles{display:flex;flex-wrap:wrap;gap:.8rem;margin:1rem 0}
.cleave .tile{border:1px solid var(--line);border-radius:10px;padding:.5rem 1rem;min-width:8rem}
.cleave .tile b{display:block;font-size:1.45em;font-weight:650}
.cleave .tile span{color:var(--soft)}
.cleave .drawings{display:flex;flex-wrap:wrap;gap:1.2rem}
.cleave hr{border:0;border-top:1px solid var(--line);margin:2.5em 0 1.5em}
.cleave figure{margin:0}.cleave figcaption{color:var(--soft);margin:.2em 0}
.cleave svg{max-width:100%;height:auto}
.cleave svg.chart text{fill:var(--soft);font:12px system-ui,sans-serif}
.cleave svg.chart .hover{fill:transparent}.cleave svg.chart .hover:hover{fill:var(--soft);fill-opacity:.15}
)css";

std::string styled(absl::string_view body) {
  return absl::StrCat("<div class=\"cleave\"><style>", kStyle, "</style>\n", body, "</div>\n");
}

}  // namespace

std::string escaped(absl::string_view text) {
  // The library's serializer replaces what is no UTF-8.
  const std::string quoted = nlohmann::json(std::string(text)).dump(-1, ' ', false,
                                                                    nlohmann::json::error_handler_t::replace);
  const std::string valid = nlohmann::json::parse(quoted).get<std::string>();
  std::string safe;
  for (const char c : valid) {
    if (c == '&') {
      safe += "&amp;";
    } else if (c == '<') {
      safe += "&lt;";
    } else if (c == '>') {
      safe += "&gt;";
    } else if (c == '"') {
      safe += "&quot;";
    } else if (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') {
      safe += '?';
    } else {
      safe += c;
    }
  }
  return safe;
}

std::string fragment(absl::string_view body) { return styled(body); }

std::string document(absl::string_view title, absl::string_view body) {
  return absl::StrCat(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
      "<meta name=\"color-scheme\" content=\"light dark\"/>\n<title>",
      escaped(title),
      "</title>\n<style>body{margin:0;background:#fff}@media(prefers-color-scheme:dark){body{background:#14181e}}"
      "body>.cleave{margin:0 auto}</style>\n</head>\n<body>\n",
      styled(body), "</body>\n</html>\n");
}

std::string placementChip(absl::string_view placement, absl::string_view tooltip) {
  const char *kind = absl::StartsWith(placement, "S") ? "split" : absl::StartsWith(placement, "P") ? "partial" : "whole";
  const std::string title = tooltip.empty() ? "" : absl::StrCat(" title=\"", escaped(tooltip), "\"");
  return absl::StrCat("<span class=\"chip ", kind, "\"", title, ">", escaped(placement), "</span>");
}

std::string element(absl::string_view tag, absl::string_view cssClass, absl::string_view escapedBody) {
  const std::string attribute = cssClass.empty() ? "" : absl::StrCat(" class=\"", cssClass, "\"");
  return absl::StrCat("<", tag, attribute, ">", escapedBody, "</", tag, ">");
}

std::string tile(absl::string_view value, absl::string_view what) {
  return element("div", "tile", element("b", "", escaped(value)) + element("span", "", escaped(what)));
}

std::string chart(double width, double height, absl::string_view what, absl::string_view shapes) {
  return absl::StrFormat(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"chart\" role=\"img\" viewBox=\"0 0 %.0f %.0f\" width=\"%.0f\" "
      "height=\"%.0f\" aria-label=\"%s\">\n%s</svg>\n",
      width, height, width, height, escaped(what), shapes);
}

std::string figure(double value) {
  if (!std::isfinite(value)) return std::isnan(value) ? "NaN" : value > 0 ? "infinite" : "-infinite";
  if (std::fabs(value) >= 1e4 && std::fabs(value) < 1e7) return absl::StrFormat("%.0f", value);
  return absl::StrFormat("%.4g", value);
}

}  // namespace cleave::pages
