#include "text/vocabulary.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/error.h"
#include "text/hash.h"

namespace thimble {
namespace {

constexpr std::string_view kTokens = "tokenizer.ggml.tokens";
constexpr std::string_view kTypes = "tokenizer.ggml.token_type";
constexpr std::string_view kScores = "tokenizer.ggml.scores";
constexpr uint32_t kMostTokens = (1u << 24) - 2;  // an id takes 24 bits of a slot, and one value means empty
constexpr uint32_t kIdBits = (1u << 24) - 1;
constexpr uint32_t kEmptySlot = std::numeric_limits<uint32_t>::max();

uint32_t tag_of(uint64_t hash) { return static_cast<uint32_t>(hash & 0xff) << 24; }

// An array of 4-byte elements, at least one a token. Null where absent.
const GgufValue* find_column(const Gguf& gguf, std::string_view key, uint32_t tokens, bool reals_too) {
  const GgufValue* value = gguf.find(key);
  if (value == nullptr) return nullptr;
  const bool is_integers =
      value->element == GgufValueType::INT32 || (!reals_too && value->element == GgufValueType::UINT32);
  const bool is_reals = reals_too && value->element == GgufValueType::FLOAT32;
  if (value->type != GgufValueType::ARRAY || !(is_integers || is_reals)) {
    fail(ExitCode::bad_file, "{}: {} is {}{}, expected an array of {}", printable(gguf.path()), key,
         value->type == GgufValueType::ARRAY ? "an array of " : "", name_of(value->element),
         reals_too ? "FLOAT32 or INT32" : "INT32");
  }
  if (value->count < tokens) {
    fail(ExitCode::bad_file, "{}: {} has {} entries, expected {}, one for each token", printable(gguf.path()), key,
         value->count, tokens);
  }
  return value;
}

template <class T>
T load(const std::byte* array, size_t index) {
  T value;
  std::memcpy(&value, array + index * sizeof(T), sizeof(T));
  return value;
}

}  // namespace

Vocabulary::Vocabulary(const Gguf& gguf) {
  read_texts(gguf);
  read_types(gguf);
  read_scores(gguf);
  index(gguf);
}

void Vocabulary::read_texts(const Gguf& gguf) {
  const GgufStrings texts = gguf.string_array(kTokens);
  if (texts.empty() || texts.size() > kMostTokens) {
    fail(ExitCode::bad_file, "{}: {} has {} tokens, expected 1 to {}", printable(gguf.path()), kTokens, texts.size(),
         kMostTokens);
  }
  const std::span<const std::byte> data = gguf.find(kTokens)->data;
  if (data.size() > std::numeric_limits<uint32_t>::max()) {
    fail(ExitCode::bad_file, "{}: {} takes {} bytes, at most 4 GB are supported", printable(gguf.path()), kTokens,
         data.size());
  }
  texts_ = data.data();
  offsets_.reserve(texts.size());
  for (const std::string_view text : texts) {
    const auto* begin = reinterpret_cast<const std::byte*>(text.data());
    offsets_.push_back(static_cast<uint32_t>(begin - texts_ - sizeof(uint64_t)));
    longest_text_ = std::max(longest_text_, text.size());
  }
}

uint8_t Vocabulary::both_types(TokenType type) {
  const auto bits = static_cast<uint8_t>(type);
  return static_cast<uint8_t>(bits << kDeclaredShift | bits);
}

void Vocabulary::read_types(const Gguf& gguf) {
  attributes_.assign(size(), both_types(TokenType::normal));
  const GgufValue* types = find_column(gguf, kTypes, size(), false);
  if (types == nullptr) return;
  for (uint32_t id = 0; id < size(); ++id) {
    const auto type = load<int32_t>(types->data.data(), id);
    // llama.cpp treats numbers that mean nothing as it treats unused tokens: they can be met, and show nothing.
    const bool is_known = type >= 1 && type <= 6;
    attributes_[id] = both_types(is_known ? static_cast<TokenType>(type) : TokenType::unused);
  }
}

void Vocabulary::read_scores(const Gguf& gguf) {
  const GgufValue* scores = find_column(gguf, kScores, size(), true);
  if (scores == nullptr) return;
  scores_ = scores->data.data();
  scores_are_integers_ = scores->element == GgufValueType::INT32;
  for (uint32_t id = 0; id < size(); ++id) {
    if (std::isfinite(score(static_cast<TokenId>(id)))) continue;
    fail(ExitCode::bad_file, "{}: {}: the score of token {} is not a finite number", printable(gguf.path()), kScores,
         id);
  }
}

void Vocabulary::index(const Gguf& gguf) {
  slots_.assign(table_capacity(size()), kEmptySlot);
  size_t budget = probe_budget(size());
  for (uint32_t id = 0; id < size(); ++id) {
    const std::string_view wanted = text(static_cast<TokenId>(id));
    if (wanted.empty()) continue;
    const uint64_t hash = hash_text(wanted);
    const uint32_t entry = tag_of(hash) | id;
    size_t slot = first_slot(hash, slots_.size());
    while (slots_[slot] != kEmptySlot) {
      const bool same_tag = (slots_[slot] ^ entry) <= kIdBits;
      if (same_tag && text(static_cast<TokenId>(slots_[slot] & kIdBits)) == wanted) break;
      if (budget-- == 0) {
        fail(ExitCode::bad_file, "{}: {}: the texts up to token {} are made to collide", printable(gguf.path()),
             kTokens, id);
      }
      if (++slot == slots_.size()) slot = 0;
    }
    slots_[slot] = entry;
  }
}

std::string_view Vocabulary::text(TokenId id) const {
  assert(contains(id));
  const std::byte* entry = texts_ + offsets_[static_cast<size_t>(id)];
  return {reinterpret_cast<const char*>(entry) + sizeof(uint64_t), load<uint64_t>(entry, 0)};
}

float Vocabulary::score(TokenId id) const {
  if (scores_ == nullptr) return 0;
  const auto index = static_cast<size_t>(id);
  return scores_are_integers_ ? static_cast<float>(load<int32_t>(scores_, index)) : load<float>(scores_, index);
}

bool Vocabulary::is_special(TokenId id) const {
  const TokenType found = type(id);
  return found == TokenType::control || found == TokenType::unknown || found == TokenType::user_defined;
}

bool Vocabulary::is_plain(TokenId id) const {
  const TokenType declared = declared_type(id);
  return declared == TokenType::normal || declared == TokenType::user_defined || declared == TokenType::unused;
}

void Vocabulary::set_type(TokenId id, TokenType type) {
  uint8_t& attributes = attributes_[static_cast<size_t>(id)];
  attributes = static_cast<uint8_t>((attributes & ~kTypeBits) | static_cast<uint8_t>(type));
}

void Vocabulary::set_strips_left(TokenId id) { attributes_[static_cast<size_t>(id)] |= kStripsLeft; }

void Vocabulary::set_strips_right(TokenId id, bool strips) {
  uint8_t& attributes = attributes_[static_cast<size_t>(id)];
  attributes = static_cast<uint8_t>((attributes & ~kStripsRight) | (strips ? kStripsRight : 0));
}

std::optional<TokenId> Vocabulary::find(std::string_view wanted) const {
  if (wanted.empty() || wanted.size() > longest_text_) return std::nullopt;
  const uint64_t hash = hash_text(wanted);
  const uint32_t tag = tag_of(hash);
  for (size_t slot = first_slot(hash, slots_.size()); slots_[slot] != kEmptySlot;) {
    if ((slots_[slot] ^ tag) <= kIdBits) {
      const auto id = static_cast<TokenId>(slots_[slot] & kIdBits);
      if (text(id) == wanted) return id;
    }
    if (++slot == slots_.size()) slot = 0;
  }
  return std::nullopt;
}

std::optional<TokenId> Vocabulary::find_plain(std::string_view wanted) const {
  const auto id = find(wanted);
  return id && is_plain(*id) ? id : std::nullopt;
}

size_t Vocabulary::memory_bytes() const {
  return offsets_.capacity() * sizeof(uint32_t) + attributes_.capacity() + slots_.capacity() * sizeof(uint32_t);
}

size_t Vocabulary::planned_bytes(uint64_t token_count) {
  const size_t count = std::min<uint64_t>(token_count, kMostTokens);
  return count * (sizeof(uint32_t) + sizeof(uint8_t)) + table_capacity(count) * sizeof(uint32_t);
}

}  // namespace thimble
