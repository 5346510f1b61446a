// The most multiply-adds that vpdpbusd can do on one thread, and what is left with the weights loaded from the L1 cache
// and the activations broadcast from it, as the AVX-512 kernels do.
#include <benchmark/benchmark.h>
#include <immintrin.h>

#include <cstdint>
#include <cstring>

namespace {

constexpr int kSums = 12;
constexpr int kMacs = kSums * 64;

bool has_vnni(benchmark::State& state) {
  if (__builtin_cpu_supports("avx512vnni")) return true;
  state.SkipWithError("this CPU has no AVX-512 VNNI");
  return false;
}

void keep(const __m512i (&sums)[kSums]) {
  __m512i all = sums[0];
  for (const __m512i& sum : sums) all = _mm512_xor_si512(all, sum);
  benchmark::DoNotOptimize(_mm512_reduce_add_epi32(all));
}

void peak_registers(benchmark::State& state) {
  if (!has_vnni(state)) return;
  __m512i sums[kSums];
  for (int i = 0; i < kSums; ++i) sums[i] = _mm512_set1_epi32(i);  // different, or the compiler keeps one
  __m512i weights = _mm512_set1_epi8(3);
  __m512i x = _mm512_set1_epi8(5);
  for (auto _ : state) {
    for (int i = 0; i < 1024; ++i) {
      asm volatile("" : "+v"(weights), "+v"(x));
#pragma GCC unroll 12
      for (__m512i& sum : sums) sum = _mm512_dpbusd_epi32(sum, weights, x);
    }
  }
  keep(sums);
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()) * 1024 * kMacs);
}
BENCHMARK(peak_registers)->Name("peak/vpdpbusd/registers");

void peak_cache(benchmark::State& state) {
  if (!has_vnni(state)) return;
  alignas(64) static uint8_t weights[16384];
  alignas(64) static int8_t x[6][1024];
  std::memset(weights, 1, sizeof weights);  // pages that were never written share one page of zeros
  std::memset(x, 1, sizeof x);
  __m512i sums[kSums] = {};
  for (auto _ : state) {
    for (int block = 0; block < 128; ++block) {
      const uint8_t* w = weights + block % 16 * 1024;
      const int8_t* first_x = x[0] + block % 32 * 32;
      asm volatile("" : "+r"(w), "+r"(first_x));
#pragma GCC unroll 8
      for (int group = 0; group < 8; ++group) {
        const __m512i first = _mm512_load_si512(w + group * 128);
        const __m512i second = _mm512_load_si512(w + group * 128 + 64);
#pragma GCC unroll 6
        for (int t = 0; t < 6; ++t) {
          int four;
          std::memcpy(&four, first_x + t * sizeof x[0] + group * 4, sizeof four);
          __m512i splat = _mm512_set1_epi32(four);
          asm("" : "+v"(splat));
          sums[t] = _mm512_dpbusd_epi32(sums[t], first, splat);
          sums[t + 6] = _mm512_dpbusd_epi32(sums[t + 6], second, splat);
        }
      }
    }
  }
  keep(sums);
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()) * 1024 * kMacs);
}
BENCHMARK(peak_cache)->Name("peak/vpdpbusd/l1_cache");

}  // namespace
