// What this CPU, under this operating system, can run.
#pragma once

namespace thimble {

struct CpuFeatures {
  bool avx2 = false;         // AVX2, FMA and F16C
  bool avx512_vnni = false;  // AVX-512 F, BW, DQ, VL and VNNI
  bool avx512_bf16 = false;  // these and BF16
};

CpuFeatures detect_cpu();

// Processors this process may use (affinity and cgroup quota counted), at least 1.
unsigned usable_cpus();

}  // namespace thimble
