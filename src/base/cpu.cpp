#include "base/cpu.h"

#include <sched.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include <algorithm>
#include <cmath>
#include <fstream>
#include <string>

namespace thimble {
namespace {

#if defined(__x86_64__)
constexpr unsigned kF16c = 1u << 29;        // leaf 1
constexpr unsigned kAvx512Vnni = 1u << 11;  // leaf 7
constexpr unsigned kAvx512Bf16 = 1u << 5;   // leaf 7, subleaf 1, EAX

bool cpuid_ecx(unsigned leaf, unsigned bit) {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  return __get_cpuid_count(leaf, 0, &eax, &ebx, &ecx, &edx) != 0 && (ecx & bit) != 0;
}

bool has_bf16() {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) == 0 || eax < 1) return false;  // subleaves that there are
  return __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) != 0 && (eax & kAvx512Bf16) != 0;
}
#endif

// CPU bandwidth of this process's cgroup (version 2), in whole processors; a large number where there is no limit.
unsigned cgroup_cpus() {
  std::ifstream max("/sys/fs/cgroup/cpu.max");
  std::string quota;
  double period = 0;
  if (!(max >> quota >> period) || quota == "max" || period <= 0) return 1u << 16;
  return static_cast<unsigned>(std::max(1.0, std::ceil(std::atof(quota.c_str()) / period)));
}

}  // namespace

CpuFeatures detect_cpu() {
  CpuFeatures cpu;
#if defined(__x86_64__)
  // The builtin also asks whether the operating system saves the registers; two names are unknown to older compilers.
  __builtin_cpu_init();
  cpu.avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && cpuid_ecx(1, kF16c);
  cpu.avx512_vnni = cpu.avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                    __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
                    cpuid_ecx(7, kAvx512Vnni);
  cpu.avx512_bf16 = cpu.avx512_vnni && has_bf16();
#endif
  return cpu;
}

unsigned usable_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  unsigned count = 1;
  if (sched_getaffinity(0, sizeof set, &set) == 0) count = static_cast<unsigned>(std::max(1, CPU_COUNT(&set)));
  return std::min(count, cgroup_cpus());
}

}  // namespace thimble
