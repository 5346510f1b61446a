// Safetensors, read from a mapping and written in a stream. Every length, offset, type and shape is checked before use.
// Specification: https://github.com/huggingface/safetensors, "Format": eight bytes with the header's length, the header as JSON
// (name to dtype, shape, data_offsets; "__metadata__" to strings), then the tensors' bytes without gaps.
#pragma once

#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/atomic_file.h"
#include "base/mapped_file.h"

namespace thimble {

enum class SafetensorsType : uint8_t {
  BOOL,
  U8,
  I8,
  F8_E5M2,
  F8_E4M3,
  I16,
  U16,
  F16,
  BF16,
  I32,
  U32,
  F32,
  F64,
  I64,
  U64
};

std::string_view name_of(SafetensorsType type);  // as in the files
size_t bytes_of(SafetensorsType type);           // of one value
// The types that unpack_values takes.
bool is_float(SafetensorsType type);
// `count` values of F16, BF16, F32 or F64 at `in` (no alignment needed) as floats, F64 rounded.
void unpack_values(SafetensorsType type, const std::byte* in, float* out, size_t count);

struct SafetensorsTensor {
  std::string name;
  SafetensorsType type;
  std::vector<uint64_t> shape;      // the contiguous axis last, as in the file; empty for a scalar
  std::span<const std::byte> data;  // inside the mapping
  uint64_t elements() const;
  std::string shape_text() const;  // "[4096, 512]"
};

class Safetensors {
 public:
  // Reads the header only. Throws Error(bad_file) naming the file, the tensor and the fault.
  static Safetensors open(const std::string& path);

  const std::string& path() const { return file_.path(); }
  const MappedFile& file() const { return file_; }
  std::span<const SafetensorsTensor> tensors() const { return tensors_; }  // in the order of their data
  const SafetensorsTensor* find(std::string_view name) const;              // nullptr where absent
  const std::map<std::string, std::string>& metadata() const { return metadata_; }

 private:
  explicit Safetensors(MappedFile file) : file_(std::move(file)) {}
  void add(const std::string& name, const nlohmann::json& entry, std::span<const std::byte> data);
  void check_layout(std::span<const std::byte> data);

  MappedFile file_;
  std::vector<SafetensorsTensor> tensors_;
  std::map<std::string, size_t, std::less<>> by_name_;
  std::map<std::string, std::string> metadata_;
};

// The files' bytes begin so: eight bytes that are a length within `file_bytes`, then "{".
bool looks_like_safetensors(std::span<const std::byte> begin, uint64_t file_bytes);

// A file that appears whole or not at all: first the names, then the tensors' bytes in the same order.
class SafetensorsWriter {
 public:
  // Throws Error(failed) where `path` cannot be written; the file is there after commit().
  explicit SafetensorsWriter(const std::string& path) : file_(path) {}

  void set_metadata(std::string_view key, std::string_view text) { metadata_[std::string(key)] = text; }
  void add_tensor(std::string_view name, SafetensorsType type, std::span<const uint64_t> shape);
  // The next bytes of the tensors in the order of their declaration, in pieces of any size.
  void write_data(std::span<const std::byte> bytes);
  // Throws Error(failed) where the disk does not take it all. Every declared tensor must have been written in full.
  void commit();

 private:
  void write_header();

  AtomicFile file_;
  nlohmann::json metadata_ = nlohmann::json::object();
  nlohmann::ordered_json header_ = nlohmann::ordered_json::object();
  uint64_t declared_ = 0;  // bytes
  uint64_t written_ = 0;
  bool header_written_ = false;
};

}  // namespace thimble
