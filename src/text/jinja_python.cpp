#include "text/jinja_python.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <functional>

#include "base/utf8.h"
#include "text/jinja_fault.h"
#include "text/jinja_text.h"

namespace thimble::jinja {
namespace {

void append_escaped(std::string& out, std::string_view character, char quote) {
  const uint32_t c = decode_utf8(character, 0).value;
  if (character[0] == quote || character[0] == '\\') {
    out += '\\';
    out += character;
  } else if (c == '\n' || c == '\r' || c == '\t') {
    out += c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t";
  } else if (c >= 0x20 && c < 0x7f) {
    out += character;
  } else if (c >= 0xa0 && all_in_class(character, CharacterClass::printable)) {
    out += character;
  } else if (c < 0x100) {
    out += fmt::format("\\x{:02x}", c);
  } else if (c < 0x10000) {
    out += fmt::format("\\u{:04x}", c);
  } else {
    out += fmt::format("\\U{:08x}", c);
  }
}

void append_string_repr(Runtime& runtime, std::string& out, std::string_view text) {
  runtime.scan(text.size() * 4);
  const bool has_single = text.find('\'') != std::string_view::npos;
  const char quote = has_single && text.find('"') == std::string_view::npos ? '"' : '\'';
  out += quote;
  for (size_t i = 0; i < text.size();) {
    const size_t length = decode_utf8(text, i).length;
    append_escaped(out, text.substr(i, length), quote);
    i += length;
  }
  out += quote;
}

void append_repr(Runtime& runtime, std::string& out, const Value& value, size_t depth);

void append_items(Runtime& runtime, std::string& out, const std::vector<Value>& items, size_t depth) {
  for (size_t i = 0; i < items.size(); ++i) {
    if (i > 0) out += ", ";
    append_repr(runtime, out, items[i], depth);
  }
}

std::string range_text(const Sequence::Range& range) {
  const std::string bounds = fmt::format("range({}, {}", range.first, range.last);
  return range.step == 1 ? bounds + ")" : fmt::format("{}, {})", bounds, range.step);
}

void append_sequence(Runtime& runtime, std::string& out, const Sequence& sequence, size_t depth) {
  using Type = Sequence::Type;
  const auto wrapped = [&](std::string_view open, std::string_view close) {
    out += open;
    append_items(runtime, out, sequence.items, depth);
    out += close;
  };
  switch (sequence.type) {
    case Type::list: return wrapped("[", "]");
    case Type::tuple: return wrapped("(", sequence.items.size() == 1 ? ",)" : ")");
    case Type::keys: return wrapped("dict_keys([", "])");
    case Type::values: return wrapped("dict_values([", "])");
    case Type::items: return wrapped("dict_items([", "])");
    case Type::iterator: out += "<generator object>"; return;
    case Type::range: out += range_text(sequence.range); return;
  }
}

void append_dict(Runtime& runtime, std::string& out, const Dict& dict, size_t depth) {
  out += '{';
  bool first = true;
  for (const auto& [key, value] : dict.entries) {
    if (!std::exchange(first, false)) out += ", ";
    append_repr(runtime, out, key, depth);
    out += ": ";
    append_repr(runtime, out, value, depth);
  }
  out += '}';
}

void append_repr(Runtime& runtime, std::string& out, const Value& value, size_t depth) {
  check_depth(depth);
  runtime.step();
  if (value.is_undefined()) {
    out += "Undefined";
  } else if (value.is_none()) {
    out += "None";
  } else if (value.is<bool>()) {
    out += value.get<bool>() ? "True" : "False";
  } else if (value.is<int64_t>()) {
    out += std::to_string(value.get<int64_t>());
  } else if (value.is<double>()) {
    out += real_text(value.get<double>());
  } else if (value.is_string()) {
    const bool markup = value.get<const String*>()->markup;
    if (markup) out += "Markup(";
    append_string_repr(runtime, out, value.text());
    if (markup) out += ')';
  } else if (value.is_sequence()) {
    append_sequence(runtime, out, *value.get<Sequence*>(), depth + 1);
  } else if (value.is_dict()) {
    append_dict(runtime, out, *value.get<Dict*>(), depth + 1);
  } else if (value.is<Namespace*>()) {
    out += "<Namespace ";
    append_dict(runtime, out, *value.get<Namespace*>()->attributes, depth + 1);
    out += '>';
  } else if (value.is<Callable*>()) {
    out += fmt::format("<Macro '{}'>", value.get<Callable*>()->name);
  } else {
    out += fmt::format("<{}>", value.get<Instance*>()->type_name());
  }
}

// Items of both in step, until they differ: -1, 0 or 1 is not needed, only equality and order of the first difference.
size_t first_difference(Runtime& runtime, const std::vector<Value>& a, const std::vector<Value>& b, size_t depth) {
  size_t i = 0;
  while (i < a.size() && i < b.size() && equal(runtime, a[i], b[i], depth + 1)) ++i;
  return i;
}

bool equal_dicts(Runtime& runtime, const Dict& a, const Dict& b, size_t depth) {
  if (a.entries.size() != b.entries.size()) return false;
  return std::ranges::all_of(a.entries, [&](const auto& entry) {
    const Value* other = find(runtime, b, entry.first);
    return other != nullptr && equal(runtime, entry.second, *other, depth + 1);
  });
}

// Exact where a double and a 64-bit integer are compared: the integer may have no double of its own.
int compare_numbers(const Value& a, const Value& b) {
  if (a.is_integral() && b.is_integral()) return a.integral() < b.integral() ? -1 : a.integral() > b.integral();
  if (a.is<double>() && b.is<double>()) return a.real() < b.real() ? -1 : a.real() > b.real();
  if (a.is<double>()) return -compare_numbers(b, a);
  const double real = b.real();
  if (real >= 0x1p63) return -1;
  if (real < -0x1p63) return 1;
  const int64_t whole = static_cast<int64_t>(std::floor(real));
  if (a.integral() != whole) return a.integral() < whole ? -1 : 1;
  return real > std::floor(real) ? -1 : 0;
}

bool is_nan(const Value& value) { return value.is<double>() && std::isnan(value.real()); }

}  // namespace

void check_depth(size_t depth) {
  if (depth > kMaxValueDepth) fault("a value is nested deeper than {}", kMaxValueDepth);
}

bool truthy(const Value& value) {
  if (value.is<bool>()) return value.get<bool>();
  if (value.is<int64_t>()) return value.get<int64_t>() != 0;
  if (value.is<double>()) return value.get<double>() != 0;
  if (value.is_undefined() || value.is_none()) return false;
  if (value.is_string()) return !value.text().empty();
  return length(value).value_or(1) != 0;
}

std::string_view type_name(const Value& value) {
  if (value.is_undefined()) return "Undefined";
  if (value.is_none()) return "None";
  if (value.is<bool>()) return "bool";
  if (value.is<int64_t>()) return "int";
  if (value.is<double>()) return "float";
  if (value.is_string()) return "str";
  if (value.is_dict()) return "dict";
  if (value.is<Namespace*>()) return "Namespace";
  if (value.is<Callable*>()) return "function";
  if (value.is<Instance*>()) return value.get<Instance*>()->type_name();
  switch (value.get<Sequence*>()->type) {
    case Sequence::Type::list: return "list";
    case Sequence::Type::tuple: return "tuple";
    case Sequence::Type::range: return "range";
    case Sequence::Type::keys: return "dict_keys";
    case Sequence::Type::values: return "dict_values";
    case Sequence::Type::items: return "dict_items";
    case Sequence::Type::iterator: return "generator";
  }
  return "object";
}

std::string real_text(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  // The shortest digits that read back as the same double, laid out as Python's repr does.
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific).ptr;
  const std::string_view text(buffer, static_cast<size_t>(end - buffer));
  const size_t mark = text.find('e');
  std::string digits;
  for (const char c : text.substr(0, mark)) {
    if (c >= '0' && c <= '9') digits += c;
  }
  int exponent = 0;
  const std::string_view power = text.substr(mark + (text[mark + 1] == '+' ? 2 : 1));
  std::from_chars(power.data(), power.data() + power.size(), exponent);
  std::string out = std::signbit(value) ? "-" : "";
  if (exponent < -4 || exponent >= 16) {
    out += digits.substr(0, 1);
    if (digits.size() > 1) out += "." + digits.substr(1);
    return out + fmt::format("e{}{:02}", exponent < 0 ? '-' : '+', std::abs(exponent));
  }
  if (exponent < 0) return out + "0." + std::string(static_cast<size_t>(-exponent - 1), '0') + digits;
  const size_t whole = static_cast<size_t>(exponent) + 1;
  if (digits.size() <= whole) return out + digits + std::string(whole - digits.size(), '0') + ".0";
  return out + digits.substr(0, whole) + "." + digits.substr(whole);
}

