#include "format/safetensors.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cassert>
#include <cstring>
#include <limits>

#include "base/error.h"
#include "base/half.h"
#include "format/json_text.h"
#include "format/printable_json.h"

namespace thimble {
namespace {

constexpr size_t kLengthBytes = 8;
constexpr uint64_t kMostHeaderBytes = uint64_t{16}
                                      << 20;  // 100,000 tensors; what is made of it takes ten times as much
constexpr size_t kMostAxes = 8;
constexpr size_t kMostNameBytes = 1024;
constexpr size_t kHeaderAlignment = 8;

struct TypeRow {
  SafetensorsType type;
  std::string_view name;
  size_t bytes;
};
constexpr TypeRow kTypes[] = {
    {SafetensorsType::BOOL, "BOOL", 1},       {SafetensorsType::U8, "U8", 1},
    {SafetensorsType::I8, "I8", 1},           {SafetensorsType::F8_E5M2, "F8_E5M2", 1},
    {SafetensorsType::F8_E4M3, "F8_E4M3", 1}, {SafetensorsType::I16, "I16", 2},
    {SafetensorsType::U16, "U16", 2},         {SafetensorsType::F16, "F16", 2},
    {SafetensorsType::BF16, "BF16", 2},       {SafetensorsType::I32, "I32", 4},
    {SafetensorsType::U32, "U32", 4},         {SafetensorsType::F32, "F32", 4},
    {SafetensorsType::F64, "F64", 8},         {SafetensorsType::I64, "I64", 8},
    {SafetensorsType::U64, "U64", 8},
};

const TypeRow& row_of(SafetensorsType type) { return *std::ranges::find(kTypes, type, &TypeRow::type); }

uint64_t header_length(std::span<const std::byte> begin) {
  uint64_t length = 0;
  std::memcpy(&length, begin.data(), kLengthBytes);
  return length;
}

// What is wrong with one entry of the header.
[[noreturn]] void refuse(const std::string& path, std::string_view tensor, const std::string& fault) {
  fail(ExitCode::bad_file, "{}: tensor {}: {}", printable(path), printable(tensor), fault);
}

std::string span_text(uint64_t begin, uint64_t end) { return fmt::format("[{}, {}]", begin, end); }

}  // namespace

std::string_view name_of(SafetensorsType type) { return row_of(type).name; }
size_t bytes_of(SafetensorsType type) { return row_of(type).bytes; }

bool is_float(SafetensorsType type) {
  return type == SafetensorsType::F16 || type == SafetensorsType::BF16 || type == SafetensorsType::F32 ||
         type == SafetensorsType::F64;
}

void unpack_values(SafetensorsType type, const std::byte* in, float* out, size_t count) {
  assert(is_float(type));
  if (count == 0) return;  // there may be nothing to point at
  if (type == SafetensorsType::F32) {
    std::memcpy(out, in, count * sizeof(float));
  } else if (type == SafetensorsType::F64) {
    for (size_t i = 0; i < count; ++i) {
      double value;
      std::memcpy(&value, in + i * sizeof value, sizeof value);
      // What no float holds becomes an infinity, which whoever wants numbers refuses.
      constexpr double kMost = std::numeric_limits<float>::max();
      out[i] = std::abs(value) <= kMost ? static_cast<float>(value) : std::numeric_limits<float>::infinity();
    }
  } else {
    const bool is_half = type == SafetensorsType::F16;
    for (size_t i = 0; i < count; ++i) {
      uint16_t bits;
      std::memcpy(&bits, in + i * sizeof bits, sizeof bits);
      out[i] = is_half ? f16_to_f32(bits) : bf16_to_f32(bits);
    }
  }
}

uint64_t SafetensorsTensor::elements() const { return data.size() / bytes_of(type); }

std::string SafetensorsTensor::shape_text() const { return fmt::format("[{}]", fmt::join(shape, ", ")); }

bool looks_like_safetensors(std::span<const std::byte> begin, uint64_t file_bytes) {
  return begin.size() > kLengthBytes && begin[kLengthBytes] == std::byte{'{'} && file_bytes >= kLengthBytes &&
         header_length(begin) <= file_bytes - kLengthBytes;
}

Safetensors Safetensors::open(const std::string& path) {
  Safetensors result(MappedFile::open(path));
  const std::span<const std::byte> bytes = result.file_.bytes();
  if (bytes.size() < kLengthBytes + 2) {
    fail(ExitCode::bad_file, "{}: {} bytes long; expected a safetensors file", printable(path), bytes.size());
  }
  const uint64_t length = header_length(bytes);
  if (length < 2 || length > kMostHeaderBytes || length > bytes.size() - kLengthBytes) {
    fail(ExitCode::bad_file, "{}: the header's length is {}; expected 2 to {}: the file is cut short or no safetensors",
         printable(path), length, std::min<uint64_t>(kMostHeaderBytes, bytes.size() - kLengthBytes));
  }
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()) + kLengthBytes, length);
  const nlohmann::json header = parse_json(text, path);
  if (!header.is_object()) fail(ExitCode::bad_file, "{}: the header is no JSON object", printable(path));
  for (const auto& [name, entry] : header.items()) {
    if (name != "__metadata__") {
      result.add(name, entry, bytes.subspan(kLengthBytes + length));
      continue;
    }
    if (!entry.is_object()) fail(ExitCode::bad_file, "{}: __metadata__ is no JSON object", printable(path));
    for (const auto& [key, value] : entry.items()) {
      if (value.is_string()) result.metadata_.emplace(key, value.get<std::string>());
    }
  }
  result.check_layout(bytes.subspan(kLengthBytes + length));
  return result;
}

