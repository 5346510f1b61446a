// The fields of an encoded Protocol Buffers message, one after the other, without its schema. Specification:
// protobuf.dev/programming-guides/encoding. Groups, which no one writes any more, are refused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace thimble {

enum class WireType : uint8_t { varint = 0, fixed64 = 1, length_delimited = 2, fixed32 = 5 };

struct ProtobufField {
  uint32_t number;
  WireType type;
  uint64_t integer;        // of a varint or fixed field, its bits
  std::string_view bytes;  // of a length-delimited field, inside the message

  float as_float() const;  // of fixed32
};

class ProtobufReader {
 public:
  // `name` stands for the file in messages and must outlive the reader, as the message must.
  ProtobufReader(std::string_view message, const std::string& name) : message_(message), name_(name) {}

  // nullopt at the end. Throws Error(bad_file) naming the file and the byte within the message: a field that reaches beyond the
  // message, a number of more than 10 bytes or 64 bits, a field numbered 0, an unknown wire type.
  std::optional<ProtobufField> next();

 private:
  uint64_t varint();
  uint64_t fixed(size_t bytes);
  [[noreturn]] void refuse(std::string_view fault) const;

  std::string_view message_;
  const std::string& name_;
  size_t at_ = 0;
};

}  // namespace thimble
