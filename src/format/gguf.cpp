#include "format/gguf.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <functional>
#include <numeric>

#include "base/error.h"
#include "format/gguf_limits.h"
#include "format/sniff.h"

namespace thimble {
namespace {

constexpr std::string_view kMagic = "GGUF";
// The least bytes an entry takes: an empty name's length and the fixed fields.
constexpr uint64_t kLeastValueBytes = 8 + 4 + 1;
constexpr uint64_t kLeastTensorBytes = 8 + 4 + 8 + 4 + 8;

bool multiply(uint64_t a, uint64_t b, uint64_t& product) { return !__builtin_mul_overflow(a, b, &product); }

struct ValueTypeInfo {
  std::string_view name;
  size_t bytes;  // of a scalar of fixed size
};

constexpr std::array<ValueTypeInfo, 13> kValueTypes = {{{"UINT8", 1},
                                                        {"INT8", 1},
                                                        {"UINT16", 2},
                                                        {"INT16", 2},
                                                        {"UINT32", 4},
                                                        {"INT32", 4},
                                                        {"FLOAT32", 4},
                                                        {"BOOL", 1},
                                                        {"STRING", 0},
                                                        {"ARRAY", 0},
                                                        {"UINT64", 8},
                                                        {"INT64", 8},
                                                        {"FLOAT64", 8}}};

// Indices of `items` sorted by name; `duplicate` is called with a name that occurs twice.
template <class Item, class Name, class Fail>
std::vector<uint32_t> index_by_name(std::span<const Item> items, Name name, Fail duplicate) {
  std::vector<uint32_t> order(items.size());
  std::iota(order.begin(), order.end(), 0u);
  const auto name_at = [&](uint32_t i) { return std::invoke(name, items[i]); };
  std::ranges::sort(order, {}, name_at);
  const auto twice = std::ranges::adjacent_find(order, {}, name_at);
  if (twice != order.end()) duplicate(name_at(*twice));
  return order;
}

template <class Item, class Name>
const Item* find_by_name(std::span<const Item> items, std::span<const uint32_t> order, Name name,
                         std::string_view wanted) {
  const auto name_at = [&](uint32_t i) { return std::invoke(name, items[i]); };
  const auto found = std::ranges::lower_bound(order, wanted, {}, name_at);
  if (found == order.end() || name_at(*found) != wanted) return nullptr;
  return &items[*found];
}

}  // namespace

std::string_view name_of(GgufValueType type) {
  const auto id = static_cast<uint32_t>(type);
  return id < kValueTypes.size() ? kValueTypes[id].name : "unknown";
}

size_t bytes_of(GgufValueType type) {
  const auto id = static_cast<uint32_t>(type);
  return id < kValueTypes.size() ? kValueTypes[id].bytes : 0;
}

// Walks the bytes before the tensor data once, front to back, and fills a Gguf.
class GgufParser {
 public:
  // Thrown where the parser came to the end of the bytes at hand, which are fewer than the file has.
  struct Incomplete {};

  explicit GgufParser(Gguf& gguf) : GgufParser(gguf, gguf.files_.front().bytes().size()) {}
  GgufParser(Gguf& gguf, uint64_t bytes_at_hand)
      : gguf_(gguf), bytes_(gguf.files_.front().bytes()), bytes_at_hand_(bytes_at_hand) {}

  void parse() {
    read_header();
    for (uint64_t i = 0; i < value_count_; ++i) read_value();
    gguf_.values_by_key_ = index_by_name(std::span<const GgufValue>(gguf_.values_), &GgufValue::key, [&](auto key) {
      refuse("the metadata key '{}' occurs twice", printable(key));
    });
    read_alignment();
    for (uint64_t i = 0; i < tensor_count_; ++i) read_tensor();
    gguf_.tensors_by_name_ = index_by_name(std::span<const GgufTensor>(gguf_.tensors_), &GgufTensor::name,
                                           [&](auto name) { refuse("the tensor '{}' occurs twice", printable(name)); });
    locate_data();
    check_overlaps();
  }

