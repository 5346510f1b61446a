#include <array>
#include <string>
#include <vector>

#include "base/cpu.h"
#include "base/error.h"
#include "kernels/kernels.h"
#include "kernels/tables.h"
#include "quant/type_list.h"

namespace thimble {
namespace {

struct Tier {
  std::string_view isa;
  bool (*supported)(const CpuFeatures&);
  void (*fill[7])(Kernels&);
};

// Best first.
constexpr Tier kTiers[] = {
#if defined(__x86_64__)
    {"avx512_vnni",
     [](const CpuFeatures& cpu) { return cpu.avx512_vnni; },
     {fill_matmul_avx512_vnni, fill_ops_avx512_vnni, fill_attention_avx512_vnni, fill_feedback_avx512_vnni,
      fill_gradients_avx512_vnni, fill_searches_avx512_vnni, fill_bfloat_avx512_vnni}},
    {"avx2",
     [](const CpuFeatures& cpu) { return cpu.avx2; },
     {fill_matmul_avx2, fill_ops_avx2, fill_attention_avx2, fill_feedback_avx2, fill_gradients_avx2, fill_searches_avx2,
      fill_bfloat_avx2}},
#endif
    {"scalar",
     [](const CpuFeatures&) { return true; },
     {fill_matmul_scalar, fill_ops_scalar, fill_attention_scalar, fill_feedback_scalar, fill_gradients_scalar,
      fill_searches_scalar, fill_bfloat_scalar}},
};

struct Tables {
  std::array<Kernels, std::size(kTiers)> built{};
  std::vector<const Kernels*> available;

  Tables() {
    const CpuFeatures cpu = detect_cpu();
    for (size_t i = 0; i < std::size(kTiers); ++i) {
      if (!kTiers[i].supported(cpu)) continue;
      built[i].isa = kTiers[i].isa;
      for (auto* fill : kTiers[i].fill) fill(built[i]);
#if defined(__x86_64__)
      if (cpu.avx512_bf16 && kTiers[i].isa == "avx512_vnni")
        fill_bfloat_avx512_bf16(built[i]);  // the same bits, faster
#endif
      available.push_back(&built[i]);
    }
  }
};

const Tables& tables() {
  static const Tables instance;  // immutable after construction
  return instance;
}

}  // namespace

ActivationType activation_type(NumberType weights) {
  const uint32_t block = type_info(weights).block_size;
  if (block == 1) return ActivationType::f32;
  return block == 32 ? ActivationType::q8_32 : ActivationType::q8_256;
}

ActivationLayout activation_layout(ActivationType type, size_t k) {
  ActivationLayout layout;
  switch (type) {
    case ActivationType::f32: layout.bytes = k * sizeof(float); break;
    case ActivationType::q8_32:
      layout.scales = k;
      layout.scaled_sums = layout.scales + k / 32 * sizeof(float);
      layout.sums = layout.scaled_sums + k / 32 * sizeof(float);
      layout.bytes = layout.sums + k / 32 * sizeof(int16_t);
      break;
    case ActivationType::q8_256:
      layout.scales = k;
      layout.sums = layout.scales + k / 256 * sizeof(float);
      layout.bytes = layout.sums + k / 16 * sizeof(int16_t);
      break;
  }
  layout.bytes = (layout.bytes + 63) / 64 * 64;
  return layout;
}

std::span<const Kernels* const> available_kernels() { return tables().available; }

const Kernels& select_kernels(std::string_view isa) {
  const auto available = available_kernels();
  if (isa == "auto" || isa.empty()) return *available.front();
  std::string names;
  for (const Kernels* table : available) {
    if (table->isa == isa) return *table;
    names += (names.empty() ? "" : ", ") + std::string(table->isa);
  }
  for (const Tier& tier : kTiers) {
    if (tier.isa == isa) fail(ExitCode::usage, "--isa {}: this CPU does not have it; it can run: auto, {}", isa, names);
  }
  fail(ExitCode::usage, "--isa {}: no such instruction set in this build; this machine can run: auto, {}",
       printable(isa), names);
}

}  // namespace thimble
