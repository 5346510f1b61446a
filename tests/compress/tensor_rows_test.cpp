#include "compress/tensor_rows.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/error.h"
#include "format/gguf_writer.h"
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

}  // namespace
}  // namespace thimble
