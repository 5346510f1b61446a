#include "text/jinja_json.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/utf8.h"
#include "text/jinja_fault.h"
#include "text/jinja_python.h"

namespace thimble::jinja {
namespace {

using Json = nlohmann::ordered_json;

Value text_value(Runtime& runtime, std::string_view text) {
  return is_valid_utf8(text) ? runtime.outside_string(text) : runtime.string(to_valid_utf8(text));
}

Value convert(Runtime& runtime, const Json& json, size_t depth) {
  if (depth > kMaxValueDepth) fault("the context is nested deeper than {}", kMaxValueDepth);
  switch (json.type()) {
    case Json::value_t::boolean: return json.get<bool>();
    case Json::value_t::number_integer: return json.get<int64_t>();
    case Json::value_t::number_unsigned: {
      const uint64_t number = json.get<uint64_t>();
      const bool fits = number <= static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
      return fits ? Value(static_cast<int64_t>(number)) : Value(static_cast<double>(number));
    }
    case Json::value_t::number_float: return json.get<double>();
    case Json::value_t::string: return text_value(runtime, json.get_ref<const std::string&>());
    case Json::value_t::array: {
      std::vector<Value> items;
      for (const Json& item : json) items.push_back(convert(runtime, item, depth + 1));
      return runtime.list(std::move(items));
    }
    case Json::value_t::object: {
      Dict* dict = runtime.dict();
      for (const auto& [key, value] : json.items()) {
        insert(runtime, *dict, text_value(runtime, key), convert(runtime, value, depth + 1));
      }
      return dict;
    }
    default: return None{};
  }
}

class Writer {
 public:
  Writer(Runtime& runtime, const JsonStyle& style) : runtime_(runtime), style_(style) {}

  void write(const Value& value, size_t depth) {
    if (depth > kMaxValueDepth) fault("a value is nested deeper than {}", kMaxValueDepth);
    runtime_.step();
    if (value.is_string()) {
      write_string(value.text());
    } else if (value.is_dict()) {
      write_dict(*value.get<Dict*>(), depth);
    } else if (value.is_sequence() && is_array(*value.get<Sequence*>())) {
      write_list(value.get<Sequence*>()->items, depth);
    } else if (!write_scalar(value)) {
      fault("a '{}' has no JSON form", type_name(value));
    }
  }

  std::string take() { return std::move(out_); }

 private:
  static bool is_array(const Sequence& sequence) {
    return sequence.type == Sequence::Type::list || sequence.type == Sequence::Type::tuple;
  }

  void append(std::string_view text) { runtime_.append(out_, text); }

  bool write_scalar(const Value& value) {
    if (value.is_none()) {
      append("null");
    } else if (value.is<bool>()) {
      append(value.get<bool>() ? "true" : "false");
    } else if (value.is<int64_t>()) {
      append(std::to_string(value.get<int64_t>()));
    } else if (value.is<double>()) {
      const double real = value.real();
      append(std::isnan(real) ? "NaN" : std::isinf(real) ? (real < 0 ? "-Infinity" : "Infinity") : real_text(real));
    } else {
      return false;
    }
    return true;
  }

  void new_line(size_t depth) {
    if (!style_.multi_line) return;
    append("\n");
    for (size_t i = 0; i < depth; ++i) append(style_.indent);
  }

  // What separates items; a line break takes the place of the blank behind it.
  void separate(bool first, size_t depth) {
    if (!first) append(style_.item_separator);
    new_line(depth);
  }

  void write_list(const std::vector<Value>& items, size_t depth) {
    append("[");
    for (size_t i = 0; i < items.size(); ++i) {
      separate(i == 0, depth + 1);
      write(items[i], depth + 1);
    }
    if (!items.empty()) new_line(depth);
    append("]");
  }

  void write_dict(const Dict& dict, size_t depth) {
    std::vector<const std::pair<Value, Value>*> entries;
    for (const auto& entry : dict.entries) entries.push_back(&entry);
    if (style_.sort_keys) {
      std::ranges::stable_sort(entries,
                               [&](const auto* a, const auto* b) { return less(runtime_, a->first, b->first); });
    }
    append("{");
    bool first = true;
    for (const auto* entry : entries) {
      separate(std::exchange(first, false), depth + 1);
      write_key(entry->first);
      append(style_.key_separator);
      write(entry->second, depth + 1);
    }
    if (!entries.empty()) new_line(depth);
    append("}");
  }

  void write_key(const Value& key) {
    if (key.is_string()) {
      write_string(key.text());
      return;
    }
    out_ += '"';
    if (!write_scalar(key)) fault("a '{}' cannot be a key in JSON", type_name(key));
    out_ += '"';
  }

  void write_string(std::string_view text) {
    runtime_.append(out_, "\"");
    runtime_.scan(text.size());
    for (size_t i = 0; i < text.size();) {
      const CodePoint c = decode_utf8(text, i);
      if (!write_escape(c.value)) out_ += text.substr(i, c.length);
      i += c.length;
    }
    runtime_.append(out_, "\"");
  }

  bool write_escape(uint32_t c) {
    static constexpr std::string_view kNamed = "\"\\\n\r\t\b\f";
    static constexpr std::string_view kLetters = "\"\\nrtbf";
    const size_t named = c < 0x80 ? kNamed.find(static_cast<char>(c)) : std::string_view::npos;
    if (named != std::string_view::npos) {
      out_ += '\\';
      out_ += kLetters[named];
    } else if (c < 0x20 || (style_.ascii_only && c > 0x7e && c < 0x10000)) {
      out_ += fmt::format("\\u{:04x}", c);
    } else if (style_.ascii_only && c >= 0x10000) {
      out_ += fmt::format("\\u{:04x}\\u{:04x}", 0xd800 + ((c - 0x10000) >> 10), 0xdc00 + ((c - 0x10000) & 0x3ff));
    } else {
      return false;
    }
    return true;
  }

  Runtime& runtime_;
  const JsonStyle& style_;
  std::string out_;
};

}  // namespace

Value from_json(Runtime& runtime, const Json& json) { return convert(runtime, json, 0); }

std::string to_json(Runtime& runtime, const Value& value, const JsonStyle& style) {
  Writer writer(runtime, style);
  writer.write(value, 0);
  return writer.take();
}

}  // namespace thimble::jinja
