#include "text/jinja_format.h"

#include <algorithm>
#include <optional>

#include "base/error.h"
#include "base/utf8.h"
#include "text/jinja_builtins.h"
#include "text/jinja_fault.h"
#include "text/jinja_format_field.h"
#include "text/jinja_python.h"
#include "text/jinja_text.h"

namespace thimble::jinja {
namespace {

Specification brace_specification(std::string_view text) {
  Specification spec;
  Reader in(text);
  const auto is_align = [](char c) { return c == '<' || c == '>' || c == '^' || c == '='; };
  const size_t first = text.empty() ? 0 : decode_utf8(text, 0).length;
  if (first > 0 && first < text.size() && is_align(text[first])) {
    spec.fill = text.substr(0, first);
    spec.align = text[first];
    in.advance(first + 1);
  } else if (is_align(in.peek())) {
    spec.align = in.take();
  }
  if (in.peek() == '+' || in.peek() == '-' || in.peek() == ' ') spec.sign = in.take();
  spec.alternate = in.skip('#');
  if (in.peek() == '0' && spec.align == '\0') {
    spec.align = '=';
    spec.fill = "0";
  }
  spec.width = in.number().value_or(0);
  if (in.peek() == ',' || in.peek() == '_') spec.grouping = in.take();
  if (in.skip('.')) {
    spec.precision = in.number();
    if (!spec.precision) fault("a format lacks its precision");
  }
  if (!in.done()) spec.type = in.take();
  if (!in.done()) fault("malformed format '{}'", printable(text, 60));
  check_precision(spec);
  return spec;
}

std::string brace_field(Runtime& runtime, const Value& value, std::string_view specification) {
  Specification spec = brace_specification(specification);
  if (specification.empty()) return to_text(runtime, value);
  if (value.is_string()) {
    if (spec.type != '\0' && spec.type != 's') fault("unknown format code '{}' for text", spec.type);
    if (spec.align == '=') spec.align = '<';
    return text_field(runtime, value.text(), spec, '<');
  }
  reject_undefined(value);
  if (!value.is_number()) fault("a '{}' takes no format", type_name(value));
  if (value.is<bool>() && spec.type == '\0')
    return text_field(runtime, value.get<bool>() ? "True" : "False", spec, '<');
  if (!value.is_integral() || std::string_view("eEfFgG%").find(spec.type) != std::string_view::npos) {
    return real_field(runtime, value.real(), spec);
  }
  if (spec.precision) fault("an integer takes no precision");
  if (spec.type == 'c') return text_field(runtime, character(value.integral()), spec, '<');
  if (std::string_view("\0dxXobn", 7).find(spec.type) == std::string_view::npos)
    fault("unknown format code '{}' for an integer", spec.type);
  return integer_field(runtime, value.integral(), spec);
}

class BraceFormatter {
 public:
  BraceFormatter(Runtime& runtime, const Arguments& arguments) : runtime_(runtime), arguments_(arguments) {}

  std::string format(std::string_view pattern, size_t depth) {
    if (depth > 2) fault("formats are nested too deep");
    Reader in(pattern);
    std::string out;
    while (!in.done()) {
      runtime_.append(out, in.until("{}"));
      if (in.done()) break;
      const char c = in.take();
      if (in.skip(c)) {
        out += c;
      } else if (c == '}') {
        fault("a single '}}' in a format");
      } else {
        runtime_.append(out, field(in, depth));
      }
    }
    return out;
  }

 private:
  std::string field(Reader& in, size_t depth) {
    Value value = lookup(in);
    if (in.skip('!')) {
      const char conversion = in.take();
      if (conversion != 'r' && conversion != 's') fault("unknown conversion '!{}' in a format", conversion);
      value = runtime_.string(conversion == 'r' ? to_repr(runtime_, value) : to_text(runtime_, value));
    }
    std::string specification;
    if (in.skip(':')) specification = format(nested(in), depth + 1);
    if (!in.skip('}')) fault("a format field is not closed");
    return brace_field(runtime_, value, specification);
  }

  // The specification up to the brace that closes the field; it may hold fields itself.
  static std::string_view nested(Reader& in) {
    const std::string_view rest = in.rest();
    size_t open = 0;
    size_t i = 0;
    for (; i < rest.size() && (open > 0 || rest[i] != '}'); ++i) {
      open += rest[i] == '{' ? 1 : 0;
      open -= rest[i] == '}' ? 1 : 0;
    }
    in.advance(i);
    return rest.substr(0, i);
  }

  Value lookup(Reader& in) {
    Value value = base(in.until("!:}.["));
    while (true) {
      if (in.skip('.')) {
        value = get_attribute(runtime_, value, in.until("!:}.["));
      } else if (in.skip('[')) {
        Reader key(in.until("]"));
        const std::string_view text = key.rest();
        const auto index = key.number();
        value = get_item(runtime_, value, index && key.done() ? Value(*index) : runtime_.string(std::string(text)));
        if (!in.skip(']')) fault("a '[' in a format is not closed");
      } else {
        return value;
      }
    }
  }

  Value base(std::string_view name) {
    Reader digits(name);
    auto index = digits.number();
    if (name.empty()) index = static_cast<int64_t>(next_++);
    if (index && digits.done()) {
      if (static_cast<size_t>(*index) >= arguments_.positional.size()) fault("the format has no value {}", *index);
      return arguments_.positional[static_cast<size_t>(*index)];
    }
    for (const auto& [known, value] : arguments_.named) {
      if (known == name) return value;
    }
    fault("the format has no value '{}'", printable(name, 60));
  }

  Runtime& runtime_;
  const Arguments& arguments_;
  size_t next_ = 0;
};

}  // namespace

Value brace_format(Runtime& runtime, const Value& pattern, const Arguments& arguments) {
  return runtime.same_kind(pattern, BraceFormatter(runtime, arguments).format(pattern.text(), 0));
}

}  // namespace thimble::jinja
