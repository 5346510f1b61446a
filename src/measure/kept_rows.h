// What an evaluation has measured so far, in a file from which a later run of the same evaluation goes on: a magic, the source, the
// bytes of a group, then groups as they were measured (of a chunk, or of a task). A group that was not written in full is dropped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "base/file_handle.h"
#include "format/gguf.h"

namespace thimble {

// What stands for a model's files: sizes, times of change and headers. For telling apart, not against forgery.
uint64_t identity_of(const Gguf& gguf);
uint64_t combine_hashes(uint64_t a, uint64_t b);
uint64_t hash_of(std::span<const std::byte> bytes);

class KeptRows {
 public:
  KeptRows() = default;  // keeps nothing
  // Opens the file or makes it. Where it is of another source or no such file at all, it must be empty or begin with the magic:
  // Error(usage) otherwise, for it is somebody's; then it is begun anew. Throws Error(failed) where it cannot be written.
  KeptRows(std::string path, uint64_t source);

  // The groups that are there already, each of `rows` rows; then no more than `most`. To be called once, before append.
  template <class Row>
  requires std::is_trivially_copyable_v<Row> std::vector<std::vector<Row>> read(size_t rows, size_t most) {
    std::vector<std::vector<Row>> groups(begin(rows * sizeof(Row), most), std::vector<Row>(rows));
    for (std::vector<Row>& group : groups) read_next(std::as_writable_bytes(std::span(group)));
    return groups;
  }
  template <class Row>
  void append(std::span<const Row> rows) {
    write(std::as_bytes(rows));
  }
  void remove();  // when the result is there

 private:
  size_t begin(size_t group_bytes, size_t most);  // how many groups there are
  void read_next(std::span<std::byte> group);
  void write(std::span<const std::byte> bytes);

  std::string path_;
  uint64_t source_ = 0;
  FileHandle file_;
};

}  // namespace thimble
