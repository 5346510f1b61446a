#include "compress/tensor_rows.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/error.h"
#include "format/gguf_writer.h"
#include "kernels/kernels.h"
#include "support/temp_file.h"

namespace thimble {
namespace {

constexpr uint64_t kColumns = 4096, kRows = 64;

void write(const std::string& path, float special) {
  GgufWriter writer(path);
  const uint64_t shape[] = {kColumns, kRows};
  writer.add_tensor("weights", shape, NumberType::F32);
  std::vector<float> values(kColumns * kRows);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  values[17 * kColumns + 5] = special;
  writer.write_data(std::as_bytes(std::span(values)));
  writer.commit();
}

TEST(TensorRows, AreTheSameAfterTheirPagesWereForgotten) {
  const test::TempFolder folder;
  const std::string path = folder / "rows.gguf";
  write(path, 1);
  const Gguf gguf = Gguf::open(path);
  const GgufTensor& tensor = *gguf.find_tensor("weights");
  std::vector<float> rows(3 * kColumns);
  for (int time = 0; time < 2; ++time) {
    read_rows(gguf, tensor, 30, 3, rows.data());
    for (size_t i = 0; i < rows.size(); ++i) ASSERT_EQ(rows[i], static_cast<float>(30 * kColumns + i));
    std::fill(rows.begin(), rows.end(), -1.0f);
    forget_rows(gguf, tensor, 0, kRows);
  }
}

TEST(TensorRows, NameTheValueThatIsNoNumber) {
  for (const float special : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    const test::TempFolder folder;
    const std::string path = folder / "rows.gguf";
    write(path, special);
    const Gguf gguf = Gguf::open(path);
    std::vector<float> rows(4 * kColumns);
    try {
      read_rows(gguf, *gguf.find_tensor("weights"), 16, 4, rows.data());
      FAIL() << "was read";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::bad_file);
      EXPECT_NE(std::string(error.what()).find("weights: row 17, value 5"), std::string::npos) << error.what();
    }
  }
}

TEST(TensorRows, KernelsReadHalvesToTheSameFloats) {
  const test::TempFolder folder;
  const std::string path = folder / "halves.gguf";
  GgufWriter writer(path);
  const uint64_t shape[] = {37, 31};  // no multiple of anything
  std::vector<uint16_t> bits(37 * 31);
  for (size_t i = 0; i < bits.size(); ++i) bits[i] = static_cast<uint16_t>(i * 53 % 0x7c00 | (i % 2) << 15);
  for (const NumberType type : {NumberType::F16, NumberType::BF16})
    writer.add_tensor(type_info(type).name, shape, type);
  for (int time = 0; time < 2; ++time) writer.write_data(std::as_bytes(std::span(bits)));
  writer.commit();
  const Gguf gguf = Gguf::open(path);
  for (const Kernels* kernels : available_kernels()) {
    for (const GgufTensor& tensor : gguf.tensors()) {
      std::vector<float> plain(bits.size()), fast(bits.size());
      read_rows(gguf, tensor, 0, 31, plain.data());
      read_rows(gguf, tensor, 0, 31, fast.data(), kernels);
      EXPECT_EQ(plain, fast) << kernels->isa << " " << tensor.name;
    }
  }
}

}  // namespace
}  // namespace thimble
