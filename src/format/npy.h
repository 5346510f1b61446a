// Writes a float32 array [rows, columns] in NumPy's .npy format, version 1.0, row by row; the file appears whole or not
// at all. Specification: numpy.lib.format.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/atomic_file.h"

namespace thimble {

class NpyWriter {
 public:
  // Throws Error(failed) where `path` cannot be written.
  NpyWriter(const std::string& path, uint64_t rows, uint64_t columns);
  void write_row(std::span<const float> row);  // [columns]
  void commit();                               // after exactly `rows` rows

 private:
  AtomicFile file_;
  uint64_t rows_left_;
  uint64_t columns_;
};

}  // namespace thimble
