// Figures as remarks and errors say them.

#ifndef CLEAVE_PASSES_FIGURES_H
#define CLEAVE_PASSES_FIGURES_H

#include <cstdint>
#include <string>

namespace cleave {

std::string inMilliseconds(double seconds);  // "1.204 ms"
std::string inMicroseconds(double seconds);  // "12.5 us"
std::string inMegabytes(int64_t bytes);      // "1.049 MB"

}  // namespace cleave

#endif  // CLEAVE_PASSES_FIGURES_H
