#include "knowledge/search_words.h"

#include <algorithm>
#include <set>

#include "base/ascii.h"
#include "base/utf8.h"

namespace thimble {
namespace {

constexpr size_t kMostWords = 48;
constexpr size_t kLongestWord = 64;  // bytes

constexpr std::string_view kFunctionWords[] = {
    "a",     "about", "after", "again", "all",   "also",  "am",     "an",    "and",    "any",  "are",
    "as",    "at",    "be",    "been",  "but",   "by",    "can",    "could", "did",    "do",   "does",
    "for",   "from",  "get",   "had",   "has",   "have",  "how",    "i",     "if",     "in",   "into",
    "is",    "it",    "it's",  "its",   "just",  "let",   "may",    "me",    "might",  "must", "my",
    "need",  "needs", "of",    "on",    "or",    "our",   "please", "shall", "should", "so",   "some",
    "tell",  "than",  "that",  "the",   "their", "them",  "then",   "there", "these",  "they", "this",
    "those", "to",    "us",    "want",  "was",   "we",    "were",   "what",  "what's", "when", "where",
    "which", "who",   "why",   "will",  "with",  "would", "you",    "your"};

static_assert(std::ranges::is_sorted(kFunctionWords));

using ascii::is_digit;
using ascii::is_letter;

bool is_of_word(char c) { return is_digit(c) || is_letter(c) || static_cast<unsigned char>(c) >= 0x80; }

// Degree signs, dashes, quotes, arrows: the blocks of Latin-1, of punctuation and of symbols that hold no letters.
bool is_mark(uint32_t code_point) {
  return (code_point >= 0x80 && code_point < 0xc0) || (code_point >= 0x2000 && code_point < 0x2c00) ||
         (code_point >= 0x3000 && code_point < 0x3040) || code_point == 0xfffd;
}

// Bytes of the letter or digit at text[at], 0 where there is another thing.
size_t word_part(std::string_view text, size_t at) {
  if (is_digit(text[at]) || is_letter(text[at])) return 1;
  if (static_cast<unsigned char>(text[at]) < 0x80) return 0;
  const CodePoint point = decode_utf8(text, at);
  return !point.valid || is_mark(point.value) ? 0 : point.length;
}
bool is_joint(char c) { return c == '-' || c == '.' || c == ',' || c == '/' || c == '\''; }

// Bytes of what may join two parts of a word, a typographer's apostrophe among it.
size_t joint_at(std::string_view text, size_t at) {
  if (is_joint(text[at])) return 1;
  return text.substr(at).starts_with("\xe2\x80\x99") ? 3 : 0;
}

// Parted where letters meet digits and at joints: "hx-200" and "hx200" give "hx 200".
std::string parted(const std::string& word) {
  std::string parts;
  for (size_t i = 0; i < word.size(); ++i) {
    const bool is_edge =
        i > 0 && is_letter(word[i - 1]) != is_letter(word[i]) && is_digit(word[i - 1]) != is_digit(word[i]);
    if (is_joint(word[i]) || is_edge) parts += ' ';
    if (!is_joint(word[i])) parts += word[i];
  }
  return parts;
}

}  // namespace

std::vector<std::string> words_of_text(std::string_view text) {
  std::vector<std::string> words;
  for (size_t at = 0; at < text.size();) {
    std::string word;
    while (at < text.size()) {
      const size_t length = word_part(text, at);
      const size_t joint = length == 0 && !word.empty() ? joint_at(text, at) : 0;
      if (length == 0 && (joint == 0 || at + joint >= text.size() || word_part(text, at + joint) == 0)) break;
      if (joint != 0) {
        if (word.size() < kLongestWord) word += joint > 1 ? '\'' : text[at];
        at += joint;
        continue;
      }
      for (size_t i = 0; i < length && word.size() + length - i <= kLongestWord; ++i) {
        const char c = text[at + i];
        word += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
      }
      at += length;
    }
    if (word.ends_with("'s")) word.resize(word.size() - 2);
    if (word.empty()) {
      ++at;
    } else {
      words.push_back(std::move(word));
    }
  }
  return words;
}

bool is_function_word(std::string_view word) { return std::ranges::binary_search(kFunctionWords, word); }

bool is_code(std::string_view word) {
  return std::ranges::any_of(word, is_digit) && std::ranges::any_of(word, is_letter);
}

std::vector<std::string> search_words(std::string_view text) {
  const std::vector<std::string> all = words_of_text(text);
  std::vector<std::string> kept;
  for (const bool with_function_words : {false, true}) {
    std::set<std::string_view> seen;
    for (const std::string& word : all) {
      if (kept.size() >= kMostWords || (!with_function_words && is_function_word(word))) continue;
      if (seen.insert(word).second) kept.push_back(word);
    }
    if (!kept.empty()) break;
  }
  return kept;
}

std::string full_text_phrase(std::string_view words) {
  std::string phrase = "\"";
  for (const char c : words) phrase += is_of_word(c) || is_joint(c) ? c : ' ';
  return phrase + "\"";
}

std::string full_text_query(const std::vector<std::string>& words) {
  std::string query;
  const auto add = [&](const std::string& words_of_phrase) {
    query += (query.empty() ? "" : " OR ") + full_text_phrase(words_of_phrase);
  };
  for (const std::string& word : words) {
    add(word);
    if (!is_code(word)) continue;
    std::string parts = parted(word);
    if (parts != word && word.find('-') == std::string::npos) add(parts);
    std::erase(parts, ' ');
    if (parts != word) add(parts);
  }
  return query;
}

}  // namespace thimble