 private:
  template <class... Args>
  [[noreturn]] void refuse(fmt::format_string<Args...> text, Args&&... args) const {
    fail(ExitCode::bad_file, "{}: {}", printable(gguf_.path()), fmt::format(text, std::forward<Args>(args)...));
  }

  uint64_t left() const { return bytes_.size() - at_; }

  std::span<const std::byte> take(uint64_t count, std::string_view what) {
    if (count > left()) {
      refuse("cut short or damaged: {} at byte {} takes {} bytes, {} are left", what, at_, count, left());
    }
    if (at_ > bytes_at_hand_ || count > bytes_at_hand_ - at_) throw Incomplete{};
    const auto taken = bytes_.subspan(at_, count);
    at_ += count;
    return taken;
  }

  template <class T>
  T read(std::string_view what) {
    T value;
    std::memcpy(&value, take(sizeof(T), what).data(), sizeof(T));
    return value;
  }

  std::string_view read_string(std::string_view what, uint64_t limit) {
    const uint64_t begin = at_;
    const auto length = read<uint64_t>(what);
    if (length > limit) refuse("{} at byte {} is {} bytes long, at most {} are allowed", what, begin, length, limit);
    const auto text = take(length, what);
    return {reinterpret_cast<const char*>(text.data()), text.size()};
  }

  uint64_t read_count(std::string_view what, uint64_t least_bytes) {
    const auto count = read<uint64_t>(what);
    if (count > gguf_limits::kEntries)
      refuse("the header claims {} {}, at most {} are supported", count, what, gguf_limits::kEntries);
    if (count > left() / least_bytes) refuse("cut short or damaged: {} {} do not fit in {} bytes", count, what, left());
    return count;
  }

  void read_header() {
    const size_t magic_bytes = std::min<size_t>(kMagic.size(), bytes_at_hand_);
    if (std::memcmp(bytes_.data(), kMagic.data(), magic_bytes) != 0) {
      const std::string_view found = recognise_foreign_file(bytes_);
      if (!found.empty()) refuse("expected a GGUF file, found {}", found);
      const std::string_view begin(reinterpret_cast<const char*>(bytes_.data()), magic_bytes);
      refuse("expected a GGUF file, but it begins with '{}' instead of 'GGUF'", printable(begin));
    }
    take(kMagic.size(), "the magic");
    gguf_.version_ = read<uint32_t>("the version");
    const uint32_t swapped = __builtin_bswap32(gguf_.version_);
    if (swapped == 2 || swapped == 3) refuse("a big-endian GGUF file; only little-endian ones are supported");
    if (gguf_.version_ != 2 && gguf_.version_ != 3) {
      refuse("GGUF version {}; versions 2 and 3 are supported, convert the model again", gguf_.version_);
    }
    tensor_count_ = read_count("tensors", kLeastTensorBytes);
    value_count_ = read_count("metadata keys", kLeastValueBytes);
  }

  GgufValueType read_value_type(std::string_view key) {
    const auto id = read<uint32_t>("a metadata type");
    if (id >= kValueTypes.size()) refuse("the metadata key '{}' has the unknown type {}", printable(key), id);
    return static_cast<GgufValueType>(id);
  }

  void read_value() {
    GgufValue value = {};
    value.key = read_string("a metadata key", gguf_limits::kKeyBytes);
    if (value.key.empty()) refuse("a metadata key before byte {} is empty", at_);
    value.type = read_value_type(value.key);
    value.element = value.type;
    value.count = 1;
    if (value.type == GgufValueType::ARRAY) {
      value.element = read_value_type(value.key);
      if (value.element == GgufValueType::ARRAY)
        refuse("the metadata key '{}' is an array of arrays", printable(value.key));
      value.count = read<uint64_t>("an array's length");
    }
    value.data = value.element == GgufValueType::STRING ? read_string_data(value) : read_fixed_data(value);
    gguf_.values_.push_back(value);
  }