void append_text(Runtime& runtime, std::string& out, const Value& value) {
  if (value.is_undefined()) return;
  if (value.is_string()) {
    runtime.append(out, value.text());
  } else {
    append_repr(runtime, out, value, 0);
  }
}

std::string to_text(Runtime& runtime, const Value& value) {
  std::string out;
  append_text(runtime, out, value);
  return out;
}

std::string to_repr(Runtime& runtime, const Value& value) {
  std::string out;
  append_repr(runtime, out, value, 0);
  return out;
}

bool equal(Runtime& runtime, const Value& a, const Value& b, size_t depth) {
  check_depth(depth);
  runtime.step();
  if (a.is_number() && b.is_number()) return !is_nan(a) && !is_nan(b) && compare_numbers(a, b) == 0;
  if (a.data().index() != b.data().index()) return false;
  if (a.is_string()) {
    runtime.scan(a.text().size());
    return a.text() == b.text();
  }
  if (a.is_dict()) return equal_dicts(runtime, *a.get<Dict*>(), *b.get<Dict*>(), depth);
  if (a.is_sequence()) {
    const Sequence& left = *a.get<Sequence*>();
    const Sequence& right = *b.get<Sequence*>();
    if (&left == &right) return true;
    const bool by_items = left.is_indexable() && left.type == right.type && left.items.size() == right.items.size();
    return by_items && first_difference(runtime, left.items, right.items, depth) == left.items.size();
  }
  if (a.is_undefined() || a.is_none()) return true;
  if (a.is<Namespace*>()) return a.get<Namespace*>() == b.get<Namespace*>();
  if (a.is<Callable*>()) return a.get<Callable*>() == b.get<Callable*>();
  return a.get<Instance*>() == b.get<Instance*>();
}

