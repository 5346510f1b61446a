#include "measure/task_words.h"

#include <utf8proc.h>

#include <array>
#include <cstdlib>
#include <memory>
#include <optional>

#include "base/error.h"
#include "base/utf8.h"

namespace thimble {
namespace {

constexpr char32_t kDegree = U'°';

std::u32string code_points(std::string_view text) {
  std::u32string points;
  points.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const CodePoint point = decode_utf8(text, at);
    points.push_back(point.value);
    at += point.length;
  }
  return points;
}

std::string utf8(std::u32string_view text) {
  std::string bytes;
  for (const char32_t point : text) append_utf8(bytes, point);
  return bytes;
}

std::u32string mapped(const std::u32string& text, int options) {
  const std::string bytes = utf8(text);
  utf8proc_uint8_t* out = nullptr;
  const utf8proc_ssize_t length =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(bytes.data()), static_cast<utf8proc_ssize_t>(bytes.size()),
                   &out, static_cast<utf8proc_option_t>(options));
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(out, &std::free);
  if (length < 0) fail(ExitCode::failed, "text cannot be normalised: {}", utf8proc_errmsg(length));
  return code_points({reinterpret_cast<const char*>(out), static_cast<size_t>(length)});
}

std::u32string case_folded(const std::u32string& text) { return mapped(text, UTF8PROC_CASEFOLD); }

utf8proc_category_t category(char32_t point) { return utf8proc_category(static_cast<utf8proc_int32_t>(point)); }

bool is_digit(char32_t point) { return category(point) == UTF8PROC_CATEGORY_ND; }

bool is_letter_or_number(char32_t point) {
  const utf8proc_category_t found = category(point);
  return (found >= UTF8PROC_CATEGORY_LU && found <= UTF8PROC_CATEGORY_LO) ||
         (found >= UTF8PROC_CATEGORY_ND && found <= UTF8PROC_CATEGORY_NO);
}

bool is_word(char32_t point) { return point == U'_' || is_letter_or_number(point); }

bool is_white_space(char32_t point) {
  return (point >= 0x09 && point <= 0x0D) || (point >= 0x1C && point <= 0x1F) || point == 0x85 || point == 0x2028 ||
         point == 0x2029 || category(point) == UTF8PROC_CATEGORY_ZS;
}

std::u32string without_group_commas(const std::u32string& text) {
  const auto digit_at = [&](size_t i) { return i < text.size() && is_digit(text[i]); };
  std::u32string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool between_groups = text[i] == U',' && i > 0 && digit_at(i - 1) && digit_at(i + 1) && digit_at(i + 2) &&
                                digit_at(i + 3) && !digit_at(i + 4);
    if (!between_groups) out += text[i];
  }
  return out;
}

// The length of "degrees celsius" and its kin at text[at], and the scale's letter.
struct Degrees {
  size_t length;
  char32_t scale;
};

std::optional<Degrees> degrees_at(std::u32string_view text) {
  constexpr std::u32string_view kDegreeWord = U"degree";
  constexpr std::array<std::u32string_view, 4> kScales = {U"celsius", U"fahrenheit", U"c", U"f"};
  if (!text.starts_with(kDegreeWord)) return std::nullopt;
  size_t at = kDegreeWord.size();
  if (at < text.size() && text[at] == U's') ++at;
  if (at >= text.size() || text[at] != U' ') return std::nullopt;
  ++at;
  for (const std::u32string_view scale : kScales) {
    const size_t end = at + scale.size();
    if (text.substr(at).starts_with(scale) && (end == text.size() || !is_word(text[end])))
      return Degrees{end, scale[0]};
  }
  return std::nullopt;
}

std::u32string with_degree_signs(const std::u32string& text) {
  std::u32string out;
  for (size_t i = 0; i < text.size();) {
    const auto degrees = degrees_at(std::u32string_view(text).substr(i));
    if (!degrees) {
      out += text[i++];
      continue;
    }
    while (!out.empty() && is_white_space(out.back())) out.pop_back();
    out += U' ';
    out += kDegree;
    out += degrees->scale;
    i += degrees->length;
  }
  return out;
}

