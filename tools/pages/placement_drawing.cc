#include "tools/pages/placement_drawing.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "tools/pages/html.h"

namespace cleave::pages {
namespace {

constexpr int kMostDevices = 64;                   // that are drawn
constexpr int64_t kMostMesh = 4096;                // devices of a mesh
constexpr int kColumns = 12, kRows = 4;            // characters of a device in the terminal
constexpr int kNarrow = 8;                         // columns of a device where a tensor has no dimensions
constexpr double kWidth = 112, kHeight = 64;       // of a device's tensor in a picture
constexpr double kGapX = 20, kGapY = 34, kLeft = 84, kTop = 26;

constexpr char kStyle[] =
    "<style>.cleave-drawing{--e:#eceff3;--h:#0b63b5;--p:#b14a00;--t:#1c2430}"
    "@media(prefers-color-scheme:dark){.cleave-drawing{--e:#2a313b;--h:#6cb6ff;--p:#ffa657;--t:#e6eaf0}}"
    ".cleave-drawing text{fill:var(--t);font:12px system-ui,sans-serif}.cleave-drawing .elsewhere{fill:var(--e)}"
    ".cleave-drawing .held{fill:var(--h)}.cleave-drawing .term{fill:var(--p)}</style>";

int64_t sizeOf(const std::vector<std::pair<std::string, int64_t>> &mesh) {
  int64_t devices = 1;
  for (const auto &[name, size] : mesh) devices *= size;
  return devices;
}

// Position along each axis; ranks count row-major.
std::vector<int64_t> coordinateOf(const Drawing &drawing, int64_t rank) {
  std::vector<int64_t> coordinate(drawing.mesh.size());
  for (size_t axis = drawing.mesh.size(); axis-- > 0;) {
    coordinate[axis] = rank % drawing.mesh[axis].second;
    rank /= drawing.mesh[axis].second;
  }
  return coordinate;
}

bool isPartial(const Drawing &drawing) {
  return std::any_of(drawing.placement.begin(), drawing.placement.end(),
                     [](const std::string &text) { return text[0] == 'P'; });
}

// The dimensions that a picture shows, down and across; -1: none. Those that are split come first, else the last ones.
std::pair<int, int> shownDims(const Drawing &drawing) {
  std::vector<int> shown;
  const int rank = static_cast<int>(drawing.dims.size());
  for (const bool wantsSplit : {true, false})
    for (int d = rank - 1; d >= 0; --d) {
      const bool isSplit = std::any_of(drawing.boxes.begin(), drawing.boxes.end(),
                                       [&](const Box &box) { return box.extent[d] != drawing.dims[d]; });
      if (isSplit == wantsSplit && shown.size() < 2) shown.push_back(d);
    }
  std::sort(shown.begin(), shown.end());
  if (shown.empty()) return {-1, -1};
  return shown.size() == 1 ? std::pair(-1, shown[0]) : std::pair(shown[0], shown[1]);
}

std::string titleOf(const Drawing &drawing) {
  std::vector<std::string> along;
  for (size_t axis = 0; axis < drawing.mesh.size(); ++axis)
    along.push_back(absl::StrCat(drawing.mesh[axis].first, " ", drawing.placement[axis]));
  const std::string shape = drawing.dims.empty() ? "scalar" : absl::StrJoin(drawing.dims, "x");
  return absl::StrCat(drawing.name, drawing.name.empty() ? "" : "  ", shape, drawing.dtype.empty() ? "" : " ",
                      drawing.dtype, "  (", absl::StrJoin(along, ", "), ")");
}

// "data 1" for all axes but the last.
std::string rowLabel(const Drawing &drawing, int64_t rank) {
  const std::vector<int64_t> at = coordinateOf(drawing, rank);
  std::vector<std::string> parts;
  for (size_t axis = 0; axis + 1 < drawing.mesh.size(); ++axis)
    parts.push_back(absl::StrCat(drawing.mesh[axis].first, " ", at[axis]));
  return absl::StrJoin(parts, " ");
}

// Whether a point of the picture, as fractions across and down, is in the part.
bool holds(const Drawing &drawing, const Box &box, std::pair<int, int> shown, double down, double across) {
  if (box.elements() == 0) return false;
  for (const auto &[d, at] : {std::pair(shown.first, down), std::pair(shown.second, across)}) {
    if (d < 0) continue;
    const double element = at * static_cast<double>(drawing.dims[d]);
    if (element < box.start[d] || element >= box.start[d] + box.extent[d]) return false;
  }
  return true;
}

std::string repeated(absl::string_view text, int count) {
  std::string all;
  for (int i = 0; i < count; ++i) absl::StrAppend(&all, text);
  return all;
}

// One row of devices: lines of equal width.
void appendRow(const Drawing &drawing, int64_t first, int64_t count, size_t indent, std::string *to) {
  const std::pair<int, int> shown = shownDims(drawing);
  const int rows = shown.first < 0 ? 1 : kRows, columns = shown.second < 0 ? kNarrow : kColumns;
  const char *full = isPartial(drawing) ? "▒" : "█";
  const std::string label = rowLabel(drawing, first);
  const std::string border = repeated("─", columns);
  auto line = [&](const std::string &head, auto cell) {
    absl::StrAppend(to, head, std::string(indent - head.size(), ' '));
    for (int64_t rank = first; rank < first + count; ++rank) absl::StrAppend(to, rank > first ? " " : "", cell(rank));
    absl::StrAppend(to, "\n");
  };
  line(label, [&](int64_t) { return absl::StrCat("┌", border, "┐"); });
  for (int r = 0; r < rows; ++r)
    line("", [&](int64_t rank) {
      std::string cells = "│";
      for (int c = 0; c < columns; ++c)
        cells += holds(drawing, drawing.boxes[rank], shown, (r + 0.5) / rows, (c + 0.5) / columns) ? full : "·";
      return cells + "│";
    });
  line("", [&](int64_t rank) {
    const std::string number = absl::StrCat(rank);
    return absl::StrCat("└", number, repeated("─", std::max(0, columns - static_cast<int>(number.size()))), "┘");
  });
}

std::string deviceSvg(const Drawing &drawing, int64_t rank, double x, double y) {
  const auto [down, across] = shownDims(drawing);
  const Box &box = drawing.boxes[rank];
  auto part = [&](int d) -> std::pair<double, double> {
    if (d < 0) return {0, 1};
    const double size = static_cast<double>(drawing.dims[d]);
    return {static_cast<double>(box.start[d]) / size, static_cast<double>(box.extent[d]) / size};
  };
  const auto [top, height] = part(down);
  const auto [left, width] = part(across);
  std::string svg = absl::StrFormat(
      "<g><title>device %d holds %s</title><rect class=\"elsewhere\" x=\"%.1f\" y=\"%.1f\" width=\"%.0f\" "
      "height=\"%.0f\" rx=\"5\"/>",
      rank, escaped(box.elements() > 0 ? box.str() : "nothing"), x, y, kWidth, kHeight);
  if (box.elements() > 0)
    absl::StrAppendFormat(&svg,
                          "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"5\"/>",
                          isPartial(drawing) ? "term" : "held", x + left * kWidth, y + top * kHeight, width * kWidth,
                          height * kHeight);
  absl::StrAppendFormat(&svg, "<text x=\"%.1f\" y=\"%.1f\">device %d</text></g>\n", x, y + kHeight + 14, rank);
  return svg;
}

// Each device's part of one dimension: shard i of p begins at floor(i * N / p).
void splitBoxes(int64_t dim, Drawing *drawing) {
  int64_t parts = 1;
  std::vector<size_t> axes;
  for (size_t axis = 0; axis < drawing->mesh.size(); ++axis)
    if (drawing->placement[axis] == absl::StrCat("S(", dim, ")")) {
      axes.push_back(axis);
      parts *= drawing->mesh[axis].second;
    }
  const int64_t size = drawing->dims[dim];
  for (size_t rank = 0; rank < drawing->boxes.size(); ++rank) {
    const std::vector<int64_t> at = coordinateOf(*drawing, static_cast<int64_t>(rank));
    int64_t shard = 0;
    for (const size_t axis : axes) shard = shard * drawing->mesh[axis].second + at[axis];
    auto edge = [&](int64_t i) {  // exact where i * N leaves 64 bits
      return static_cast<int64_t>(static_cast<__int128>(i) * size / parts);
    };
    drawing->boxes[rank].start[dim] = edge(shard);
    drawing->boxes[rank].extent[dim] = edge(shard + 1) - edge(shard);
  }
}

absl::Status checkPlacement(const std::string &text, const std::string &axis, size_t rank) {
  if (text == "B" || text == "P(sum)" || text == "P(max)" || text == "P(min)") return absl::OkStatus();
  absl::string_view digits = text;
  int64_t dim;
  if (!absl::ConsumePrefix(&digits, "S(") || !absl::ConsumeSuffix(&digits, ")") || !absl::SimpleAtoi(digits, &dim))
    return absl::InvalidArgumentError(
        absl::StrCat("requires S(dimension), B or P(sum|max|min) along ", axis, ", got ", text));
  if (dim >= 0 && dim < static_cast<int64_t>(rank)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("requires split dimension below ", rank, " along ", axis, ", got ", dim));
}

}  // namespace

absl::StatusOr<Drawing> drawPlacement(const std::string &name, const std::vector<int64_t> &dims,
                                      const std::vector<std::pair<std::string, int64_t>> &mesh,
                                      const std::vector<std::string> &placement) {
  for (const int64_t size : dims)
    if (size < 1) return absl::InvalidArgumentError(absl::StrCat("requires sizes of at least 1, got ", size));
  int64_t devices = 1;
  for (const auto &[axis, size] : mesh) {
    if (size < 1 || size > kMostMesh / devices)
      return absl::InvalidArgumentError(
          absl::StrCat("requires a mesh of 1 to ", kMostMesh, " devices, got axis ", axis, " of size ", size));
    devices *= size;
  }
  if (mesh.empty() || placement.size() != mesh.size())
    return absl::InvalidArgumentError(absl::StrCat("requires a placement for each of ", mesh.size(),
                                                   " axes, of at least one, got ", placement.size()));
  for (size_t axis = 0; axis < mesh.size(); ++axis)
    if (const absl::Status status = checkPlacement(placement[axis], mesh[axis].first, dims.size()); !status.ok())
      return status;
  Drawing drawing{name, "", dims, mesh, placement, std::vector<Box>(devices, wholeBox(dims))};
  for (size_t dim = 0; dim < dims.size(); ++dim) splitBoxes(static_cast<int64_t>(dim), &drawing);
  return drawing;
}

std::string drawingText(const Drawing &drawing) {
  const int64_t devices = sizeOf(drawing.mesh), across = drawing.mesh.back().second;
  const int64_t drawn = std::min<int64_t>(devices, kMostDevices), perRow = std::min(across, drawn);
  size_t indent = 0;
  for (int64_t rank = 0; rank < drawn; rank += across) indent = std::max(indent, rowLabel(drawing, rank).size());
  if (indent > 0) ++indent;
  std::string text = titleOf(drawing) + "\n" + std::string(indent, ' ');
  const int columns = shownDims(drawing).second < 0 ? kNarrow : kColumns;
  for (int64_t i = 0; i < perRow; ++i) {
    const std::string label = absl::StrCat(drawing.mesh.back().first, " ", i);
    absl::StrAppend(&text, label, std::string(std::max<int64_t>(1, columns + 3 - int64_t(label.size())), ' '));
  }
  text.erase(text.find_last_not_of(' ') + 1);
  text += "\n";
  for (int64_t rank = 0; rank < drawn; rank += across)
    appendRow(drawing, rank, std::min(across, drawn - rank), indent, &text);
  absl::StrAppend(&text, isPartial(drawing) ? "▒ a term of what is to be combined" : "█ held", "   · elsewhere");
  if (drawn < devices) absl::StrAppend(&text, "   ", drawn, " of ", devices, " devices shown");
  return text + "\n";
}

std::string drawingSvg(const Drawing &drawing) {
  const int64_t devices = sizeOf(drawing.mesh), across = drawing.mesh.back().second;
  const int64_t drawn = std::min<int64_t>(devices, kMostDevices), perRow = std::min(across, drawn);
  const double left = drawing.mesh.size() > 1 ? kLeft : 4;
  const double width = left + static_cast<double>(perRow) * (kWidth + kGapX);
  const double height = kTop + static_cast<double>((drawn + perRow - 1) / perRow) * (kHeight + kGapY);
  std::string svg = absl::StrFormat(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"cleave-drawing\" role=\"img\" viewBox=\"0 0 %.0f %.0f\" "
      "width=\"%.0f\" height=\"%.0f\"><title>%s</title>%s\n",
      width, height, width, height, escaped(titleOf(drawing)), kStyle);
  for (int64_t i = 0; i < perRow; ++i)
    absl::StrAppendFormat(&svg, "<text x=\"%.1f\" y=\"16\">%s %d</text>\n",
                          left + static_cast<double>(i) * (kWidth + kGapX), escaped(drawing.mesh.back().first), i);
  for (int64_t rank = 0; rank < drawn; ++rank) {
    const double x = left + static_cast<double>(rank % across) * (kWidth + kGapX);
    const double y = kTop + static_cast<double>(rank / across) * (kHeight + kGapY);
    if (rank % across == 0)
      absl::StrAppendFormat(&svg, "<text x=\"0\" y=\"%.1f\">%s</text>\n", y + kHeight / 2 + 4,
                            escaped(rowLabel(drawing, rank)));
    svg += deviceSvg(drawing, rank, x, y);
  }
  return svg + "</svg>\n";
}

}  // namespace cleave::pages
