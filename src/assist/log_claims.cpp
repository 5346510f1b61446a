#include "assist/log_claims.h"

#include <algorithm>
#include <iterator>
#include <set>

#include "assist/log_signal.h"
#include "base/ascii.h"
#include "base/utf8.h"

namespace thimble {
namespace {

using ascii::is_digit;
using ascii::is_letter;

constexpr size_t kWordStart = 4;

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
    const bool joins = (c == '.' || c == ',' || c == ':') && !word.empty() && is_digit(word.back()) &&
                       at + 1 < text.size() && is_digit(text[at + 1]);
    if (is_word(c) || (joins && c != ',')) {
      word += is_letter(c) ? static_cast<char>(c | 0x20) : c;
      continue;
    }
    if (joins) continue;  // 2,400 is 2400
    // A unit may stand right behind its number: 5.53bar.
    size_t digits = 0;
    while (digits < word.size() && (is_digit(word[digits]) || word[digits] == '.' || word[digits] == ':')) ++digits;
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

// What a report may say of any event.
constexpr std::string_view kPlainWords[] = {
    "about",    "above",  "after", "again",   "alarm",    "also",     "been",  "before",  "below", "changed",
    "dropped",  "during", "ended", "event",   "events",   "fell",     "from",  "have",    "into",  "machine",
    "occurred", "once",   "over",  "reached", "reported", "returned", "rose",  "several", "since", "that",
    "their",    "then",   "there", "they",    "this",     "times",    "twice", "under",   "until", "were",
    "when",     "where",  "which", "while",   "with",     "within"};
constexpr std::string_view kDenials[] = {" no ",      " not ",    "n't ",   " never ",
                                         " without ", " cannot ", " lost ", " fail"};

bool is_denied(std::string_view text) {
  std::string padded = " ";
  for (const char c : text) padded += is_letter(c) ? static_cast<char>(c | 0x20) : c == '\'' ? c : ' ';
  padded += ' ';
  return std::ranges::any_of(kDenials, [&](std::string_view word) { return padded.find(word) != std::string::npos; });
}

// "3 times" in the sentence is "(3 times)" in the facts: other numbers are no counts.
bool counts_are_known(std::string_view sentence, std::string_view facts) {
  for (size_t at = sentence.find(" times"); at != std::string_view::npos; at = sentence.find(" times", at + 1)) {
    size_t begin = at;
    while (begin > 0 && is_digit(sentence[begin - 1])) --begin;
    if (begin == at) continue;
    const std::string count = "(" + std::string(sentence.substr(begin, at - begin)) + " times)";
    if (facts.find(count) == std::string_view::npos) return false;
  }
  return true;
}

// The first time told is the first one of the facts, which is when it began.
bool begins_in_time(const Words& said, const Words& known) {
  const auto is_time = [](const std::string& number) { return number.find(':') != std::string::npos; };
  const auto told = std::ranges::find_if(said.numbers, is_time), fact = std::ranges::find_if(known.numbers, is_time);
  return told == said.numbers.end() || (fact != known.numbers.end() && *told == *fact);
}

// Of "5.5 -> 6.0" both sides are told, in this order, and not as a change from 6.0.
bool tells_change(std::string_view sentence, std::string_view facts) {
  const LogChange change = facts.find("->") == std::string_view::npos ? LogChange{} : read_change(facts);
  if (change.after.empty()) return true;
  if (sentence.find("from " + change.after) != std::string_view::npos) return false;
  const size_t before = sentence.find(change.before), after = sentence.rfind(change.after);
  return before != std::string_view::npos && after != std::string_view::npos && before < after;
}

}  // namespace

bool is_supported(std::string_view sentence, std::string_view facts) {
  const Words said = split(sentence), known = split(facts);
  if (said.words.empty() || !counts_are_known(sentence, facts) || (is_denied(facts) && !is_denied(sentence)))
    return false;
  if (!begins_in_time(said, known) || !tells_change(sentence, facts)) return false;
  const std::set<std::string> numbers(known.numbers.begin(), known.numbers.end());
  for (const std::string& number : said.numbers) {
    if (!numbers.contains(number)) return false;
  }
  std::set<std::string> starts;
  for (const std::string& word : known.words) starts.insert(word.substr(0, kWordStart));
  bool says_something = false;
  for (const std::string& word : said.words) {
    const bool is_known = starts.contains(word.substr(0, kWordStart));
    if (!is_known && std::ranges::find(kPlainWords, word) == std::end(kPlainWords)) return false;
    says_something |= is_known;
  }
  const std::set<std::string> different(said.words.begin(), said.words.end());
  return says_something && different.size() * 3 >= said.words.size() * 2;
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