  std::span<const std::byte> read_fixed_data(const GgufValue& value) {
    uint64_t size = 0;
    if (!multiply(value.count, bytes_of(value.element), size) || size > left()) {
      refuse("cut short or damaged: the metadata key '{}' claims {} elements, {} bytes are left", printable(value.key),
             value.count, left());
    }
    const auto data = take(size, "metadata");
    const auto is_bool = [](std::byte b) { return b == std::byte{0} || b == std::byte{1}; };
    if (value.element == GgufValueType::BOOL && !std::ranges::all_of(data, is_bool)) {
      refuse("the metadata key '{}' holds a bool that is neither 0 nor 1", printable(value.key));
    }
    return data;
  }

  std::span<const std::byte> read_string_data(const GgufValue& value) {
    if (value.count > left() / sizeof(uint64_t)) {
      refuse("cut short or damaged: the metadata key '{}' claims {} strings, {} bytes are left", printable(value.key),
             value.count, left());
    }
    const uint64_t begin = at_;
    for (uint64_t i = 0; i < value.count; ++i) {
      const auto length = read<uint64_t>("a string's length");
      if (length > left()) {
        refuse("cut short or damaged: string {} of the metadata key '{}' claims {} bytes, {} are left", i,
               printable(value.key), length, left());
      }
      at_ += length;
    }
    const bool is_array = value.type == GgufValueType::ARRAY;
    return bytes_.subspan(begin, at_ - begin).subspan(is_array ? 0 : sizeof(uint64_t));
  }

  void read_alignment() {
    const GgufValue* value = gguf_.find("general.alignment");
    if (value == nullptr) return;
    if (value->type != GgufValueType::UINT32) {
      refuse("general.alignment is {}, expected UINT32", name_of(value->type));
    }
    gguf_.alignment_ = *gguf_.unsigned_integer("general.alignment");
    if (!std::has_single_bit(gguf_.alignment_) || gguf_.alignment_ < gguf_limits::kLeastAlignment ||
        gguf_.alignment_ > gguf_limits::kLargestAlignment) {
      refuse("general.alignment is {}, expected a power of two from {} to {}", gguf_.alignment_,
             gguf_limits::kLeastAlignment, gguf_limits::kLargestAlignment);
    }
  }

  void read_tensor() {
    GgufTensor tensor = {};
    tensor.name = read_string("a tensor's name", gguf_limits::kTensorNameBytes);
    if (tensor.name.empty()) refuse("a tensor's name before byte {} is empty", at_);
    tensor.axes = read<uint32_t>("a tensor's number of axes");
    if (tensor.axes < 1 || tensor.axes > gguf_limits::kAxes) {
      refuse("the tensor '{}' has {} axes, expected 1 to {}", printable(tensor.name), tensor.axes, gguf_limits::kAxes);
    }
    tensor.shape.fill(1);
    for (uint32_t axis = 0; axis < tensor.axes; ++axis) tensor.shape[axis] = read<uint64_t>("a tensor's shape");
    const auto type_id = read<uint32_t>("a tensor's type");
    tensor.type = find_type(type_id);
    if (tensor.type == nullptr) {
      refuse("the tensor '{}' has the number format {}, which is not supported", printable(tensor.name), type_id);
    }
    const uint64_t size = checked_size(tensor);
    const auto offset = read<uint64_t>("a tensor's offset");
    if (offset % gguf_.alignment_ != 0) {
      refuse("the tensor '{}' begins at offset {}, expected a multiple of {}", printable(tensor.name), offset,
             gguf_.alignment_);
    }
    gguf_.tensors_.push_back(tensor);
    places_.push_back({offset, size, static_cast<uint32_t>(gguf_.tensors_.size() - 1)});
  }

  // The bytes of the tensor's data, after its shape is known to make sense.
  uint64_t checked_size(const GgufTensor& tensor) const {
    uint64_t elements = 1;
    for (const uint64_t length : tensor.shape) {
      if (length == 0 || !multiply(elements, length, elements)) {
        refuse("the tensor '{}' has the impossible shape [{}]", printable(tensor.name), fmt::join(tensor.shape, ", "));
      }
    }
    if (tensor.shape[0] % tensor.type->block_size != 0) {
      refuse("the tensor '{}' has rows of {} weights, {} needs a multiple of {}", printable(tensor.name),
             tensor.shape[0], tensor.type->name, tensor.type->block_size);
    }
    uint64_t size = 0;
    if (!multiply(elements / tensor.type->block_size, tensor.type->block_bytes, size)) {
      refuse("the tensor '{}' has the impossible shape [{}]", printable(tensor.name), fmt::join(tensor.shape, ", "));
    }
    return size;
  }

