// Columns that line up, and what goes into them.

#ifndef CLEAVE_TOOLS_CLI_TEXT_TABLE_H
#define CLEAVE_TOOLS_CLI_TEXT_TABLE_H

#include <cstdint>
#include <string>
#include <vector>

namespace cleave::cli {

// Each row on a line of its own, cells padded to their column's width (except the last column's). `wrapAt` > 0: the
// last column goes on below itself behind so many characters of the line.
std::string textTable(const std::vector<std::vector<std::string>> &rows, size_t wrapAt = 0);

// "12.3 MB"
std::string sizeText(int64_t bytes);

// Of seconds, without a unit: "1.204".
std::string millisecondsText(double seconds);

// A name with "*" for each number: "h.12.mlp" -> "h.*.mlp".
std::string patternOf(const std::string &name);

}  // namespace cleave::cli

#endif  // CLEAVE_TOOLS_CLI_TEXT_TABLE_H
