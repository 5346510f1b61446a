#include "format/gguf_writer.h"

#include <bit>
#include <cassert>

#include "base/error.h"
#include "format/gguf_limits.h"

namespace thimble {
namespace {

constexpr uint32_t kDefaultAlignment = 32;

template <class T>
void append(std::string& out, T value) {
  static_assert(std::is_trivially_copyable_v<T>);
  out.append(reinterpret_cast<const char*>(&value), sizeof(T));
}

void append(std::string& out, std::span<const std::byte> bytes) {
  out.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

void append_string(std::string& out, std::string_view text) {
  append<uint64_t>(out, text.size());
  out += text;
}

uint64_t aligned(uint64_t offset, uint64_t alignment) { return (offset + alignment - 1) & ~(alignment - 1); }

}  // namespace

GgufWriter::GgufWriter(const std::string& path, uint32_t alignment) : file_(path), alignment_(alignment) {
  assert(std::has_single_bit(alignment) && alignment >= gguf_limits::kLeastAlignment);
  assert(alignment <= gguf_limits::kLargestAlignment);
  if (alignment != kDefaultAlignment) set("general.alignment", alignment);
}

void GgufWriter::set_encoded(std::string_view key, GgufValueType type, std::span<const std::byte> data) {
  assert(!header_written_);
  if (key.empty() || key.size() > gguf_limits::kKeyBytes) {
    fail(ExitCode::bad_file, "{}: the metadata key '{}' is {} bytes long, expected 1 to {}", printable(file_.path()),
         printable(key), key.size(), gguf_limits::kKeyBytes);
  }
  std::string encoded;
  append(encoded, static_cast<uint32_t>(type));
  append(encoded, data);
  const auto [place, is_new] = values_by_key_.emplace(key, values_.size());
  if (is_new) {
    values_.push_back({std::string(key), std::move(encoded)});
  } else {
    values_[place->second].encoded = std::move(encoded);
  }
}

void GgufWriter::set_array(std::string_view key, GgufValueType element, uint64_t count,
                           std::span<const std::byte> data) {
  std::string encoded;
  append(encoded, static_cast<uint32_t>(element));
  append(encoded, count);
  append(encoded, data);
  set_encoded(key, GgufValueType::ARRAY, std::as_bytes(std::span(encoded)));
}

void GgufWriter::set(std::string_view key, std::string_view text) {
  std::string encoded;
  append_string(encoded, text);
  set_encoded(key, GgufValueType::STRING, std::as_bytes(std::span(encoded)));
}

void GgufWriter::set(std::string_view key, std::span<const std::string_view> texts) {
  std::string encoded;
  for (const std::string_view text : texts) append_string(encoded, text);
  set_array(key, GgufValueType::STRING, texts.size(), std::as_bytes(std::span(encoded)));
}

void GgufWriter::set(const GgufValue& value) {
  // This file's layout is decided here, whatever the other one's was.
  if (value.key == "general.alignment") return;
  if (value.type == GgufValueType::ARRAY) {
    set_array(value.key, value.element, value.count, value.data);
  } else if (value.type == GgufValueType::STRING) {
    set(value.key, std::string_view(reinterpret_cast<const char*>(value.data.data()), value.data.size()));
  } else {
    set_encoded(value.key, value.type, value.data);
  }
}

void GgufWriter::add_tensor(std::string_view name, std::span<const uint64_t> shape, NumberType type) {
  assert(!header_written_);
  const auto refuse = [&](std::string_view fault) {
    fail(ExitCode::bad_file, "{}: the tensor '{}' of shape [{}] cannot be stored as {}: {}", printable(file_.path()),
         printable(name), fmt::join(shape, ", "), type_info(type).name, fault);
  };
  if (name.empty() || name.size() > gguf_limits::kTensorNameBytes) {
    refuse(fmt::format("its name has {} bytes, expected 1 to {}", name.size(), gguf_limits::kTensorNameBytes));
  }
  if (shape.empty() || shape.size() > gguf_limits::kAxes) refuse("it needs 1 to 4 axes");
  const TypeInfo& info = type_info(type);
  if (shape[0] % info.block_size != 0) refuse(fmt::format("its rows are no multiple of {}", info.block_size));
  uint64_t bytes = info.block_bytes;
  bool possible = !__builtin_mul_overflow(bytes, shape[0] / info.block_size, &bytes);
  for (const uint64_t length : shape.subspan(1)) possible = possible && !__builtin_mul_overflow(bytes, length, &bytes);
  if (!possible || bytes == 0) refuse("its size is impossible");
  if (!tensors_by_name_.emplace(name, tensors_.size()).second) refuse("there is one of that name already");
  tensors_.push_back({std::string(name), {shape.begin(), shape.end()}, type, data_bytes_, bytes});
  data_bytes_ = aligned(data_bytes_ + bytes, alignment_);
}

void GgufWriter::pad() {
  const std::string zeros(aligned(file_.position(), alignment_) - file_.position(), '\0');
  file_.write(zeros);
}

std::string GgufWriter::header() const {
  if (values_.size() > gguf_limits::kEntries || tensors_.size() > gguf_limits::kEntries) {
    fail(ExitCode::bad_file, "{}: {} metadata keys and {} tensors, at most {} of each are supported",
         printable(file_.path()), values_.size(), tensors_.size(), gguf_limits::kEntries);
  }
  std::string out = "GGUF";
  append<uint32_t>(out, 3);
  append<uint64_t>(out, tensors_.size());
  append<uint64_t>(out, values_.size());
  for (const Value& value : values_) {
    append_string(out, value.key);
    out += value.encoded;
  }
  for (const Tensor& tensor : tensors_) {
    append_string(out, tensor.name);
    append(out, static_cast<uint32_t>(tensor.shape.size()));
    append(out, std::as_bytes(std::span(tensor.shape)));
    append(out, static_cast<uint32_t>(tensor.type));
    append(out, tensor.offset);
  }
  out.resize(aligned(out.size(), alignment_), '\0');
  return out;
}

void GgufWriter::write_header() {
  file_.write(header());
  header_written_ = true;
}

void GgufWriter::write_data(std::span<const std::byte> bytes) {
  if (!header_written_) write_header();
  assert(current_ < tensors_.size());
  assert(bytes.size() <= tensors_[current_].size - current_bytes_);
  file_.write(bytes);
  current_bytes_ += bytes.size();
  if (current_bytes_ < tensors_[current_].size) return;
  pad();
  ++current_;
  current_bytes_ = 0;
}

void GgufWriter::commit() {
  if (!header_written_) write_header();
  assert(current_ == tensors_.size());
  file_.commit();
}

}  // namespace thimble
