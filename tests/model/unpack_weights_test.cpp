// Weights as floats for training: from the kernels where they have the format, the values of TypeInfo::unpack bit for bit.
#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "model/products.h"
#include "support/tiny_model.h"

namespace thimble {
namespace {

TEST(UnpackWeights, EqualsTheFormatsOwn) {
  constexpr size_t kCount = 768;
  const std::vector<float> values = test::tiny_values("weights", kCount);
  for (const TypeInfo& info : all_types()) {
    if (info.pack == nullptr) continue;
    std::vector<std::byte> packed(kCount / info.block_size * info.block_bytes);
    info.pack(values.data(), packed.data(), kCount / info.block_size);
    std::vector<float> expected(kCount), found(kCount);
    info.unpack(packed.data(), expected.data(), kCount / info.block_size);
    for (const Kernels* kernels : available_kernels()) {
      unpack_weights(*kernels, info.type, packed.data(), kCount, found.data());
      EXPECT_EQ(std::memcmp(found.data(), expected.data(), kCount * sizeof(float)), 0) << info.name << kernels->isa;
    }
  }
}

}  // namespace
}  // namespace thimble
