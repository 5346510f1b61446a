// Builds small GGUF files in memory, right or deliberately wrong: every field can be overruled.
//   TinyGguf().add("general.architecture", "llama").add("llama.block_count", 2u).tensor("w", {4, 2},
//   std::vector<float>(8))
//       .write(folder / "model.gguf");
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "format/gguf_writer.h"
#include "quant/type_list.h"
#include "support/temp_file.h"

namespace thimble::test {

template <class T>
void append_bytes(std::string& out, const T& value) {
  static_assert(std::is_trivially_copyable_v<T>);
  out.append(reinterpret_cast<const char*>(&value), sizeof(T));
}

inline std::string encoded_string(std::string_view text) {
  std::string out;
  append_bytes(out, static_cast<uint64_t>(text.size()));
  return out.append(text);
}

class TinyGguf {
 public:
  // Adds or, where the key is there already, replaces a value.
  template <class T>
  requires std::is_arithmetic_v<T> TinyGguf& add(std::string_view key, T value) {
    std::string data;
    append_bytes(data, value);
    return add_raw(key, static_cast<uint32_t>(gguf_value_type<T>()), data);
  }
  TinyGguf& add(std::string_view key, std::string_view text) {
    return add_raw(key, static_cast<uint32_t>(GgufValueType::STRING), encoded_string(text));
  }
  TinyGguf& add(std::string_view key, const char* text) { return add(key, std::string_view(text)); }
  TinyGguf& add(std::string_view key, const std::vector<std::string>& texts) {
    std::string data = array_head(GgufValueType::STRING, texts.size());
    for (const std::string& text : texts) data += encoded_string(text);
    return add_raw(key, static_cast<uint32_t>(GgufValueType::ARRAY), data);
  }
  template <class T>
  requires std::is_arithmetic_v<T> TinyGguf& add(std::string_view key, const std::vector<T>& values) {
    std::string data = array_head(gguf_value_type<T>(), values.size());
    for (const T value : values) append_bytes(data, value);
    return add_raw(key, static_cast<uint32_t>(GgufValueType::ARRAY), data);
  }
  // `data` is everything after the type.
  TinyGguf& add_raw(std::string_view key, uint32_t type, std::string_view data) {
    remove(key);
    values_.push_back({std::string(key), type, std::string(data)});
    return *this;
  }
  // The same without replacing: for duplicate keys.
  TinyGguf& add_again(std::string_view key, uint32_t type, std::string_view data) {
    values_.push_back({std::string(key), type, std::string(data)});
    return *this;
  }
  TinyGguf& remove(std::string_view key) {
    std::erase_if(values_, [&](const Value& value) { return value.key == key; });
    return *this;
  }

  // shape[0] is the contiguous axis. Data of the type's packed form.
  TinyGguf& tensor(std::string_view name, std::vector<uint64_t> shape, NumberType type, std::string_view data) {
    tensors_.push_back({std::string(name), std::move(shape), static_cast<uint32_t>(type), std::string(data), {}});
    return *this;
  }
  // The same from floats, packed as `type`; their number must be the product of the shape.
  TinyGguf& tensor(std::string_view name, std::vector<uint64_t> shape, std::span<const float> values,
                   NumberType type = NumberType::F32) {
    const TypeInfo& info = type_info(type);
    std::string data(row_bytes(type, values.size()), '\0');
    info.pack(values.data(), reinterpret_cast<std::byte*>(data.data()), values.size() / info.block_size);
    return tensor(name, std::move(shape), type, data);
  }
  TinyGguf& remove_tensor(std::string_view name) {
    std::erase_if(tensors_, [&](const Tensor& tensor) { return tensor.name == name; });
    return *this;
  }

  // What the file claims, in place of the truth.
  TinyGguf& claim_magic(std::string_view magic) {
    magic_ = magic;
    return *this;
  }
  TinyGguf& claim_version(uint32_t version) {
    version_ = version;
    return *this;
  }
  TinyGguf& claim_tensor_count(uint64_t count) {
    tensor_count_ = count;
    return *this;
  }
  TinyGguf& claim_value_count(uint64_t count) {
    value_count_ = count;
    return *this;
  }
  TinyGguf& claim_type(std::string_view tensor_name, uint32_t type_id) {
    find(tensor_name).type = type_id;
    return *this;
  }
  TinyGguf& claim_offset(std::string_view tensor_name, uint64_t offset) {
    find(tensor_name).offset = offset;
    return *this;
  }
  TinyGguf& align(uint64_t alignment) {
    alignment_ = alignment;
    return *this;
  }  // of the layout; says nothing in the metadata

  std::string bytes() const {
    std::string out = magic_;
    append_bytes(out, version_);
    append_bytes(out, tensor_count_.value_or(tensors_.size()));
    append_bytes(out, value_count_.value_or(values_.size()));
    for (const Value& value : values_) {
      out += encoded_string(value.key);
      append_bytes(out, value.type);
      out += value.data;
    }
    std::string data;
    for (const Tensor& tensor : tensors_) {
      out += encoded_string(tensor.name);
      append_bytes(out, static_cast<uint32_t>(tensor.shape.size()));
      for (const uint64_t length : tensor.shape) append_bytes(out, length);
      append_bytes(out, tensor.type);
      append_bytes(out, tensor.offset.value_or(data.size()));
      data += tensor.data;
      pad(data);
    }
    if (!tensors_.empty()) pad(out);
    return out + data;
  }

  std::string write(const std::string& path) const {
    write_file(path, bytes());
    return path;
  }

 private:
  struct Value {
    std::string key;
    uint32_t type;
    std::string data;
  };
  struct Tensor {
    std::string name;
    std::vector<uint64_t> shape;
    uint32_t type;
    std::string data;
    std::optional<uint64_t> offset;
  };

  static std::string array_head(GgufValueType element, uint64_t count) {
    std::string out;
    append_bytes(out, static_cast<uint32_t>(element));
    append_bytes(out, count);
    return out;
  }
  Tensor& find(std::string_view name) {
    for (Tensor& tensor : tensors_) {
      if (tensor.name == name) return tensor;
    }
    throw std::runtime_error("TinyGguf: no tensor " + std::string(name));
  }
  void pad(std::string& out) const { out.resize((out.size() + alignment_ - 1) / alignment_ * alignment_); }

  std::string magic_ = "GGUF";
  uint32_t version_ = 3;
  uint64_t alignment_ = 32;
  std::optional<uint64_t> tensor_count_;
  std::optional<uint64_t> value_count_;
  std::vector<Value> values_;
  std::vector<Tensor> tensors_;
};

}  // namespace thimble::test
