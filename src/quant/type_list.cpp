#include "quant/type_list.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cmath>
#include <cstring>
#include <string>
#include <type_traits>

#include "base/error.h"
#include "base/half.h"

namespace thimble {
namespace {

static_assert(std::endian::native == std::endian::little,
              "blocks are used as they lie in the file, which is little-endian");

// Blocks are copied out of and into the bytes: tensor data may lie at any address.
template <class Q>
void unpack_blocks(const std::byte* in, float* out, size_t blocks) {
  for (size_t b = 0; b < blocks; ++b) {
    typename Q::Block block;
    std::memcpy(&block, in + b * sizeof(block), sizeof(block));
    Q::unpack(block, out + b * Q::kBlockSize);
  }
}

template <Packable Q>
void pack_weighted(const float* in, const float* importance, const ScaleSearches& searches, std::byte* out,
                   size_t blocks) {
  for (size_t b = 0; b < blocks; ++b) {
    typename Q::Block block;
    const size_t first = b * Q::kBlockSize;
    if constexpr (PackedBySearch<Q>) {
      Q::pack(in + first, importance == nullptr ? nullptr : importance + first, searches, block);
    } else {
      Q::pack(in + first, block);
    }
    std::memcpy(out + b * sizeof(block), &block, sizeof(block));
  }
}

template <Packable Q>
void pack_blocks(const float* in, std::byte* out, size_t blocks) {
  pack_weighted<Q>(in, nullptr, plain_searches(), out, blocks);
}

bool is_finite_f16(uint16_t bits) { return std::isfinite(f16_to_f32(bits)); }

// A block's binary16 fields are d, and dmin or m where it has a minimum; a format of single numbers has only x. A format with
// a scale of another kind says itself.
template <class Q>
bool has_finite_block_scales(const typename Q::Block& block) {
  using Block = typename Q::Block;
  if constexpr (Q::kBlockSize == 1) {
    float value;
    Q::unpack(block, &value);
    return std::isfinite(value);
  } else if constexpr (requires { Q::has_finite_scale(block); }) {
    return Q::has_finite_scale(block);
  } else {
    static_assert(std::is_same_v<decltype(Block::d), uint16_t>);
    bool finite = is_finite_f16(block.d);
    if constexpr (requires { block.dmin; }) finite = finite && is_finite_f16(block.dmin);
    if constexpr (requires { block.m; }) finite = finite && is_finite_f16(block.m);
    return finite;
  }
}

template <class Q>
bool has_finite_scales(const std::byte* in, size_t blocks) {
  for (size_t b = 0; b < blocks; ++b) {
    typename Q::Block block;
    std::memcpy(&block, in + b * sizeof(block), sizeof(block));
    if (!has_finite_block_scales<Q>(block)) return false;
  }
  return true;
}

template <class Q>
constexpr TypeInfo info_of() {
  TypeInfo info{.type = Q::kType,
                .name = Q::kName,
                .block_size = Q::kBlockSize,
                .block_bytes = sizeof(typename Q::Block),
                .unpack = &unpack_blocks<Q>,
                .pack = nullptr,
                .pack_weighted = nullptr,
                .has_finite_scales = &has_finite_scales<Q>};
  if constexpr (Packable<Q>) {
    info.pack = &pack_blocks<Q>;
    info.pack_weighted = &pack_weighted<Q>;
  }
  return info;
}

constexpr auto kTypes = [] {
  std::array<TypeInfo, AllTypes::kSize> types{};
  size_t next = 0;
  AllTypes::for_each([&]<class Q>() { types[next++] = info_of<Q>(); });
  return types;
}();

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string packable_names() {
  std::string names;
  for (const TypeInfo& type : kTypes) {
    if (type.pack != nullptr) names += (names.empty() ? "" : ", ") + std::string(type.name);
  }
  return names;
}

}  // namespace

void TypeInfo::pack_or_fail(const float* in, std::byte* out, size_t blocks) const {
  if (pack == nullptr) {
    fail(ExitCode::usage, "{} can be read but not written; formats that can be written: {}", name, packable_names());
  }
  pack(in, out, blocks);
}

std::span<const TypeInfo> all_types() { return kTypes; }

const TypeInfo* find_type(uint32_t gguf_id) {
  const auto found = std::ranges::find(kTypes, static_cast<NumberType>(gguf_id), &TypeInfo::type);
  return found == kTypes.end() ? nullptr : &*found;
}

const TypeInfo* find_type_named(std::string_view name) {
  const auto same_letter = [](char a, char b) { return lower(a) == lower(b); };
  const auto found = std::ranges::find_if(
      kTypes, [&](const TypeInfo& type) { return std::ranges::equal(type.name, name, same_letter); });
  return found == kTypes.end() ? nullptr : &*found;
}

const TypeInfo& type_info(NumberType type) {
  const TypeInfo* info = find_type(static_cast<uint32_t>(type));
  assert(info != nullptr);
  return *info;
}

size_t row_bytes(NumberType type, size_t n) {
  const TypeInfo& info = type_info(type);
  assert(n % info.block_size == 0);
  return n / info.block_size * info.block_bytes;
}

}  // namespace thimble
