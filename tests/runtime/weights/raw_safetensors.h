// Safetensors files from their parts, right or wrong.

#ifndef CLEAVE_TESTS_RUNTIME_WEIGHTS_RAW_SAFETENSORS_H
#define CLEAVE_TESTS_RUNTIME_WEIGHTS_RAW_SAFETENSORS_H

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace cleave::testing {

inline std::string littleEndian(uint64_t value) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes.push_back(char(value >> (8 * i)));
  return bytes;
}

inline std::string rawSafetensors(const std::string &header, const std::string &data) {
  return littleEndian(header.size()) + header + data;
}

template <typename T>
std::string bytesOf(const std::vector<T> &values) {
  std::string bytes(values.size() * sizeof(T), '\0');
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

}  // namespace cleave::testing

#endif  // CLEAVE_TESTS_RUNTIME_WEIGHTS_RAW_SAFETENSORS_H
