// Every tensor of the real models, unpacked, against sums made by tests/oracle/quant_files.py with the Python package
// `gguf`.
#include <gtest/gtest.h>

#include <bit>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "format/gguf.h"
#include "support/real_models.h"

namespace thimble {
namespace {

struct Sums {
  uint64_t bits = 0;
  uint64_t weighted = 0;  // by index + 1
  bool operator==(const Sums&) const = default;
};

Sums sums_of(const GgufTensor& tensor) {
  Sums sums;
  uint64_t index = 0;
  std::vector<float> row(tensor.shape[0]);
  const size_t blocks = tensor.shape[0] / tensor.type->block_size;
  for (uint64_t r = 0; r < tensor.rows(); ++r) {
    tensor.type->unpack(tensor.data.data() + r * blocks * tensor.type->block_bytes, row.data(), blocks);
    for (const float weight : row) {
      const uint64_t bits = std::bit_cast<uint32_t>(weight);
      sums.bits += bits;
      sums.weighted += bits * ++index;
    }
  }
  return sums;
}

std::map<std::string, Sums> expected_sums(const std::string& wanted) {
  std::ifstream in(THIMBLE_TEST_DATA "/quant/real_tensors.txt");
  std::map<std::string, Sums> expected;
  std::string model;
  std::string tensor;
  Sums sums;
  while (in >> model >> tensor >> std::hex >> sums.bits >> sums.weighted) {
    if (model == wanted) expected[tensor] = sums;
  }
  return expected;
}

class RealTensors : public testing::TestWithParam<const char*> {};

TEST_P(RealTensors, UnpackToGgufsBits) {
  THIMBLE_REAL_MODEL_OR_SKIP(path, GetParam());
  const Gguf gguf = Gguf::open(path);
  const auto expected = expected_sums(GetParam());
  ASSERT_FALSE(expected.empty());
  EXPECT_EQ(gguf.tensors().size(), expected.size());
  for (const GgufTensor& tensor : gguf.tensors()) {
    const auto sums = expected.find(std::string(tensor.name));
    ASSERT_NE(sums, expected.end()) << tensor.name;
    ASSERT_EQ(sums_of(tensor), sums->second) << tensor.name << " " << tensor.type->name;
  }
}

INSTANTIATE_TEST_SUITE_P(Models, RealTensors, testing::Values("smollm2-135m", "qwen2.5-coder-0.5b", "gemma-3-270m"));

}  // namespace
}  // namespace thimble
