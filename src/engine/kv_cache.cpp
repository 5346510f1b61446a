#include "engine/kv_cache.h"

#include <algorithm>
#include <string>

#include "base/error.h"

namespace thimble {
namespace {

constexpr NumberType kCacheTypes[] = {NumberType::F32,  NumberType::F16,  NumberType::BF16, NumberType::Q8_0,
                                      NumberType::Q5_1, NumberType::Q5_0, NumberType::Q4_0};
constexpr size_t kTile = 16;

size_t round_up(size_t n, size_t step) { return (n + step - 1) / step * step; }

size_t block_capacity(const Hyperparameters& h, uint32_t block, const KvOptions& options) {
  const size_t whole = round_up(options.context_length, kTile);
  if (!h.is_window_layer(block)) return whole;
  return std::min(whole, round_up(h.sliding_window + options.batch_tokens, kTile));
}

size_t slot_bytes(const Model& model, NumberType type) {
  const TypeInfo& info = type_info(type);
  const uint32_t head = model.hyper().key_length;
  if (head % info.block_size != 0) {
    fail(ExitCode::usage, "cache type {} needs a head size that is a multiple of {}; this model's is {}: use f16",
         info.name, info.block_size, head);
  }
  return row_bytes(type, head);
}

// The largest power of two that divides the head size; shorter than 32 would hardly spread anything.
size_t rotation_length(const Model& model, NumberType type, Rotation rotation) {
  const size_t head = model.hyper().key_length;
  const size_t length = head & (~head + 1);
  const bool wanted = rotation == Rotation::on || (rotation == Rotation::automatic && type_info(type).block_size > 1);
  return wanted && length >= 32 ? length : 0;
}

}  // namespace

uint64_t KvCache::bytes(const Model& model, const KvOptions& options) {
  const Hyperparameters& h = model.hyper();
  const uint64_t slot = slot_bytes(model, options.k_type) + slot_bytes(model, options.v_type);
  uint64_t total = 0;
  for (uint32_t block = 0; block < h.block_count; ++block) {
    total += slot * h.head_count_kv * block_capacity(h, block, options);
  }
  return total;
}

KvCache::KvCache(const Model& model, const KvOptions& options) : memory_(bytes(model, options), "the key-value cache") {
  const Hyperparameters& h = model.hyper();
  heads_ = h.head_count_kv;
  std::byte* next = memory_.data();
  for (uint32_t block = 0; block < h.block_count; ++block) {
    KvBlock store;
    store.capacity = block_capacity(h, block, options);
    store.k_head_stride = slot_bytes(model, options.k_type) * store.capacity;
    store.v_head_stride = slot_bytes(model, options.v_type) * store.capacity;
    store.k = std::exchange(next, next + store.k_head_stride * h.head_count_kv);
    store.v = std::exchange(next, next + store.v_head_stride * h.head_count_kv);
    if (store.capacity < options.context_length) {
      window_ = h.sliding_window;
      ring_ = store.capacity;
    }
    blocks_.push_back(store);
  }
  view_ = {blocks_, options.k_type, options.v_type, rotation_length(model, options.k_type, options.rotation),
           rotation_length(model, options.v_type, options.rotation)};
}

std::vector<std::span<std::byte>> KvCache::runs(size_t length) const {
  std::vector<std::span<std::byte>> runs;
  for (const KvBlock& block : blocks_) {
    const size_t slots = std::min(round_up(length, kTile), block.capacity);
    const auto add = [&](std::byte* first, size_t stride) {
      for (size_t head = 0; head < heads_; ++head)
        runs.push_back({first + head * stride, stride / block.capacity * slots});
    };
    add(block.k, block.k_head_stride);
    add(block.v, block.v_head_stride);
  }
  return runs;
}

void KvCache::copy_from(const KvCache& other, size_t length) {
  const std::vector<std::span<std::byte>> from = other.runs(length), to = runs(length);
  for (size_t i = 0; i < to.size(); ++i) std::ranges::copy(from[i], to[i].begin());
  replaced_below_ = other.replaced_below_;
}

size_t KvCache::lendable(size_t length) const { return ring_ != 0 ? 0 : length - length % kTile; }

void KvCache::note_length(size_t length) {
  if (ring_ != 0 && length > ring_) replaced_below_ = std::max(replaced_below_, length - ring_);
}

bool KvCache::can_rewind(size_t length) const { return replaced_below_ == 0 || length >= replaced_below_ + window_; }

void KvCache::clear() { replaced_below_ = 0; }

NumberType parse_cache_type(std::string_view flag, std::string_view name) {
  const TypeInfo* info = find_type_named(name);
  std::string known;
  for (NumberType type : kCacheTypes) {
    if (info != nullptr && info->type == type) return type;
    known += (known.empty() ? "" : ", ") + std::string(type_info(type).name);
  }
  std::transform(known.begin(), known.end(), known.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
  fail(ExitCode::usage, "{} {}: no such cache type; expected one of {}", flag, printable(name), known);
}

}  // namespace thimble
