#include "format/npy.h"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "support/temp_file.h"

namespace thimble {
namespace {

TEST(Npy, HasNumpysHeaderAndTheRows) {
  const test::TempFolder folder;
  NpyWriter writer(folder / "a.npy", 2, 3);
  const std::vector<float> rows = {1.0f, -2.0f, 0.5f, 4.0f, 5.0f, 6.0f};
  writer.write_row(std::span(rows).first(3));
  writer.write_row(std::span(rows).last(3));
  writer.commit();
  const std::string file = test::read_file(folder / "a.npy");
  ASSERT_EQ(file.size() % 64, rows.size() * sizeof(float));
  EXPECT_EQ(file.substr(0, 8), std::string("\x93NUMPY\x01\x00", 8));
  const size_t header = static_cast<uint8_t>(file[8]) + 256u * static_cast<uint8_t>(file[9]);
  EXPECT_EQ(header + 10, file.size() - rows.size() * sizeof(float));
  const std::string dictionary = file.substr(10, header);
  EXPECT_EQ(dictionary.rfind("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", 0), 0u);
  EXPECT_EQ(dictionary.back(), '\n');
  EXPECT_EQ(std::memcmp(file.data() + 10 + header, rows.data(), rows.size() * sizeof(float)), 0);
}

TEST(Npy, AnUnfinishedArrayLeavesNoFile) {
  const test::TempFolder folder;
  {
    NpyWriter writer(folder / "a.npy", 2, 1);
    const float value = 1.0f;
    writer.write_row({&value, 1});
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

}  // namespace
}  // namespace thimble
