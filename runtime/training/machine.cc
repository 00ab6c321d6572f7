#include "runtime/training/machine.h"

namespace cleave {

std::map<std::string, std::string> machineRecord(int threadsPerDevice) {
  std::string cpu;
  auto note = [&](bool has, const char *name) {
    if (has) cpu += (cpu.empty() ? "" : " ") + std::string(name);
  };
#if defined(__x86_64__)
  __builtin_cpu_init();
  note(__builtin_cpu_supports("avx2"), "avx2");
  note(__builtin_cpu_supports("fma"), "fma");
  note(__builtin_cpu_supports("avx512f"), "avx512f");
  note(__builtin_cpu_supports("avx512bw"), "avx512bw");
  note(__builtin_cpu_supports("avx512vnni"), "avx512vnni");
#endif
  return {{"cpu", cpu.empty() ? "plain" : cpu}, {"threads", std::to_string(threadsPerDevice)}};
}

}  // namespace cleave
