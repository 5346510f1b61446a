#include "knowledge/search_words.h"

#include <algorithm>
#include <set>

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

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; }
bool is_of_word(char c) { return is_digit(c) || is_letter(c) || static_cast<unsigned char>(c) >= 0x80; }
bool is_joint(char c) { return c == '-' || c == '.' || c == ',' || c == '/' || c == '\''; }

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

bool names_something(const std::string& word) {
  return std::ranges::any_of(word, is_digit) && std::ranges::any_of(word, is_letter);
}

}  // namespace

std::vector<std::string> words_of_text(std::string_view text) {
  std::vector<std::string> words;
  for (size_t at = 0; at < text.size();) {
    if (!is_of_word(text[at])) {
      ++at;
      continue;
    }
    std::string word;
    for (; at < text.size(); ++at) {
      const bool joins = is_joint(text[at]) && at + 1 < text.size() && is_of_word(text[at + 1]);
      if (!is_of_word(text[at]) && !joins) break;
      const char c = text[at];
      if (word.size() < kLongestWord) word += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    words.push_back(std::move(word));
  }
  return words;
}

bool is_function_word(std::string_view word) { return std::ranges::binary_search(kFunctionWords, word); }

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
    if (!names_something(word)) continue;
    std::string parts = parted(word);
    if (parts != word && word.find('-') == std::string::npos) add(parts);
    std::erase(parts, ' ');
    if (parts != word) add(parts);
  }
  return query;
}

}  // namespace thimble
