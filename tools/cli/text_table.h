// Columns that line up.

#ifndef CLEAVE_TOOLS_CLI_TEXT_TABLE_H
#define CLEAVE_TOOLS_CLI_TEXT_TABLE_H

#include <string>
#include <vector>

namespace cleave::cli {

// Each row on a line of its own, cells padded to their column's width (except the last column's). `wrapAt` > 0: the
// last column goes on below itself behind so many characters of the line.
std::string textTable(const std::vector<std::vector<std::string>> &rows, size_t wrapAt = 0);

}  // namespace cleave::cli

#endif  // CLEAVE_TOOLS_CLI_TEXT_TABLE_H
