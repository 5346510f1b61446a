#include "assist/log_claims.h"

#include <algorithm>
#include <set>

#include "base/utf8.h"

namespace thimble {
namespace {

constexpr size_t kWordStart = 4;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; }
bool is_word(char c) { return is_digit(c) || is_letter(c) || (c & 0x80); }

struct Words {
  std::vector<std::string> numbers;  // and what has digits in it: E07
  std::vector<std::string> words;
};

// Numbers as they are written, without zeros that say nothing: 7.0 is 7, 04 is 4.
std::string plain_number(std::string text) {
  if (text.find('.') != std::string::npos) {
    while (text.ends_with('0')) text.pop_back();
    if (text.ends_with('.')) text.pop_back();
  }
  const size_t zeros = std::min(text.find_first_not_of('0'), text.size());
  if (std::ranges::all_of(text, [](char c) { return is_digit(c) || c == '.'; })) text.erase(0, zeros);
  return text.empty() || text[0] == '.' ? "0" + text : text;
}

Words split(std::string_view text) {
  Words split;
  std::string word;
  for (size_t at = 0; at <= text.size(); ++at) {
    const char c = at < text.size() ? text[at] : ' ';
    const bool joins = (c == '.' || c == ',') && !word.empty() && is_digit(word.back()) && at + 1 < text.size() &&
                       is_digit(text[at + 1]);
    if (is_word(c) || (joins && c == '.')) {
      word += is_letter(c) ? static_cast<char>(c | 0x20) : c;
      continue;
    }
    if (joins) continue;  // 2,400 is 2400
    // A unit may stand right behind its number: 5.53bar.
    size_t digits = 0;
    while (digits < word.size() && (is_digit(word[digits]) || word[digits] == '.')) ++digits;
    if (digits != 0) {
      split.numbers.push_back(plain_number(word.substr(0, digits)));
      word.erase(0, digits);
    }
    if (std::ranges::any_of(word, is_digit)) {
      split.numbers.push_back(word);
    } else if (word.size() >= kWordStart) {
      split.words.push_back(word);
    }
    word.clear();
  }
  return split;
}

// Words that numbers of events are written in.
bool is_count_word(const std::string& word) {
  constexpr std::string_view kCounts[] = {"twice", "three", "four",    "five",    "seven",
                                          "eight", "nine",  "hundred", "thousand"};
  return std::ranges::find(kCounts, word) != std::end(kCounts);
}

}  // namespace

bool is_supported(std::string_view sentence, std::string_view facts) {
  const Words said = split(sentence), known = split(facts);
  const std::set<std::string> numbers(known.numbers.begin(), known.numbers.end());
  std::set<std::string> starts;
  for (const std::string& word : known.words) starts.insert(word.substr(0, kWordStart));
  for (const std::string& number : said.numbers) {
    if (!numbers.contains(number)) return false;
  }
  if (said.words.empty()) return false;
  size_t supported = 0;
  for (const std::string& word : said.words) {
    if (is_count_word(word) && !starts.contains(word.substr(0, kWordStart))) return false;
    supported += starts.contains(word.substr(0, kWordStart)) ? 1 : 0;
  }
  const std::set<std::string> different(said.words.begin(), said.words.end());
  return supported * 5 >= said.words.size() * 3 && different.size() * 3 >= said.words.size() * 2;
}

std::string tidy_sentence(std::string_view text) {
  std::string tidy;
  for (size_t at = 0; at < text.size(); ++at) {
    char c = text[at];
    if (c == '[') {  // a reference of the model's own
      const size_t end = text.find(']', at);
      if (end == std::string_view::npos) break;
      at = end;
      continue;
    }
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
    if (c == ' ' && (tidy.empty() || tidy.back() == ' ')) continue;
    if (tidy.empty() && (c == '-' || c == '*')) continue;
    tidy += c;
  }
  while (tidy.ends_with(' ') || tidy.ends_with('.')) tidy.pop_back();
  if (tidy.empty()) return tidy;
  if (tidy[0] >= 'a' && tidy[0] <= 'z') tidy[0] = static_cast<char>(tidy[0] - 'a' + 'A');
  return to_valid_utf8(tidy) + ".";
}

}  // namespace thimble