bool less(Runtime& runtime, const Value& a, const Value& b, size_t depth) {
  check_depth(depth);
  runtime.step();
  if (a.is_number() && b.is_number()) return !is_nan(a) && !is_nan(b) && compare_numbers(a, b) < 0;
  if (a.is_string() && b.is_string()) {
    runtime.scan(std::min(a.text().size(), b.text().size()));
    return a.text() < b.text();  // the order of UTF-8 bytes is that of code points
  }
  if (a.is_sequence() && b.is_sequence()) {
    const Sequence& left = *a.get<Sequence*>();
    const Sequence& right = *b.get<Sequence*>();
    if (left.type == right.type && (left.type == Sequence::Type::list || left.type == Sequence::Type::tuple)) {
      const size_t i = first_difference(runtime, left.items, right.items, depth);
      if (i == left.items.size() || i == right.items.size()) return left.items.size() < right.items.size();
      return less(runtime, left.items[i], right.items[i], depth + 1);
    }
  }
  reject_undefined(a);
  reject_undefined(b);
  fault("'{}' and '{}' have no order", type_name(a), type_name(b));
}

bool contains(Runtime& runtime, const Value& container, const Value& item) {
  if (container.is_string()) {
    reject_undefined(item);
    if (!item.is_string()) fault("'in <string>' needs a string on its left, not '{}'", type_name(item));
    runtime.scan(container.text().size());
    return container.text().find(item.text()) != std::string_view::npos;
  }
  if (container.is_dict()) return find(runtime, *container.get<Dict*>(), item) != nullptr;
  const std::vector<Value>& items = iterate(runtime, container);
  return std::ranges::any_of(items, [&](const Value& other) { return equal(runtime, item, other); });
}

std::optional<size_t> length(const Value& value) {
  if (value.is_string()) return count_code_points(value.text());
  if (value.is_dict()) return value.get<Dict*>()->entries.size();
  if (value.is_undefined()) return 0;
  if (!value.is_sequence() || value.get<Sequence*>()->type == Sequence::Type::iterator) return std::nullopt;
  return value.get<Sequence*>()->items.size();
}

bool is_iterable(const Value& value) {
  return value.is_string() || value.is_sequence() || value.is_dict() || value.is_undefined();
}

const std::vector<Value>& iterate(Runtime& runtime, const Value& value) {
  std::vector<Value> items;
  if (value.is_sequence()) {
    Sequence& sequence = *value.get<Sequence*>();
    if (sequence.type != Sequence::Type::iterator) return sequence.items;
    items.assign(sequence.items.begin() + static_cast<ptrdiff_t>(sequence.consumed), sequence.items.end());
    sequence.consumed = sequence.items.size();
  } else if (value.is_dict()) {
    for (const auto& [key, unused] : value.get<Dict*>()->entries) items.push_back(key);
  } else if (value.is_string()) {
    runtime.charge(count_code_points(value.text()) * (sizeof(String) + sizeof(Value)));
    for (const std::string_view c : code_points(value.text())) items.push_back(runtime.string(std::string(c)));
  } else if (!value.is_undefined()) {
    fault("a '{}' is not iterable", type_name(value));
  }
  return runtime.list(std::move(items)).get<Sequence*>()->items;
}

void reject_undefined(const Value& value) {
  if (!value.is_undefined()) return;
  const String* reason = value.get<Undefined>().reason;
  throw Fault{reason == nullptr ? "an undefined value is used" : std::string(reason->text)};
}

int64_t to_index(const Value& value, std::string_view what) {
  reject_undefined(value);
  if (!value.is_integral()) fault("{} must be an integer, found '{}'", what, type_name(value));
  return value.integral();
}

}  // namespace thimble::jinja
