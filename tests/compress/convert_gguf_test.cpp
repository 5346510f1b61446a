#include <gtest/gtest.h>

#include <filesystem>

#include "base/error.h"
#include "compress/convert.h"
#include "compress/output_type.h"
#include "compress/tensor_rows.h"
#include "support/temp_file.h"
#include "support/tiny_cases.h"

namespace thimble {
namespace {

std::string write_tiny(const test::TempFolder& folder, NumberType type) {
  test::TinyModel tiny;
  tiny.matrix_type = type;
  std::string path = folder / "in.gguf";
  test::write_tiny_model(find_architecture("llama", "test"), tiny, path);
  return path;
}

std::vector<float> values_of(const Gguf& gguf, const GgufTensor& tensor) {
  std::vector<float> values(tensor.elements());
  read_rows(gguf, tensor, 0, tensor.rows(), values.data());
  return values;
}

// To F32 nothing is lost; to the others each value is what the format makes of it.
TEST(ConvertGguf, ValuesAreWhatTheFormatsMakeOfThem) {
  for (const NumberType from : {NumberType::F32, NumberType::Q8_0, NumberType::Q4_0}) {
    const test::TempFolder folder;
    const std::string in = write_tiny(folder, from), out = folder / "out.gguf";
    const Gguf before = Gguf::open(in);
    for (const NumberType to : kOutputTypes) {
      uint64_t done = 0, total = 0;
      ConvertOptions options;
      options.type = to;
      options.report = [&](uint64_t bytes, uint64_t of) {
        EXPECT_GT(bytes, done);
        done = bytes;
        total = of;
      };
      convert_gguf(in, out, options);
      const Gguf after = Gguf::open(out);
      EXPECT_EQ(total, after.file_bytes());
      EXPECT_LE(done, total);
      ASSERT_EQ(after.tensors().size(), before.tensors().size());
      EXPECT_EQ(after.unsigned_integer("general.file_type"), file_type_id(to));
      EXPECT_EQ(after.string("general.name"), before.string("general.name"));
      for (const GgufTensor& tensor : before.tensors()) {
        const GgufTensor* copy = after.find_tensor(tensor.name);
        ASSERT_NE(copy, nullptr);
        EXPECT_EQ(copy->type->type, tensor.axes == 1 ? NumberType::F32 : to) << tensor.name;
        EXPECT_EQ(copy->shape, tensor.shape);
        std::vector<float> expected = values_of(before, tensor);
        const TypeInfo& info = *copy->type;
        std::vector<std::byte> packed(expected.size() / info.block_size * info.block_bytes);
        info.pack(expected.data(), packed.data(), expected.size() / info.block_size);
        EXPECT_TRUE(std::ranges::equal(copy->data, packed)) << tensor.name;
      }
    }
  }
}

TEST(ConvertGguf, StoppingLeavesNoFile) {
  const test::TempFolder folder;
  const std::string in = write_tiny(folder, NumberType::F16), out = folder / "out.gguf";
  ConvertOptions options;
  options.report = [](uint64_t, uint64_t) { fail(ExitCode::interrupted, "stopped"); };
  EXPECT_THROW(convert_gguf(in, out, options), Error);
  EXPECT_FALSE(std::filesystem::exists(out));
}

TEST(OutputType, IsChosenAsLlamaCppDoes) {
  const uint64_t vector[] = {64}, matrix[] = {64, 8}, odd[] = {40, 8};
  EXPECT_EQ(stored_type("blk.0.attn_q.bias", vector, NumberType::F16), NumberType::F32);
  EXPECT_EQ(stored_type("blk.0.attn_q_norm.weight", matrix, NumberType::F16), NumberType::F32);
  EXPECT_EQ(stored_type("position_embd.weight", matrix, NumberType::Q8_0), NumberType::F32);
  EXPECT_EQ(stored_type("token_embd.weight", matrix, NumberType::Q8_0), NumberType::Q8_0);
  EXPECT_EQ(stored_type("blk.0.ffn_up.weight", odd, NumberType::Q8_0), NumberType::F16);
  EXPECT_EQ(stored_type("blk.0.ffn_up.weight", odd, NumberType::BF16), NumberType::BF16);
}

}  // namespace
}  // namespace thimble
