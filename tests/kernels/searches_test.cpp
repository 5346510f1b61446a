// Packing by every instruction set's searches gives the bytes of the portable ones.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "kernel_inputs.h"
#include "quant/scale_search.h"
#include "quant/type_list.h"

namespace thimble {
namespace {

constexpr size_t kWeights = 256 * 6;

// Weights of ordinary size, tiny and huge ones, zeros, constants, outliers, and all of one sign.
std::vector<std::vector<float>> weights() {
  std::vector<std::vector<float>> cases;
  for (const float spread : {0.02f, 1e-30f, 1e30f}) cases.push_back(normal_values(kWeights, 7, spread));
  for (const float constant : {0.0f, 0.25f, -3.0f}) cases.emplace_back(kWeights, constant);
  for (size_t i = 0; i < kWeights; i += 97) cases[0][i] *= 40;
  for (size_t i = 0; i < kWeights; i += 5) cases[0][i] = 0;
  cases.push_back(cases[1]);
  for (float& x : cases.back()) x = std::abs(x);
  return cases;
}

// None, or one that spans many orders of magnitude and is zero for whole sub-blocks.
std::vector<float> importances() {
  std::vector<float> importance = normal_values(kWeights, 8);
  for (size_t i = 0; i < kWeights; ++i) {
    importance[i] = i / 32 % 7 == 0 ? 0 : std::exp(6 * importance[i]);
  }
  return importance;
}

TEST(Searches, EveryInstructionSetPacksTheSameBytes) {
  const std::vector<float> importance = importances();
  for (const Kernels* kernels : available_kernels()) {
    if (kernels->searches == &plain_searches()) continue;
    for (const TypeInfo& type : all_types()) {
      if (type.pack == nullptr) continue;
      SCOPED_TRACE(std::string(kernels->isa) + " " + std::string(type.name));
      for (const std::vector<float>& x : weights()) {
        const size_t blocks = x.size() / type.block_size;
        for (const float* given : {static_cast<const float*>(nullptr), importance.data()}) {
          std::vector<std::byte> expected(blocks * type.block_bytes), packed(expected.size());
          type.pack_weighted(x.data(), given, plain_searches(), expected.data(), blocks);
          type.pack_weighted(x.data(), given, *kernels->searches, packed.data(), blocks);
          ASSERT_EQ(packed, expected);
        }
      }
    }
  }
}

}  // namespace
}  // namespace thimble
