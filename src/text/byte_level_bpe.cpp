#include "text/byte_level_bpe.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <optional>

#include "base/error.h"
#include "base/utf8.h"
#include "text/hash.h"
#include "text/sentencepiece.h"

namespace thimble {
namespace {

constexpr std::string_view kMergesKey = "tokenizer.ggml.merges";
constexpr uint64_t kMostMerges = 1u << 24;
constexpr TokenId kNoToken = -1;
constexpr TokenId kGone = -2;  // a symbol that was merged into the one before it

// Printable bytes stand for themselves, the others for the code points from U+0100 on, in order.
constexpr bool is_own_character(uint32_t byte) {
  return (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff);
}

struct Alphabet {
  std::array<uint16_t, 256> character;  // of a byte
  std::array<int16_t, 324> byte;        // of a character, -1 for none
};

constexpr Alphabet make_alphabet() {
  Alphabet alphabet = {};
  alphabet.byte.fill(-1);
  uint16_t next = 256;
  for (uint16_t byte = 0; byte < 256; ++byte) {
    const uint16_t character = is_own_character(byte) ? byte : next++;
    alphabet.character[byte] = character;
    alphabet.byte[character] = static_cast<int16_t>(byte);
  }
  return alphabet;
}

constexpr Alphabet kAlphabet = make_alphabet();

std::string written(std::string_view bytes) {
  std::string out;
  for (const char byte : bytes) append_utf8(out, kAlphabet.character[static_cast<uint8_t>(byte)]);
  return out;
}

uint64_t hash_pair(TokenId left, TokenId right) {
  return mix(static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right));
}

// "left right", where left may begin with the space.
MergeTable::Merge parse_merge(const Gguf& gguf, const Vocabulary& vocabulary, std::string_view text, size_t rank,
                              std::string& joined) {
  const size_t space = text.find(' ', 1);
  const auto refuse = [&](std::string_view fault) {
    fail(ExitCode::bad_file, "{}: {}: merge {} is '{}', {}", printable(gguf.path()), kMergesKey, rank,
         printable(text, 60), fault);
  };
  if (space == std::string_view::npos) refuse("expected two tokens with a space between them");
  const auto left = vocabulary.find(text.substr(0, space));
  const auto right = vocabulary.find(text.substr(space + 1));
  if (!left || !right) refuse("of which one part is no token of the vocabulary");
  joined.assign(text.substr(0, space)).append(text.substr(space + 1));
  const auto result = vocabulary.find(joined);
  if (!result) refuse("which together are no token of the vocabulary");
  return {*left, *right, *result};
}

}  // namespace

MergeTable::MergeTable(const Gguf& gguf, const Vocabulary& vocabulary) {
  if (gguf.find(kMergesKey) == nullptr)
    fail(ExitCode::bad_file, "{}: {} is missing", printable(gguf.path()), kMergesKey);
  const GgufStrings texts = gguf.string_array(kMergesKey);
  if (texts.size() > kMostMerges) {
    fail(ExitCode::bad_file, "{}: {} has {} merges, at most {} are supported", printable(gguf.path()), kMergesKey,
         texts.size(), kMostMerges);
  }
  merges_.reserve(texts.size());
  slots_.assign(table_capacity(texts.size()), kNone);
  size_t budget = probe_budget(texts.size());
  std::string joined;
  for (const std::string_view text : texts) {
    const auto added = static_cast<uint32_t>(merges_.size());
    const Merge merge = parse_merge(gguf, vocabulary, text, added, joined);
    merges_.push_back(merge);
    // Text that a user typed must not turn into a control token by merging.
    if (!vocabulary.is_plain(merge.result)) continue;
    size_t slot = first_slot(hash_pair(merge.left, merge.right), slots_.size());
    while (slots_[slot] != kNone) {
      const Merge& other = merges_[slots_[slot]];
      if (other.left == merge.left && other.right == merge.right) break;
      if (budget-- == 0) fail(ExitCode::bad_file, "{}: {} is made to collide", printable(gguf.path()), kMergesKey);
      if (++slot == slots_.size()) slot = 0;
    }
    // The first of equal merges counts.
    if (slots_[slot] == kNone) slots_[slot] = added;
  }
}

uint32_t MergeTable::rank(TokenId left, TokenId right) const {
  for (size_t slot = first_slot(hash_pair(left, right), slots_.size()); slots_[slot] != kNone;) {
    const Merge& merge = merges_[slots_[slot]];
    if (merge.left == left && merge.right == right) return slots_[slot];
    if (++slot == slots_.size()) slot = 0;
  }
  return kNone;
}

size_t MergeTable::memory_bytes() const {
  return merges_.capacity() * sizeof(Merge) + slots_.capacity() * sizeof(uint32_t);
}

size_t MergeTable::planned_bytes(uint64_t merge_count) {
  const size_t count = std::min(merge_count, kMostMerges);
  return count * sizeof(Merge) + table_capacity(count) * sizeof(uint32_t);
}

// Kept from word to word, for its memory.
struct ByteLevelBpe::Work {
  struct Symbol {
    TokenId id;
    int32_t previous;  // -1 at the ends of the word
    int32_t next;
  };
  struct Candidate {
    uint32_t rank;
    int32_t left;
    bool operator>(const Candidate& other) const { return rank != other.rank ? rank > other.rank : left > other.left; }
  };
  std::vector<Symbol> symbols;
  std::vector<Candidate> candidates;  // a heap, the lowest rank first, then the leftmost
};

