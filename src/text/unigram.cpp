#include "text/unigram.h"

#include <algorithm>
#include <bitset>
#include <limits>

#include "base/error.h"
#include "base/utf8.h"
#include "text/hash.h"
#include "text/sentencepiece.h"
#include "text/special_tokens.h"

namespace thimble {
namespace {

constexpr size_t kLongestToken = 255;
constexpr size_t kBeginnings = 1 << 16;
constexpr size_t kMostNormalizedBytes = size_t{64} << 20;  // finding the best way takes 16 bytes for each
constexpr float kUnknownPenalty = 10;
constexpr uint32_t kIdBits = (1u << 24) - 1;
constexpr uint32_t kEmptySlot = std::numeric_limits<uint32_t>::max();

// Byte by byte (FNV-1a), so that the hash of a longer text goes on from that of its beginning.
constexpr uint64_t kEmptyHash = 0xcbf29ce484222325u;
uint64_t extend_hash(uint64_t hash, std::string_view bytes) {
  for (const char byte : bytes) hash = (hash ^ static_cast<uint8_t>(byte)) * 0x100000001b3u;
  return hash;
}

uint32_t tag_of(uint64_t mixed) { return static_cast<uint32_t>(mixed & 0xff) << 24; }
size_t beginning_of(uint64_t hash) { return mix(hash) % kBeginnings; }

size_t character_bytes(std::string_view text, size_t at) {
  const CodePoint c = decode_utf8(text, at);
  return c.valid ? c.length : 1;
}

}  // namespace

// The best way to the byte at which it ends.
struct Unigram::Step {
  double score = std::numeric_limits<double>::lowest();
  uint32_t begin = 0;
  TokenId id = 0;
};

Unigram::Unigram(const Gguf& gguf, const Vocabulary& vocabulary, std::optional<TokenId> unknown)
    : vocabulary_(vocabulary),
      character_map_(gguf),
      unknown_(require_unknown(gguf, unknown)),
      add_space_prefix_(gguf.boolean("tokenizer.ggml.add_space_prefix").value_or(false)),
      merge_spaces_(gguf.boolean("tokenizer.ggml.remove_extra_whitespaces").value_or(false)) {
  index(gguf);
  find_bytes();
}

void Unigram::index(const Gguf& gguf) {
  slots_.assign(table_capacity(vocabulary_.size()), kEmptySlot);
  longest_.assign(kBeginnings, 0);
  size_t budget = probe_budget(vocabulary_.size());
  float lowest = std::numeric_limits<float>::max();
  for (TokenId id = 0; vocabulary_.contains(id); ++id) {
    if (vocabulary_.declared_type(id) == TokenType::normal) lowest = std::min(lowest, vocabulary_.score(id));
    if (vocabulary_.is_plain(id) && !vocabulary_.text(id).empty()) insert(id, gguf, budget);
  }
  unknown_score_ = lowest - kUnknownPenalty;
}

void Unigram::find_bytes() {
  std::bitset<256> found;
  for (TokenId id = 0; vocabulary_.contains(id); ++id) {
    const int value = vocabulary_.declared_type(id) == TokenType::byte ? byte_token_value(vocabulary_.text(id)) : -1;
    if (value < 0) continue;
    byte_tokens_[static_cast<size_t>(value)] = id;
    found.set(static_cast<size_t>(value));
  }
  has_bytes_ = found.all();
}

void Unigram::insert(TokenId id, const Gguf& gguf, size_t& budget) {
  const std::string_view text = vocabulary_.text(id);
  if (text.size() > kLongestToken) {
    fail(ExitCode::bad_file, "{}: tokenizer.ggml.tokens: token {} is {} bytes long, at most {} are supported",
         printable(gguf.path()), id, text.size(), kLongestToken);
  }
  const size_t first = character_bytes(text, 0);
  const size_t second = first < text.size() ? first + character_bytes(text, first) : text.size();
  const uint64_t beginning = extend_hash(kEmptyHash, text.substr(0, second));
  uint8_t& longest = longest_[beginning_of(beginning)];
  longest = std::max(longest, static_cast<uint8_t>(text.size()));
  const uint64_t hash = mix(extend_hash(beginning, text.substr(second)));
  const uint32_t entry = tag_of(hash) | static_cast<uint32_t>(id);
  size_t slot = first_slot(hash, slots_.size());
  while (slots_[slot] != kEmptySlot) {
    const bool same_tag = (slots_[slot] ^ entry) <= kIdBits;
    if (same_tag && vocabulary_.text(static_cast<TokenId>(slots_[slot] & kIdBits)) == text) break;
    if (budget-- == 0) {
      fail(ExitCode::bad_file, "{}: tokenizer.ggml.tokens: the texts up to token {} are made to collide",
           printable(gguf.path()), id);
    }
    if (++slot == slots_.size()) slot = 0;
  }
  slots_[slot] = entry;  // the last of tokens with the same text counts
}

std::optional<TokenId> Unigram::find(std::string_view text, uint64_t hash) const {
  const uint64_t mixed = mix(hash);
  const uint32_t tag = tag_of(mixed);
  for (size_t slot = first_slot(mixed, slots_.size()); slots_[slot] != kEmptySlot;) {
    if ((slots_[slot] ^ tag) <= kIdBits) {
      const auto id = static_cast<TokenId>(slots_[slot] & kIdBits);
      if (vocabulary_.text(id) == text) return id;
    }
    if (++slot == slots_.size()) slot = 0;
  }
  return std::nullopt;
}

// Spaces become U+2581. Where they are merged, one is left between two words and none at either end.
std::string Unigram::normalize(std::string_view text) const {
  std::string out;
  out.reserve(text.size() + text.size() / 2);
  bool was_space = add_space_prefix_;  // the space before the text, which waits for a word where spaces are merged
  if (add_space_prefix_ && !merge_spaces_ && !text.empty()) out += kSpaceMark;
  const auto add = [&](char byte) {
    const bool is_space = byte == ' ';
    if (merge_spaces_ ? was_space && !is_space : is_space) out += kSpaceMark;
    if (!is_space) out += byte;
    was_space = is_space && (was_space || !out.empty());
  };
  while (!text.empty()) {
    CharacterMap::Match match = character_map_.longest_match(text);
    if (match.length == 0) {
      const CodePoint c = decode_utf8(text, 0);
      const bool stays = c.valid || has_bytes_;  // malformed bytes are the tokens of bytes, where there are some
      match = stays ? CharacterMap::Match{c.length, text.substr(0, c.length)} : CharacterMap::Match{1, "\ufffd"};
    }
    for (const char byte : match.replacement) add(byte);
    text.remove_prefix(match.length);
    if (out.size() > kMostNormalizedBytes) {
      fail(ExitCode::usage, "a text of more than {} bytes once normalized is too long to tokenize at once",
           kMostNormalizedBytes);
    }
  }
  return out;
}

void Unigram::encode(std::string_view text, std::vector<TokenId>& ids) const {
  const std::string normalized = normalize(text);
  if (normalized.empty()) return;
  std::vector<Step> steps(normalized.size() + 1);
  steps[0].score = 0;
  for (size_t at = 0; at < normalized.size(); at += character_bytes(normalized, at)) extend(normalized, at, steps);
  const auto first = static_cast<ptrdiff_t>(ids.size());
  bool was_unknown = false;
  for (size_t end = normalized.size(); end > 0; end = steps[end].begin) {
    const bool is_unknown = steps[end].id == unknown_;
    if (is_unknown && has_bytes_) {
      for (size_t at = end; at > steps[end].begin; --at)
        ids.push_back(byte_tokens_[static_cast<uint8_t>(normalized[at - 1])]);
    } else if (!(is_unknown && was_unknown)) {
      ids.push_back(steps[end].id);
    }
    was_unknown = is_unknown;
  }
  std::reverse(ids.begin() + first, ids.end());
}

// Takes the step from `begin` with each token that stands there.
void Unigram::extend(std::string_view text, size_t begin, std::vector<Step>& steps) const {
  const double so_far = steps[begin].score;
  const auto take = [&](size_t end, TokenId id, double score) {
    if (so_far + score > steps[end].score) steps[end] = {so_far + score, static_cast<uint32_t>(begin), id};
  };
  uint64_t hash = kEmptyHash;
  size_t longest = kLongestToken;
  size_t end = begin;
  for (size_t characters = 1; end < text.size() && end - begin < longest; ++characters) {
    const size_t next = end + character_bytes(text, end);
    hash = extend_hash(hash, text.substr(end, next - end));
    end = next;
    if (characters == 2) longest = longest_[beginning_of(hash)];
    if (end - begin > longest) return;
    const auto id = find(text.substr(begin, end - begin), hash);
    if (id) {
      // A user-defined token has no probability: it is taken wherever it stands.
      const bool is_user_defined = vocabulary_.declared_type(*id) == TokenType::user_defined;
      take(end, *id, is_user_defined ? 0 : vocabulary_.score(*id));
    } else if (characters == 1) {
      take(end, unknown_, unknown_score_);
    }
  }
}

size_t Unigram::memory_bytes() const { return slots_.capacity() * sizeof(uint32_t) + longest_.capacity(); }

size_t Unigram::planned_bytes(uint64_t token_count) {
  return table_capacity(std::min<uint64_t>(token_count, kIdBits)) * sizeof(uint32_t) + kBeginnings;
}

}  // namespace thimble
