#include "text/sentencepiece.h"

#include <algorithm>
#include <charconv>

#include "base/error.h"
#include "base/utf8.h"

namespace thimble {
namespace {

constexpr TokenId kNoToken = -1;

}  // namespace

std::string mark_spaces(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 2);
  for (const char c : text) {
    if (c == ' ') {
      out += kSpaceMark;
    } else {
      out += c;
    }
  }
  return out;
}

std::string unmark_spaces(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const bool is_space = text.starts_with(kSpaceMark);
    out += is_space ? ' ' : text.front();
    text.remove_prefix(is_space ? kSpaceMark.size() : 1);
  }
  return out;
}

int byte_token_value(std::string_view text) {
  if (text.size() != 6 || !text.starts_with("<0x") || !text.ends_with('>')) return -1;
  int value = -1;
  const char* const end = text.data() + 5;
  const auto parsed = std::from_chars(text.data() + 3, end, value, 16);
  return parsed.ec == std::errc() && parsed.ptr == end && value >= 0 ? value : -1;
}

SentencePiece::SentencePiece(const Gguf& gguf, const Vocabulary& vocabulary, std::optional<TokenId> unknown)
    : vocabulary_(vocabulary), add_space_prefix_(gguf.boolean("tokenizer.ggml.add_space_prefix").value_or(true)) {
  for (uint32_t byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    auto id = vocabulary.find(fmt::format("<0x{:02X}>", byte));
    if (!id) id = vocabulary.find_plain({&c, 1});
    if (!id && unknown && vocabulary.type(*unknown) == TokenType::unknown) id = unknown;
    if (!id) {
      fail(ExitCode::bad_file, "{}: tokenizer.ggml.tokens has no byte token <0x{:02X}> and no unknown token instead",
           printable(gguf.path()), byte);
    }
    byte_tokens_[byte] = *id;
  }
}

struct SentencePiece::Work {
  struct Symbol {
    uint32_t begin;    // in text
    uint32_t length;   // 0 once it was merged into the symbol before it
    int32_t previous;  // -1 at the ends of the text
    int32_t next;
    TokenId id;  // once it was merged; kNoToken for a single character
  };
  struct Candidate {
    float score;
    int32_t left;
    uint32_t length;
    TokenId id;
    bool operator<(const Candidate& other) const {
      return score != other.score ? score < other.score : left > other.left;
    }
  };
  std::string text;
  std::vector<Symbol> symbols;
  std::vector<Candidate> candidates;  // a heap, the highest score first, then the leftmost
};

void SentencePiece::encode(std::string_view text, std::vector<TokenId>& ids) const {
  Work work;
  if (add_space_prefix_) work.text = kSpaceMark;
  work.text += mark_spaces(text);
  for (size_t at = 0; at < work.text.size();) {
    const CodePoint c = decode_utf8(work.text, at);
    const uint32_t length = c.valid ? c.length : 1;
    const auto index = static_cast<int32_t>(work.symbols.size());
    work.symbols.push_back({static_cast<uint32_t>(at), length, index - 1, index + 1, kNoToken});
    at += length;
  }
  if (work.symbols.empty()) return;
  work.symbols.back().next = -1;
  merge_symbols(work);
  for (const Work::Symbol& symbol : work.symbols) {
    if (symbol.length == 0) continue;
    const std::string_view bytes = std::string_view(work.text).substr(symbol.begin, symbol.length);
    const auto id = symbol.id != kNoToken ? symbol.id : vocabulary_.find_plain(bytes).value_or(kNoToken);
    if (id != kNoToken) {
      ids.push_back(id);
    } else {
      for (const char byte : bytes) ids.push_back(byte_tokens_[static_cast<uint8_t>(byte)]);
    }
  }
}

void SentencePiece::merge_symbols(Work& work) const {
  auto& symbols = work.symbols;
  auto& heap = work.candidates;
  const auto propose = [&](int32_t left) {
    if (left < 0 || symbols[left].next < 0) return;
    const uint32_t length = symbols[left].length + symbols[symbols[left].next].length;
    const auto id = vocabulary_.find_plain(std::string_view(work.text).substr(symbols[left].begin, length));
    if (!id) return;
    heap.push_back({vocabulary_.score(*id), left, length, *id});
    std::push_heap(heap.begin(), heap.end());
  };
  for (int32_t i = 0; i < static_cast<int32_t>(symbols.size()); ++i) propose(i);
  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end());
    const Work::Candidate best = heap.back();
    heap.pop_back();
    Work::Symbol& left = symbols[best.left];
    // A symbol may have grown, or gone, since it was proposed.
    if (left.length == 0 || left.next < 0 || left.length + symbols[left.next].length != best.length) continue;
    Work::Symbol& right = symbols[left.next];
    left.length = best.length;
    left.id = best.id;
    left.next = right.next;
    if (left.next >= 0) symbols[left.next].previous = best.left;
    right.length = 0;
    propose(left.previous);
    propose(best.left);
  }
}

}  // namespace thimble