void Safetensors::add(const std::string& name, const nlohmann::json& entry, std::span<const std::byte> data) {
  if (name.empty() || name.size() > kMostNameBytes) {
    refuse(path(), name, fmt::format("its name has {} bytes; expected 1 to {}", name.size(), kMostNameBytes));
  }
  if (!entry.is_object()) refuse(path(), name, "its entry is no JSON object");
  const auto member = [&](const char* key) -> const nlohmann::json& {
    const auto found = entry.find(key);
    if (found == entry.end()) refuse(path(), name, fmt::format("{} is missing", key));
    return *found;
  };
  SafetensorsTensor tensor{.name = name, .type = SafetensorsType::U8, .shape = {}, .data = {}};
  const nlohmann::json& dtype = member("dtype");
  const auto type =
      dtype.is_string() ? std::ranges::find(kTypes, dtype.get<std::string>(), &TypeRow::name) : std::end(kTypes);
  if (type == std::end(kTypes)) refuse(path(), name, fmt::format("dtype {} is not known", printable_json(dtype)));
  tensor.type = type->type;
  const auto numbers = [&](const char* key, size_t most) {
    const nlohmann::json& list = member(key);
    const bool fits = list.is_array() && list.size() <= most &&
                      std::ranges::all_of(list, [](const nlohmann::json& n) { return n.is_number_unsigned(); });
    if (!fits) refuse(path(), name, fmt::format("{} is {}; expected whole numbers", key, printable_json(list)));
    return list.get<std::vector<uint64_t>>();
  };
  tensor.shape = numbers("shape", kMostAxes);
  uint64_t bytes = type->bytes;
  for (const uint64_t length : tensor.shape) {
    if (__builtin_mul_overflow(bytes, length, &bytes)) refuse(path(), name, "its shape is impossible");
  }
  const std::vector<uint64_t> offsets = numbers("data_offsets", 2);
  if (offsets.size() != 2 || offsets[0] > offsets[1] || offsets[1] > data.size()) {
    refuse(path(), name,
           fmt::format("data_offsets is {}; the file holds {} bytes of data", printable_json(member("data_offsets")),
                       data.size()));
  }
  if (offsets[1] - offsets[0] != bytes) {
    refuse(path(), name,
           fmt::format("its shape {} of {} takes {} bytes, data_offsets give {}", tensor.shape_text(), type->name,
                       bytes, offsets[1] - offsets[0]));
  }
  tensor.data = data.subspan(offsets[0], bytes);
  tensors_.push_back(std::move(tensor));
}

// Sorted by their place, each tensor begins where the one before ends.
void Safetensors::check_layout(std::span<const std::byte> data) {
  std::ranges::sort(tensors_, [](const SafetensorsTensor& a, const SafetensorsTensor& b) {
    return a.data.data() != b.data.data() ? a.data.data() < b.data.data() : a.data.size() < b.data.size();
  });
  uint64_t end = 0;
  for (size_t i = 0; i < tensors_.size(); ++i) {
    const SafetensorsTensor& tensor = tensors_[i];
    const auto begin = static_cast<uint64_t>(tensor.data.data() - data.data());
    if (begin != end) {
      refuse(path(), tensor.name,
             fmt::format("data_offsets {} {} {}", span_text(begin, begin + tensor.data.size()),
                         begin < end ? "overlap the tensor before, which ends at" : "leave a gap behind", end));
    }
    end = begin + tensor.data.size();
    by_name_.emplace(tensor.name, i);
  }
  if (end != data.size()) {
    fail(ExitCode::bad_file, "{}: {} bytes of data, of which the header names {}", printable(path()), data.size(), end);
  }
}

const SafetensorsTensor* Safetensors::find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &tensors_[found->second];
}

void SafetensorsWriter::add_tensor(std::string_view name, SafetensorsType type, std::span<const uint64_t> shape) {
  assert(!header_written_);
  uint64_t bytes = bytes_of(type);
  for (const uint64_t length : shape) bytes *= length;
  const bool is_new = header_
                          .emplace(std::string(name),
                                   nlohmann::ordered_json{{"dtype", std::string(name_of(type))},
                                                          {"shape", std::vector<uint64_t>(shape.begin(), shape.end())},
                                                          {"data_offsets", {declared_, declared_ + bytes}}})
                          .second;
  if (!is_new) {
    fail(ExitCode::bad_file, "{}: there are two tensors of the name {}", printable(file_.path()), printable(name));
  }
  declared_ += bytes;
}

void SafetensorsWriter::write_header() {
  header_written_ = true;
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata_.empty()) header["__metadata__"] = metadata_;
  header.update(header_);
  std::string text = header.dump();
  // Spaces behind the header put the data where 8-byte values are aligned.
  text.resize((text.size() + kHeaderAlignment - 1) / kHeaderAlignment * kHeaderAlignment, ' ');
  const uint64_t length = text.size();
  file_.write(std::as_bytes(std::span(&length, 1)));
  file_.write(text);
}

void SafetensorsWriter::write_data(std::span<const std::byte> bytes) {
  if (!header_written_) write_header();
  written_ += bytes.size();
  assert(written_ <= declared_);
  file_.write(bytes);
}

void SafetensorsWriter::commit() {
  if (!header_written_) write_header();
  assert(written_ == declared_);
  file_.commit();
}

}  // namespace thimble
