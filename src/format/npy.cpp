#include "format/npy.h"

#include <fmt/format.h>

#include <cassert>

namespace thimble {
namespace {

constexpr size_t kAlignment = 64;  // of the array data, by the format

std::string npy_header(uint64_t rows, uint64_t columns) {
  constexpr size_t kPreamble = 10;  // magic, version, header length
  std::string dictionary =
      fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {}), }}", rows, columns);
  const size_t unpadded = kPreamble + dictionary.size() + 1;
  dictionary.append((kAlignment - unpadded % kAlignment) % kAlignment, ' ');
  dictionary += '\n';
  std::string header = "\x93NUMPY";
  header += {'\x01', '\x00', static_cast<char>(dictionary.size() & 0xff), static_cast<char>(dictionary.size() >> 8)};
  return header + dictionary;
}

}  // namespace

NpyWriter::NpyWriter(const std::string& path, uint64_t rows, uint64_t columns)
    : file_(path), rows_left_(rows), columns_(columns) {
  file_.write(npy_header(rows, columns));
}

void NpyWriter::write_row(std::span<const float> row) {
  assert(rows_left_ > 0 && row.size() == columns_);
  file_.write(std::as_bytes(row));
  --rows_left_;
}

void NpyWriter::commit() {
  assert(rows_left_ == 0);
  file_.commit();
}

}  // namespace thimble
