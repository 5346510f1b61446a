// The methods of Python's str.
#include <algorithm>

#include "text/jinja_builtins.h"
#include "text/jinja_fault.h"
#include "text/jinja_format.h"
#include "text/jinja_python.h"
#include "text/jinja_strings.h"
#include "text/jinja_text.h"

namespace thimble::jinja {
namespace {

template <std::string (*kMap)(std::string_view)>
Value mapped(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Bound none(arguments, {});
  runtime.scan(self.text().size() * 8);
  return runtime.same_kind(self, kMap(self.text()));
}

template <bool (*kHolds)(std::string_view)>
Value holds(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Bound none(arguments, {});
  runtime.scan(self.text().size() * 8);
  return kHolds(self.text());
}

template <CharacterClass kClass>
bool non_empty_class(std::string_view text) {
  return !text.empty() && all_in_class(text, kClass);
}
bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}
bool is_blank(std::string_view text) { return !text.empty() && leading_space(text) == text.size(); }
bool is_title(std::string_view text) { return to_lower(text) != to_upper(text) && to_title(text) == text; }

template <Ends kEnds>
Value stripped(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Bound bound(arguments, {"chars"});
  return runtime.same_kind(self, std::string(strip(runtime, self.text(), bound.given(0) ? &bound[0] : nullptr, kEnds)));
}

// text[start:end] by code points, for the methods that take such bounds; nullopt where start lies behind the text.
std::optional<std::string_view> bounded(Runtime& runtime, std::string_view text, const Bound& bound, size_t first) {
  if (!bound.given(first) && !bound.given(first + 1)) return text;
  runtime.scan(text.size());
  const int64_t size = static_cast<int64_t>(count_code_points(text));
  const auto clip = [&](int64_t i) { return i < 0 ? std::max<int64_t>(i + size, 0) : i; };
  const int64_t begin = bound.given(first) ? clip(bound.integer(first, 0)) : 0;
  const int64_t end = std::min(bound.given(first + 1) ? clip(bound.integer(first + 1, size)) : size, size);
  if (begin > size || begin > end) return std::nullopt;
  const size_t from = byte_offset(text, static_cast<size_t>(begin));
  return text.substr(from, byte_offset(text, static_cast<size_t>(end)) - from);
}

template <bool kAtStart>
Value affixed(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Bound bound(arguments, {"affix", "start", "end"}, 1);
  const auto text = bounded(runtime, self.text(), bound, 1);
  const auto matches = [&](const Value& affix) {
    if (!affix.is_string()) fault("{}with() needs text, found '{}'", kAtStart ? "starts" : "ends", type_name(affix));
    return text && (kAtStart ? text->starts_with(affix.text()) : text->ends_with(affix.text()));
  };
  reject_undefined(bound[0]);
  if (bound[0].is_sequence() && bound[0].get<Sequence*>()->type == Sequence::Type::tuple) {
    return std::ranges::any_of(bound[0].get<Sequence*>()->items, matches);
  }
  return matches(bound[0]);
}

template <bool kAtStart>
Value without_affix(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Bound bound(arguments, {"affix"}, 1);
  std::string_view text = self.text();
  const std::string_view affix = bound.text(0);
  if (kAtStart && text.starts_with(affix)) text.remove_prefix(affix.size());
  if (!kAtStart && text.ends_with(affix)) text.remove_suffix(affix.size());
  return runtime.same_kind(self, std::string(text));
}

// find, rfind, index, rindex: the place in code points.
template <bool kFromEnd, bool kMust>
Value found(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Bound bound(arguments, {"sub", "start", "end"}, 1);
  const std::string_view wanted = bound.text(0);
  const auto text = bounded(runtime, self.text(), bound, 1);
  runtime.scan(self.text().size());
  const size_t at = !text ? std::string_view::npos : kFromEnd ? text->rfind(wanted) : text->find(wanted);
  if (at == std::string_view::npos) {
    if (kMust) fault("substring not found");
    return int64_t{-1};
  }
  const size_t before = static_cast<size_t>(text->data() - self.text().data()) + at;
  return static_cast<int64_t>(count_code_points(self.text().substr(0, before)));
}

Value count(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Bound bound(arguments, {"sub", "start", "end"}, 1);
  const auto text = bounded(runtime, self.text(), bound, 1);
  if (!text) return int64_t{0};
  runtime.scan(text->size());
  const std::string_view wanted = bound.text(0);
  if (wanted.empty()) return static_cast<int64_t>(count_code_points(*text) + 1);
  int64_t times = 0;
  for (size_t at = text->find(wanted); at != std::string_view::npos; at = text->find(wanted, at + wanted.size()))
    ++times;
  return times;
}

Value replaced(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Bound bound(arguments, {"old", "new", "count"}, 2);
  return runtime.same_kind(self, replace(runtime, self.text(), bound.text(0), bound.text(1), bound.integer(2, -1)));
}

Value pieces(Runtime& runtime, const Value& like, const std::vector<std::string_view>& texts) {
  runtime.charge(texts.size() * sizeof(String));
  std::vector<Value> items;
  for (const std::string_view text : texts) items.push_back(runtime.same_kind(like, std::string(text)));
  return runtime.list(std::move(items));
}

template <bool kFromEnd>
Value split_text(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Bound bound(arguments, {"sep", "maxsplit"});
  const int64_t most = bound.integer(1, -1);
  runtime.scan(self.text().size());
  if (!bound.given(0)) return pieces(runtime, self, split_space(self.text(), most, kFromEnd));
  if (bound.text(0).empty()) fault("empty separator");
  return pieces(runtime, self, split(self.text(), bound.text(0), most, kFromEnd));
}

Value split_at_lines(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Bound bound(arguments, {"keepends"});
  runtime.scan(self.text().size());
  return pieces(runtime, self, split_lines(self.text(), bound.flag(0, false)));
}

template <bool kFromEnd>
Value partition(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Bound bound(arguments, {"sep"}, 1);
  const std::string_view text = self.text();
  const std::string_view mark = bound.text(0);
  if (mark.empty()) fault("empty separator");
  runtime.scan(text.size());
  const size_t at = kFromEnd ? text.rfind(mark) : text.find(mark);
  const auto part = [&](std::string_view piece) { return runtime.same_kind(self, std::string(piece)); };
  if (at == std::string_view::npos) {
    return kFromEnd ? runtime.tuple({part(""), part(""), part(text)}) : runtime.tuple({part(text), part(""), part("")});
  }
  return runtime.tuple({part(text.substr(0, at)), part(mark), part(text.substr(at + mark.size()))});
}

Value joined(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Bound bound(arguments, {"iterable"}, 1);
  std::string out;
  bool first = true;
  for (const Value& item : iterate(runtime, bound[0])) {
    if (!item.is_string()) fault("join() needs text, found '{}'", type_name(item));
    if (!std::exchange(first, false)) runtime.append(out, self.text());
    runtime.append(out, item.text());
  }
  return runtime.same_kind(self, std::move(out));
}

template <Alignment kAlignment>
Value aligned(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Bound bound(arguments, {"width", "fillchar"}, 1);
  const std::string_view fill = bound.text(1, " ");
  if (count_code_points(fill) != 1) fault("the fill character must be one character");
  return runtime.same_kind(self, pad(runtime, self.text(), bound.integer(0, 0), fill, kAlignment));
}

Value zero_filled(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Bound bound(arguments, {"width"}, 1);
  std::string_view digits = self.text();
  std::string sign;
  if (digits.starts_with('-') || digits.starts_with('+')) {
    sign = digits.substr(0, 1);
    digits.remove_prefix(1);
  }
  const int64_t width = std::max<int64_t>(bound.integer(0, 0), 1) - static_cast<int64_t>(sign.size());
  return runtime.same_kind(self, sign + pad(runtime, digits, width, "0", Alignment::right));
}

Value expand_tabs(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Bound bound(arguments, {"tabsize"});
  const int64_t size = bound.integer(0, 8);
  std::string out;
  int64_t column = 0;
  for (const std::string_view c : code_points(self.text())) {
    if (c == "\t") {
      const int64_t spaces = size > 0 ? size - column % size : 0;
      runtime.append(out, pad(runtime, "", spaces, " ", Alignment::left));
      column += spaces;
    } else {
      runtime.append(out, c);
      column = c == "\n" || c == "\r" ? 0 : column + 1;
    }
  }
  return runtime.same_kind(self, std::move(out));
}

constexpr Named<Filter> kMethods[] = {
    {"capitalize", mapped<capitalize>},
    {"casefold", mapped<to_lower>},
    {"center", aligned<Alignment::center>},
    {"count", count},
    {"endswith", affixed<false>},
    {"expandtabs", expand_tabs},
    {"find", found<false, false>},
    {"format", brace_format},
    {"index", found<false, true>},
    {"isalnum", holds<non_empty_class<CharacterClass::alphanumeric>>},
    {"isalpha", holds<non_empty_class<CharacterClass::alphabetic>>},
    {"isascii", holds<is_ascii>},
    {"isdecimal", holds<non_empty_class<CharacterClass::numeric>>},
    {"isdigit", holds<non_empty_class<CharacterClass::numeric>>},
    {"islower", holds<is_lower>},
    {"isnumeric", holds<non_empty_class<CharacterClass::numeric>>},
    {"isspace", holds<is_blank>},
    {"istitle", holds<is_title>},
    {"isupper", holds<is_upper>},
    {"join", joined},
    {"ljust", aligned<Alignment::left>},
    {"lower", mapped<to_lower>},
    {"lstrip", stripped<Ends::left>},
    {"partition", partition<false>},
    {"removeprefix", without_affix<true>},
    {"removesuffix", without_affix<false>},
    {"replace", replaced},
    {"rfind", found<true, false>},
    {"rindex", found<true, true>},
    {"rjust", aligned<Alignment::right>},
    {"rpartition", partition<true>},
    {"rsplit", split_text<true>},
    {"rstrip", stripped<Ends::right>},
    {"split", split_text<false>},
    {"splitlines", split_at_lines},
    {"startswith", affixed<true>},
    {"strip", stripped<Ends::both>},
    {"swapcase", mapped<swap_case>},
    {"title", mapped<to_title>},
    {"upper", mapped<to_upper>},
    {"zfill", zero_filled},
};

}  // namespace

Filter find_string_method(std::string_view name) { return find_named<Filter>(kMethods, name); }

}  // namespace thimble::jinja
