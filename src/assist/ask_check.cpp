#include "assist/ask_check.h"

#include <algorithm>
#include <array>

#include "base/ascii.h"
#include "knowledge/search_words.h"

namespace thimble {
namespace {

constexpr size_t kStem = 5;  // letters at most: "tension" and "tensioned"
constexpr size_t kLeastStem = 3;

// docs/task-files.md takes these for a refusal, and what models say besides.
constexpr std::array<std::string_view, 21> kRefusals = {
    "do not say",     "does not say",     "don't say",      "doesn't say",      "not in the manual",
    "not mentioned",  "no information",   "cannot answer",  "can't answer",     "cannot find",
    "could not find", "not specified",    "not provided",   "do not mention",   "does not mention",
    "do not specify", "does not specify", "do not provide", "does not provide", "don't have access",
    "i'm sorry, but"};

bool has_digit(std::string_view word) { return std::ranges::any_of(word, ascii::is_digit); }

// "1,200" is 1200; the joints of "2026-04-13" stay.
std::string number_word(std::string_view word) {
  std::string out(word);
  std::erase(out, ',');
  return out;
}

// Words with a digit, and what stands beside their joints: "V-51" is there where "V-51 and V-52" is.
std::set<std::string> number_words(std::string_view text) {
  std::set<std::string> numbers;
  for (const std::string& word : words_of_text(text)) {
    if (!has_digit(word)) continue;
    numbers.insert(number_word(word));
    std::string part;
    for (const char c : word + " ") {
      const bool is_digit = (c >= '0' && c <= '9') || c == '.' || c == ',';
      if (is_digit) part += c;
      if (!is_digit && has_digit(part)) numbers.insert(number_word(part));
      if (!is_digit) part.clear();
    }
  }
  return numbers;
}

// Numbers with the word behind them, where that says something: "30 minut".
std::set<std::string> measures(std::string_view text) {
  std::set<std::string> found;
  const std::vector<std::string> words = words_of_text(text);
  for (size_t i = 0; i + 1 < words.size(); ++i) {
    const bool is_number = has_digit(words[i]) && !is_code(words[i]);
    const bool is_unit = !has_digit(words[i + 1]) && !is_function_word(words[i + 1]);
    if (is_number && is_unit) found.insert(number_word(words[i]) + " " + stem_of(words[i + 1]));
  }
  return found;
}

std::set<std::string> shingles(std::string_view text) {
  const std::vector<std::string> words = words_of_text(text);
  std::set<std::string> runs;
  if (words.size() < 3) runs.insert(std::string(text));
  for (size_t i = 0; i + 2 < words.size(); ++i) runs.insert(words[i] + " " + words[i + 1] + " " + words[i + 2]);
  return runs;
}

// The end of a bracket of numbers that begins at `at`, or `at` where there is none.
size_t citation_end(std::string_view text, size_t at) {
  if (text[at] != '[') return at;
  size_t end = at + 1;
  bool has_number = false;
  for (; end < text.size() && text[end] != ']'; ++end) {
    const char c = text[end];
    const bool is_digit = c >= '0' && c <= '9';
    if (!is_digit && c != ',' && c != ' ') return at;
    has_number = has_number || is_digit;
  }
  return end < text.size() && has_number ? end + 1 : at;
}

}  // namespace

std::string stem_of(const std::string& word) {
  if (has_digit(word)) return number_word(word);
  std::string stem = word;
  const auto drop = [&](std::string_view ending) {
    const bool is_there = stem.ends_with(ending) && stem.size() >= ending.size() + kLeastStem;
    if (is_there) stem.resize(stem.size() - ending.size());
    return is_there;
  };
  if (!stem.ends_with("ss")) drop("s");
  if (!drop("ing")) drop("ed");
  drop("e");
  return stem.substr(0, kStem);
}

std::set<std::string> word_stems(std::string_view text) {
  std::set<std::string> stems;
  for (const std::string& word : words_of_text(text)) {
    if (!is_function_word(word)) stems.insert(stem_of(word));
  }
  return stems;
}

bool reads_as_refusal(std::string_view answer) {
  const std::string text = ascii::to_lower(answer);
  return std::ranges::any_of(kRefusals,
                             [&](std::string_view refusal) { return text.find(refusal) != std::string::npos; });
}

double covered(const std::set<std::string>& stems, const std::set<std::string>& text) {
  if (stems.empty()) return 1;
  const auto found = std::ranges::count_if(stems, [&](const std::string& stem) { return text.contains(stem); });
  return static_cast<double>(found) / static_cast<double>(stems.size());
}

Support support_of(std::string_view answer, std::string_view sources, std::string_view question) {
  const std::string all = std::string(sources) + "\n" + std::string(question);
  Support support;
  support.words = covered(word_stems(answer), word_stems(all));
  const std::set<std::string> asked = word_stems(question), said = word_stems(answer);
  const std::vector<std::string> words = words_of_text(answer);
  const bool is_yes_or_no = !words.empty() && (words[0] == "yes" || words[0] == "no");
  support.adds_nothing = !is_yes_or_no && std::ranges::includes(asked, said);
  const std::set<std::string> known = number_words(all);
  support.has_all_numbers = std::ranges::all_of(
      words, [&](const std::string& word) { return !has_digit(word) || known.contains(number_word(word)); });
  support.has_all_numbers = support.has_all_numbers && std::ranges::includes(measures(all), measures(answer));
  return support;
}

bool repeats_itself(std::string_view answer) {
  const std::vector<std::string> words = words_of_text(answer);
  std::set<std::string> runs;
  for (size_t i = 0; i + 3 < words.size(); ++i) {
    if (!runs.insert(words[i] + " " + words[i + 1] + " " + words[i + 2] + " " + words[i + 3]).second) return true;
  }
  return false;
}

bool asks_for_number(std::string_view question) {
  constexpr std::array<std::string_view, 15> kMeasured = {"big",   "cold", "deep", "far",   "fast",
                                                          "heavy", "high", "hot",  "large", "long",
                                                          "loud",  "many", "much", "often", "wide"};
  const std::vector<std::string> words = words_of_text(question);
  for (size_t i = 0; i + 1 < words.size(); ++i) {
    if (words[i] == "how" && std::ranges::find(kMeasured, words[i + 1]) != kMeasured.end()) return true;
  }
  return false;
}

double likeness(std::string_view a, std::string_view b) {
  const std::set<std::string> of_a = shingles(a), of_b = shingles(b);
  const auto shared = std::ranges::count_if(of_a, [&](const std::string& run) { return of_b.contains(run); });
  const auto both = static_cast<double>(of_a.size() + of_b.size()) - static_cast<double>(shared);
  return both == 0 ? 1 : static_cast<double>(shared) / both;
}

std::vector<size_t> cited_numbers(std::string_view answer, size_t count) {
  std::vector<size_t> cited;
  for (size_t at = 0; at < answer.size(); ++at) {
    const size_t end = citation_end(answer, at);
    size_t number = 0;
    for (size_t i = at + 1; i < end; ++i) {
      const bool is_digit = answer[i] >= '0' && answer[i] <= '9';
      if (is_digit) number = std::min<size_t>(number * 10 + static_cast<size_t>(answer[i] - '0'), 100'000);
      if (is_digit) continue;
      if (number >= 1 && number <= count && std::ranges::find(cited, number) == cited.end()) cited.push_back(number);
      number = 0;
    }
  }
  return cited;
}

std::string without_citations(std::string_view answer) {
  std::string out;
  for (size_t at = 0; at < answer.size();) {
    const size_t end = citation_end(answer, at);
    if (end == at) {
      out += answer[at++];
      continue;
    }
    at = end;
    const bool is_before_mark = at < answer.size() && (answer[at] == '.' || answer[at] == ',' || answer[at] == ' ');
    if ((is_before_mark || at == answer.size()) && out.ends_with(' ')) out.pop_back();
  }
  return out;
}

}  // namespace thimble