std::u32string with_apart_units(const std::u32string& text) {
  std::u32string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool is_unit = text[i] == kDegree || text[i] == U'%' || (is_letter_or_number(text[i]) && !is_digit(text[i]));
    if (i > 0 && is_digit(text[i - 1]) && is_unit) out += U' ';
    out += text[i];
  }
  return out;
}

std::u32string single_spaced(std::u32string_view text) {
  std::u32string out;
  bool is_apart = false;
  for (const char32_t point : text) {
    if (is_white_space(point)) {
      is_apart = !out.empty();
      continue;
    }
    if (is_apart) out += U' ';
    is_apart = false;
    out += point;
  }
  return out;
}

// Letter case aside; small letters that share a capital are the same.
bool same_letter(char32_t a, char32_t b) {
  const auto small = [](char32_t c) { return utf8proc_tolower(static_cast<utf8proc_int32_t>(c)); };
  return a == b || small(a) == small(b) || utf8proc_toupper(small(a)) == utf8proc_toupper(small(b));
}

bool has_letters_at(std::u32string_view text, size_t at, std::u32string_view letters) {
  if (text.size() - at < letters.size()) return false;
  for (size_t i = 0; i < letters.size(); ++i) {
    if (!same_letter(text[at + i], letters[i])) return false;
  }
  return true;
}

// The first place where `words` stand apart from other words, or npos.
size_t find_whole(std::u32string_view text, std::u32string_view words) {
  for (size_t at = 0; at + words.size() <= text.size(); ++at) {
    const size_t end = at + words.size();
    const bool is_apart = (at == 0 || !is_word(text[at - 1])) && (end == text.size() || !is_word(text[end]));
    if (is_apart && has_letters_at(text, at, words)) return at;
  }
  return std::u32string_view::npos;
}

}  // namespace

std::u32string normal_text(std::string_view text) {
  const std::u32string composed = mapped(code_points(text), UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT);
  return single_spaced(with_apart_units(with_degree_signs(without_group_commas(case_folded(composed)))));
}

bool holds_words(std::u32string_view text, std::u32string_view words) {
  const auto is_point = [](char32_t c) { return c == U'.' || c == U','; };
  for (size_t at = text.find(words); at != text.npos; at = text.find(words, at + 1)) {
    const size_t end = at + words.size();
    const bool begins =
        (at == 0 || !is_word(text[at - 1])) && (at < 2 || !is_point(text[at - 1]) || !is_digit(text[at - 2]));
    const bool ends = (end == text.size() || !is_word(text[end])) &&
                      (end + 1 >= text.size() || !is_point(text[end]) || !is_digit(text[end + 1]));
    if (begins && ends) return true;
  }
  return false;
}

size_t first_choice(std::string_view text, const std::vector<std::string>& options) {
  const std::u32string points = code_points(text);
  size_t best = options.size();
  size_t best_at = points.size() + 1;
  size_t best_length = 0;
  for (size_t i = 0; i < options.size(); ++i) {
    const std::u32string option = code_points(options[i]);
    const size_t at = find_whole(points, option);
    if (at == points.npos || at > best_at || (at == best_at && option.size() <= best_length)) continue;
    best = i;
    best_at = at;
    best_length = option.size();
  }
  return best;
}

std::vector<std::u32string> words_of(std::string_view text) {
  std::vector<std::u32string> words;
  bool in_word = false;
  for (const char32_t point : case_folded(code_points(text))) {
    const bool belongs = is_letter_or_number(point);
    if (belongs && !in_word) words.emplace_back();
    if (belongs) words.back() += point;
    in_word = belongs;
  }
  return words;
}

std::string with_single_spaces(std::string_view text) { return utf8(single_spaced(code_points(text))); }

std::string folded_line(std::string_view text) { return utf8(single_spaced(case_folded(code_points(text)))); }

}  // namespace thimble
