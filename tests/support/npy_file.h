// Reads what the scripts under tests/oracle write with numpy.save: float32, format version 1.
#pragma once

#include <cstring>
#include <string>
#include <vector>

#include "support/temp_file.h"

namespace thimble::test {

inline std::vector<float> read_npy(const std::string& path) {
  const std::string bytes = read_file(path);
  const size_t header = 10 + static_cast<uint8_t>(bytes[8]) + 256u * static_cast<uint8_t>(bytes[9]);
  std::vector<float> values((bytes.size() - header) / sizeof(float));
  std::memcpy(values.data(), bytes.data() + header, values.size() * sizeof(float));
  return values;
}

}  // namespace thimble::test
