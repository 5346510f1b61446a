// The metadata of a GGUF file that holds a vocabulary and nothing else.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/utf8.h"
#include "format/gguf.h"

namespace thimble::fuzz {

class VocabularyFile {
 public:
  void text(std::string_view key, std::string_view value) {
    begin(key, GgufValueType::STRING);
    add(value);
  }
  void texts(std::string_view key, const std::vector<std::string>& values) {
    begin_array(key, GgufValueType::STRING, values.size());
    for (const std::string& value : values) add(value);
  }
  template <class T>
  void numbers(std::string_view key, GgufValueType type, const std::vector<T>& values) {
    begin_array(key, type, values.size());
    for (const T value : values) add_raw(value);
  }
  template <class T>
  void number(std::string_view key, GgufValueType type, T value) {
    begin(key, type);
    add_raw(value);
  }
  std::string whole() const {
    VocabularyFile head;
    head.bytes_ = "GGUF";
    head.add_raw(uint32_t{3});
    head.add_raw(uint64_t{0});
    head.add_raw(count_);
    return head.bytes_ + bytes_;
  }

 private:
  template <class T>
  void add_raw(T value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void add(std::string_view value) {
    add_raw(uint64_t{value.size()});
    bytes_ += value;
  }
  void begin(std::string_view key, GgufValueType type) {
    add(key);
    add_raw(type);
    ++count_;
  }
  void begin_array(std::string_view key, GgufValueType element, size_t count) {
    begin(key, GgufValueType::ARRAY);
    add_raw(element);
    add_raw(uint64_t{count});
  }

  std::string bytes_;
  uint64_t count_ = 0;
};

// The characters that stand for the 256 bytes: the printable ones, then U+0100 on.
inline void add_alphabet(std::vector<std::string>& tokens) {
  uint32_t next = 256;
  for (uint32_t byte = 0; byte < 256; ++byte) {
    const bool is_own = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    tokens.emplace_back();
    append_utf8(tokens.back(), is_own ? byte : next++);
  }
}

}  // namespace thimble::fuzz
