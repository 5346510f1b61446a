#include "format/protobuf.h"

#include <bit>

#include "base/error.h"

namespace thimble {

float ProtobufField::as_float() const { return std::bit_cast<float>(static_cast<uint32_t>(integer)); }

void ProtobufReader::refuse(std::string_view fault) const {
  fail(ExitCode::bad_file, "{}: no Protocol Buffers message: byte {} of a message of {}: {}", printable(name_), at_,
       message_.size(), fault);
}

uint64_t ProtobufReader::varint() {
  uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    if (at_ == message_.size()) refuse("a number is cut off");
    const auto byte = static_cast<uint8_t>(message_[at_]);
    if (shift == 63 && byte > 1) refuse("a number of more than 64 bits");
    ++at_;
    value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  refuse("a number of more than 10 bytes");
}

uint64_t ProtobufReader::fixed(size_t bytes) {
  if (message_.size() - at_ < bytes) refuse("a number is cut off");
  uint64_t value = 0;
  for (size_t i = 0; i < bytes; ++i) value |= static_cast<uint64_t>(static_cast<uint8_t>(message_[at_ + i])) << (8 * i);
  at_ += bytes;
  return value;
}

std::optional<ProtobufField> ProtobufReader::next() {
  if (at_ == message_.size()) return std::nullopt;
  const uint64_t tag = varint();
  if (tag >> 3 == 0 || tag >> 3 > 0x1fffffff) refuse("a field's number is out of range");
  ProtobufField field = {static_cast<uint32_t>(tag >> 3), static_cast<WireType>(tag & 7), 0, {}};
  switch (field.type) {
    case WireType::varint: field.integer = varint(); return field;
    case WireType::fixed64: field.integer = fixed(8); return field;
    case WireType::fixed32: field.integer = fixed(4); return field;
    case WireType::length_delimited: {
      const uint64_t length = varint();
      if (length > message_.size() - at_) refuse("a field reaches beyond the message");
      field.bytes = message_.substr(at_, length);
      at_ += length;
      return field;
    }
  }
  refuse("an unknown kind of field");
}

}  // namespace thimble