  void locate_data() {
    const uint64_t padded = (at_ + gguf_.alignment_ - 1) & ~(gguf_.alignment_ - 1);
    // A file of metadata only may end without the padding.
    gguf_.data_offset_ = std::min<uint64_t>(padded, bytes_.size());
    const uint64_t available = bytes_.size() - gguf_.data_offset_;
    for (const Place& place : places_) {
      GgufTensor& tensor = gguf_.tensors_[place.tensor];
      if (place.offset > available || place.size > available - place.offset) {
        refuse(
            "cut short or damaged: the tensor '{}' takes {} bytes at offset {}, the file has {} bytes of tensor data",
            printable(tensor.name), place.size, place.offset, available);
      }
      tensor.data = bytes_.subspan(gguf_.data_offset_ + place.offset, place.size);
    }
  }

  void check_overlaps() {
    std::ranges::sort(places_, {}, &Place::offset);
    for (size_t i = 1; i < places_.size(); ++i) {
      if (places_[i].offset - places_[i - 1].offset >= places_[i - 1].size) continue;
      refuse("the tensors '{}' and '{}' overlap", printable(gguf_.tensors_[places_[i - 1].tensor].name),
             printable(gguf_.tensors_[places_[i].tensor].name));
    }
  }

  struct Place {
    uint64_t offset;  // from the beginning of the tensor data
    uint64_t size;
    uint32_t tensor;
  };

  Gguf& gguf_;
  std::span<const std::byte> bytes_;
  uint64_t bytes_at_hand_;
  uint64_t at_ = 0;
  uint64_t tensor_count_ = 0;
  uint64_t value_count_ = 0;
  std::vector<Place> places_;
};

Gguf Gguf::open_file(const std::string& path) {
  Gguf gguf(MappedFile::open(path));
  GgufParser(gguf).parse();
  return gguf;
}

void Gguf::append_part(Gguf&& part) {
  if (tensors_.size() + part.tensors_.size() > gguf_limits::kEntries) {
    fail(ExitCode::bad_file, "{}: the parts up to this one hold {} tensors, at most {} are supported",
         printable(part.path()), tensors_.size() + part.tensors_.size(), gguf_limits::kEntries);
  }
  for (GgufTensor& tensor : part.tensors_) {
    tensor.part = static_cast<uint32_t>(files_.size());
    tensors_.push_back(tensor);
  }
  files_.push_back(std::move(part.files_.front()));
}

void Gguf::index_parts() {
  tensors_by_name_ =
      index_by_name(std::span<const GgufTensor>(tensors_), &GgufTensor::name, [&](std::string_view name) {
        fail(ExitCode::bad_file, "{}: the tensor '{}' is in two parts of this split model: fetch the parts again",
             printable(path()), printable(name));
      });
}

uint64_t Gguf::file_bytes() const {
  uint64_t bytes = 0;
  for (const MappedFile& file : files_) bytes += file.bytes().size();
  return bytes;
}

std::optional<Gguf> Gguf::from_prefix(const std::string& name, std::span<const std::byte> prefix, uint64_t file_bytes) {
  Gguf gguf(MappedFile::from_prefix(name, prefix, file_bytes));
  try {
    GgufParser(gguf, prefix.size()).parse();
  } catch (const GgufParser::Incomplete&) {
    return std::nullopt;
  }
  return gguf;
}

const GgufValue* Gguf::find(std::string_view key) const {
  return find_by_name(values(), values_by_key_, &GgufValue::key, key);
}

const GgufTensor* Gguf::find_tensor(std::string_view name) const {
  return find_by_name(tensors(), tensors_by_name_, &GgufTensor::name, name);
}

}  // namespace thimble