ByteLevelBpe::ByteLevelBpe(const Gguf& gguf, const Vocabulary& vocabulary, const PreTokenizerSpec& spec)
    : vocabulary_(vocabulary),
      pre_tokenizer_(spec),
      merges_(gguf, vocabulary),
      ignore_merges_(spec.ignore_merges),
      has_characters_(spec.has_characters) {
  for (uint32_t byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    const auto id =
        has_characters_ ? vocabulary.find(fmt::format("<0x{:02X}>", byte)) : vocabulary.find_plain(written({&c, 1}));
    byte_tokens_[byte] = id.value_or(kNoToken);
  }
}

void ByteLevelBpe::encode(std::string_view text, std::vector<TokenId>& ids) const {
  if (has_characters_) {
    encode_words(mark_spaces(text), ids);
  } else {
    encode_words(text, ids);
  }
}

void ByteLevelBpe::encode_words(std::string_view text, std::vector<TokenId>& ids) const {
  Work work;
  for (const uint32_t length : pre_tokenizer_.split(text)) {
    encode_word(text.substr(0, length), work, ids);
    text.remove_prefix(length);
  }
}

// A word that is a token and is not made by merging. In Gemma 4 those are line breaks.
std::optional<TokenId> ByteLevelBpe::find_whole(std::string_view word) const {
  if (word.size() > vocabulary_.longest_text()) return std::nullopt;
  if (has_characters_) return word.front() == '\n' ? vocabulary_.find_plain(word) : std::nullopt;
  return ignore_merges_ ? vocabulary_.find_plain(written(word)) : std::nullopt;
}

void ByteLevelBpe::encode_word(std::string_view word, Work& work, std::vector<TokenId>& ids) const {
  if (const auto id = find_whole(word)) {
    ids.push_back(*id);
    return;
  }
  work.symbols.clear();
  const auto add = [&](TokenId id) {
    const auto at = static_cast<int32_t>(work.symbols.size());
    work.symbols.push_back({id, at - 1, at + 1});
  };
  for (size_t at = 0; at < word.size();) {
    const CodePoint c = has_characters_ ? decode_utf8(word, at) : CodePoint{0, 1, false};
    const auto id = c.valid ? vocabulary_.find_plain(word.substr(at, c.length)) : std::nullopt;
    if (id) {
      add(*id);
    } else {
      for (const char byte : word.substr(at, c.length)) add(byte_tokens_[static_cast<uint8_t>(byte)]);
    }
    at += c.length;
  }
  work.symbols.back().next = -1;
  merge_symbols(work);
  for (const Work::Symbol& symbol : work.symbols) {
    if (symbol.id >= 0) ids.push_back(symbol.id);
  }
}

void ByteLevelBpe::merge_symbols(Work& work) const {
  auto& symbols = work.symbols;
  auto& heap = work.candidates;
  const auto rank_at = [&](int32_t left) {
    const int32_t right = symbols[left].next;
    return right < 0 ? MergeTable::kNone : merges_.rank(symbols[left].id, symbols[right].id);
  };
  heap.clear();
  for (int32_t i = 0; i + 1 < static_cast<int32_t>(symbols.size()); ++i) {
    const uint32_t rank = rank_at(i);
    if (rank != MergeTable::kNone) heap.push_back({rank, i});
  }
  std::ranges::make_heap(heap, std::greater<>());
  const auto propose = [&](int32_t left) {
    if (left < 0) return;
    const uint32_t rank = rank_at(left);
    if (rank == MergeTable::kNone) return;
    heap.push_back({rank, left});
    std::ranges::push_heap(heap, std::greater<>());
  };
  while (!heap.empty()) {
    std::ranges::pop_heap(heap, std::greater<>());
    const Work::Candidate best = heap.back();
    heap.pop_back();
    Work::Symbol& left = symbols[best.left];
    const MergeTable::Merge& merge = merges_[best.rank];
    // A symbol may have grown since it was proposed.
    if (left.id != merge.left || left.next < 0 || symbols[left.next].id != merge.right) continue;
    Work::Symbol& right = symbols[left.next];
    left.id = merge.result;
    left.next = right.next;
    if (left.next >= 0) symbols[left.next].previous = best.left;
    right.id = kGone;
    propose(left.previous);
    propose(best.left);
  }
}

std::string ByteLevelBpe::bytes_of(std::string_view token_text) const {
  if (has_characters_) return unmark_spaces(token_text);
  std::string out;
  for (size_t at = 0; at < token_text.size();) {
    const CodePoint c = decode_utf8(token_text, at);
    const bool in_alphabet = c.valid && c.value < kAlphabet.byte.size() && kAlphabet.byte[c.value] >= 0;
    if (in_alphabet) {
      out += static_cast<char>(kAlphabet.byte[c.value]);
    } else {
      out += token_text.substr(at, c.length);
    }
    at += c.length;
  }
  return out;
}

size_t ByteLevelBpe::memory_bytes() const { return merges_.memory_bytes() + pre_tokenizer_.memory_bytes(); }

}  // namespace thimble
