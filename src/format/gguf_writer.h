// Writes a GGUF version 3 file that appears whole or not at all. First the metadata and the tensors' names, types and
// shapes, then the tensors' data in the same order, streamed in pieces of any size. Specification: ggml, docs/gguf.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <vector>

#include "base/atomic_file.h"
#include "format/gguf.h"
#include "quant/type_list.h"

namespace thimble {

template <class T>
requires std::is_arithmetic_v<T>
constexpr GgufValueType gguf_value_type() {
  using enum GgufValueType;
  if (std::is_same_v<T, bool>) return BOOL;
  if (std::is_floating_point_v<T>) return sizeof(T) == 4 ? FLOAT32 : FLOAT64;
  constexpr bool kSigned = std::is_signed_v<T>;
  switch (sizeof(T)) {
    case 1: return kSigned ? INT8 : UINT8;
    case 2: return kSigned ? INT16 : UINT16;
    case 4: return kSigned ? INT32 : UINT32;
    default: return kSigned ? INT64 : UINT64;
  }
}

class GgufWriter {
 public:
  // Throws Error(failed) where `path` cannot be written; the file is there after commit(). `alignment`: of tensor data,
  // a power of two, at least 8.
  explicit GgufWriter(const std::string& path, uint32_t alignment = 32);

  // Metadata. A key set again is replaced and keeps its place. Keys longer than the reader accepts throw
  // Error(bad_file).
  template <class T>
  requires std::is_arithmetic_v<T>
  void set(std::string_view key, T value) {
    set_encoded(key, gguf_value_type<T>(), std::as_bytes(std::span(&value, 1)));
  }
  template <class T>
  requires std::is_arithmetic_v<T>
  void set(std::string_view key, std::span<const T> values) {
    set_array(key, gguf_value_type<T>(), values.size(), std::as_bytes(values));
  }
  void set(std::string_view key, std::string_view text);
  void set(std::string_view key, const char* text) { set(key, std::string_view(text)); }
  void set(std::string_view key, std::span<const std::string_view> texts);
  void set(const GgufValue& value);  // from another file

  // Declares the next tensor; shape[0] is the contiguous axis, as in GgufTensor. Throws Error(bad_file) for a name,
  // shape or type that the reader would refuse.
  void add_tensor(std::string_view name, std::span<const uint64_t> shape, NumberType type);

  // What the file begins with, up to the tensors' data, and how long it will be: for a look at it before the data is written
  // (Gguf::from_prefix). Throws Error(bad_file) where there is more of it than the reader accepts.
  std::string header() const;
  uint64_t file_bytes() const { return header().size() + data_bytes_; }

  // The next bytes of the tensors in the order of their declaration, packed; pieces may end anywhere inside a tensor,
  // and no piece spans two. Metadata and tensors may not be added any more.
  void write_data(std::span<const std::byte> bytes);

  // Throws Error(failed) where the disk does not take it all. Every declared tensor must have been written in full.
  void commit();

 private:
  struct Value {
    std::string key;
    std::string encoded;  // type and data
  };
  struct Tensor {
    std::string name;
    std::vector<uint64_t> shape;
    NumberType type;
    uint64_t offset;
    uint64_t size;
  };

  void set_encoded(std::string_view key, GgufValueType type, std::span<const std::byte> data);
  void set_array(std::string_view key, GgufValueType element, uint64_t count, std::span<const std::byte> data);
  void write_header();
  void pad();

  AtomicFile file_;
  uint32_t alignment_;
  std::vector<Value> values_;
  std::unordered_map<std::string, size_t> values_by_key_;
  std::vector<Tensor> tensors_;
  std::unordered_map<std::string, size_t> tensors_by_name_;
  uint64_t data_bytes_ = 0;  // of the tensors declared so far, each padded
  bool header_written_ = false;
  size_t current_ = 0;          // the tensor being written
  uint64_t current_bytes_ = 0;  // of it already written
};

}  // namespace thimble
