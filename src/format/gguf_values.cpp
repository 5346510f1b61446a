// The typed reads of Gguf: values by meaning, whatever the width they are stored in.
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "base/error.h"
#include "format/gguf.h"

namespace thimble {
namespace {

using enum GgufValueType;

template <class T>
T load(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof(T));
  return value;
}

// An integer of any width and sign: the 64 bits and whether they mean a negative number.
struct AnyInteger {
  uint64_t bits;
  bool negative;
};

template <class T>
AnyInteger widen(const std::byte* at) {
  const T value = load<T>(at);
  if constexpr (std::is_signed_v<T>) return {static_cast<uint64_t>(static_cast<int64_t>(value)), value < 0};
  return {static_cast<uint64_t>(value), false};
}

std::optional<AnyInteger> load_integer(GgufValueType type, const std::byte* at) {
  switch (type) {
    case UINT8: return widen<uint8_t>(at);
    case INT8: return widen<int8_t>(at);
    case UINT16: return widen<uint16_t>(at);
    case INT16: return widen<int16_t>(at);
    case UINT32: return widen<uint32_t>(at);
    case INT32: return widen<int32_t>(at);
    case UINT64: return widen<uint64_t>(at);
    case INT64: return widen<int64_t>(at);
    default: return std::nullopt;
  }
}

std::optional<double> load_real(GgufValueType type, const std::byte* at) {
  if (type == FLOAT32) return load<float>(at);
  if (type == FLOAT64) return load<double>(at);
  const auto integer = load_integer(type, at);
  if (!integer) return std::nullopt;
  return integer->negative ? static_cast<double>(static_cast<int64_t>(integer->bits))
                           : static_cast<double>(integer->bits);
}

bool fits_int64(AnyInteger value) {
  return value.negative || value.bits <= static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
}

std::string describe(const GgufValue& value) {
  if (value.type != ARRAY) return std::string(name_of(value.type));
  return fmt::format("an array of {}", name_of(value.element));
}

[[noreturn]] void refuse_type(const Gguf& gguf, const GgufValue& value, std::string_view expected) {
  fail(ExitCode::bad_file, "{}: {} is {}, expected {}", printable(gguf.path()), printable(value.key), describe(value),
       expected);
}

[[noreturn]] void refuse_range(const Gguf& gguf, const GgufValue& value, std::string_view expected) {
  fail(ExitCode::bad_file, "{}: {} is out of range, expected {}", printable(gguf.path()), printable(value.key),
       expected);
}

AnyInteger integer_of(const Gguf& gguf, const GgufValue& value) {
  const auto integer = load_integer(value.type, value.data.data());
  if (!integer) refuse_type(gguf, value, "an integer");
  return *integer;
}

}  // namespace

std::optional<uint64_t> Gguf::unsigned_integer(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return std::nullopt;
  const AnyInteger integer = integer_of(*this, *value);
  if (integer.negative) refuse_range(*this, *value, "no negative number");
  return integer.bits;
}

std::optional<int64_t> Gguf::integer(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return std::nullopt;
  const AnyInteger integer = integer_of(*this, *value);
  if (!fits_int64(integer)) refuse_range(*this, *value, "a signed 64-bit integer");
  return static_cast<int64_t>(integer.bits);
}

std::optional<double> Gguf::real(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return std::nullopt;
  const auto number = load_real(value->type, value->data.data());
  if (!number) refuse_type(*this, *value, "a number");
  if (!std::isfinite(*number)) refuse_range(*this, *value, "a finite number");
  return number;
}

std::optional<bool> Gguf::boolean(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (value->type != BOOL) refuse_type(*this, *value, "BOOL");
  return value->data[0] != std::byte{0};
}

std::optional<std::string_view> Gguf::string(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (value->type != STRING) refuse_type(*this, *value, "STRING");
  return std::string_view(reinterpret_cast<const char*>(value->data.data()), value->data.size());
}

const GgufValue* Gguf::find_array(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value != nullptr && value->type != ARRAY) refuse_type(*this, *value, "an array");
  return value;
}

size_t GgufStrings::Iterator::length() const { return load<uint64_t>(at_); }

GgufStrings Gguf::string_array(std::string_view key) const {
  const GgufValue* value = find_array(key);
  if (value == nullptr) return {};
  if (value->element != STRING) refuse_type(*this, *value, "an array of STRING");
  return {value->data, value->count};
}

std::vector<std::string_view> Gguf::strings(std::string_view key) const {
  const GgufStrings array = string_array(key);
  std::vector<std::string_view> out;
  out.reserve(array.size());
  for (const std::string_view text : array) out.push_back(text);
  return out;
}

std::vector<int64_t> Gguf::integers(std::string_view key) const {
  const GgufValue* value = find_array(key);
  if (value == nullptr) return {};
  std::vector<int64_t> out;
  out.reserve(value->count);
  const GgufValueType type = value->element == BOOL ? UINT8 : value->element;
  for (uint64_t i = 0; i < value->count; ++i) {
    const auto integer = load_integer(type, value->data.data() + i * bytes_of(type));
    if (!integer) refuse_type(*this, *value, "an array of integers");
    if (!fits_int64(*integer)) refuse_range(*this, *value, "signed 64-bit integers");
    out.push_back(static_cast<int64_t>(integer->bits));
  }
  return out;
}

std::vector<float> Gguf::reals(std::string_view key) const {
  const GgufValue* value = find_array(key);
  if (value == nullptr) return {};
  std::vector<float> out;
  out.reserve(value->count);
  for (uint64_t i = 0; i < value->count; ++i) {
    const auto number = load_real(value->element, value->data.data() + i * bytes_of(value->element));
    if (!number) refuse_type(*this, *value, "an array of numbers");
    const float narrowed = static_cast<float>(*number);
    if (!std::isfinite(narrowed)) refuse_range(*this, *value, "finite numbers");
    out.push_back(narrowed);
  }
  return out;
}

}  // namespace thimble
