// GGUF version 2 and 3, read from mappings: one file, or all the parts of a split model. Every length, count, offset, type and
// shape is checked before use, so that what this class hands out can be used without further checks. Specification: ggml,
// docs/gguf.md.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/mapped_file.h"
#include "quant/type_list.h"

namespace thimble {

enum class GgufValueType : uint32_t {
  UINT8 = 0,
  INT8 = 1,
  UINT16 = 2,
  INT16 = 3,
  UINT32 = 4,
  INT32 = 5,
  FLOAT32 = 6,
  BOOL = 7,
  STRING = 8,
  ARRAY = 9,
  UINT64 = 10,
  INT64 = 11,
  FLOAT64 = 12,
};

std::string_view name_of(GgufValueType type);  // as in the specification, such as "UINT32"
size_t bytes_of(GgufValueType type);           // of a scalar; 0 for STRING, ARRAY and unknown types

// A view of one metadata value inside the mapping.
struct GgufValue {
  std::string_view key;
  GgufValueType type;               // ARRAY for arrays
  GgufValueType element;            // of an array; otherwise the same as type
  uint64_t count;                   // elements of an array; otherwise 1
  std::span<const std::byte> data;  // the encoded scalar, string bytes (without length), or array elements
};

struct GgufTensor {
  std::string_view name;
  const TypeInfo* type;
  std::array<uint64_t, 4> shape;    // shape[0] is the contiguous axis, as in the file; unused axes are 1
  uint32_t axes;                    // 1..4
  std::span<const std::byte> data;  // inside the mapping
  uint32_t part = 0;                // the file it lies in, an index into Gguf::files()
  uint64_t rows() const { return shape[1] * shape[2] * shape[3]; }
  uint64_t elements() const { return shape[0] * rows(); }
};

// A string array inside the mapping, read one after the other; begin() may be called again. Valid as long as its Gguf.
class GgufStrings {
 public:
  class Iterator {
   public:
    using value_type = std::string_view;
    using difference_type = std::ptrdiff_t;
    explicit Iterator(const std::byte* at) : at_(at) {}
    std::string_view operator*() const { return {reinterpret_cast<const char*>(at_) + sizeof(uint64_t), length()}; }
    Iterator& operator++() {
      at_ += sizeof(uint64_t) + length();
      return *this;
    }
    Iterator operator++(int) {
      Iterator old = *this;
      ++*this;
      return old;
    }
    bool operator==(const Iterator&) const = default;

   private:
    size_t length() const;
    const std::byte* at_;
  };

  GgufStrings() = default;
  GgufStrings(std::span<const std::byte> data, size_t count) : data_(data), count_(count) {}
  Iterator begin() const { return Iterator(data_.data()); }
  Iterator end() const { return Iterator(data_.data() + data_.size()); }
  size_t size() const { return count_; }
  bool empty() const { return count_ == 0; }

 private:
  std::span<const std::byte> data_;
  size_t count_ = 0;
};

class Gguf {
 public:
  // Reads the header, metadata and tensor table only. A part of a split model (gguf_split.h), whichever it is, opens them all:
  // the metadata is the first part's, the tensors are all parts'. Throws Error(bad_file) naming the file, the place and the
  // fault.
  static Gguf open(const std::string& path);

  // The same of a file of `file_bytes` bytes of which only the beginning is at hand, while it is fetched, say; `name` stands
  // for its path. nullopt where header, metadata and tensor table end behind `prefix`, as far as they can be read. Tensor data
  // behind the prefix reads as zeros.
  static std::optional<Gguf> from_prefix(const std::string& name, std::span<const std::byte> prefix,
                                         uint64_t file_bytes);

  std::span<const MappedFile> files() const { return files_; }  // the first part is first
  const std::string& path() const { return files_.front().path(); }
  uint32_t version() const { return version_; }
  uint64_t file_bytes() const;  // of all parts
  uint64_t alignment() const { return alignment_; }
  uint64_t data_offset() const { return data_offset_; }  // where tensor data begins in the first part
  std::span<const GgufValue> values() const { return values_; }
  std::span<const GgufTensor> tensors() const { return tensors_; }

  const GgufValue* find(std::string_view key) const;  // nullptr where absent
  const GgufTensor* find_tensor(std::string_view name) const;

  // Typed reads: nullopt where the key is absent, Error(bad_file) naming the key where it has another type or is out of
  // range. Integers of any width are read by value when they fit.
  std::optional<uint64_t> unsigned_integer(std::string_view key) const;
  std::optional<int64_t> integer(std::string_view key) const;
  std::optional<double> real(std::string_view key) const;  // finite float32/float64, or an integer
  std::optional<bool> boolean(std::string_view key) const;
  std::optional<std::string_view> string(std::string_view key) const;
  // Arrays, empty where absent. They take up to 8 bytes (strings: 16) for each element of the file's choosing: where an
  // array may be absurdly long, look at find(key)->count first.
  std::vector<std::string_view> strings(std::string_view key) const;
  GgufStrings string_array(std::string_view key) const;       // the same without a copy
  std::vector<int64_t> integers(std::string_view key) const;  // integer or bool elements
  std::vector<float> reals(std::string_view key) const;       // finite

 private:
  friend class GgufParser;
  explicit Gguf(MappedFile file) { files_.push_back(std::move(file)); }
  static Gguf open_file(const std::string& path);  // this file alone, be it a part or not
  void append_part(Gguf&& part);                   // its file and its tensors, which are not indexed yet
  void index_parts();
  const GgufValue* find_array(std::string_view key) const;  // fails where the key is no array
  std::vector<MappedFile> files_;
  uint32_t version_ = 0;
  uint64_t alignment_ = 32;
  uint64_t data_offset_ = 0;
  std::vector<GgufValue> values_;
  std::vector<GgufTensor> tensors_;
  std::vector<uint32_t> values_by_key_;    // sorted
  std::vector<uint32_t> tensors_by_name_;  // sorted
};

}  // namespace thimble
