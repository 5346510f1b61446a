#include "text/jinja_format.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/error.h"
#include "text/jinja_fault.h"
#include "text/jinja_format_field.h"
#include "text/jinja_python.h"
#include "text/jinja_text.h"

namespace thimble::jinja {
namespace {

// The values of one % in the order they are asked for.
class PercentValues {
 public:
  explicit PercentValues(const Value& values) : values_(values) {
    is_tuple_ = values.is_sequence() && values.get<Sequence*>()->type == Sequence::Type::tuple;
  }
  Value next() {
    const size_t i = used_++;
    if (!is_tuple_ && i == 0) return values_;
    if (!is_tuple_ || i >= values_.get<Sequence*>()->items.size()) fault("not enough values for the format");
    return values_.get<Sequence*>()->items[i];
  }
  Value named(std::string_view name) {
    if (!values_.is_dict()) fault("a format with names needs a mapping");
    by_name_ = true;
    const Value* found = find(*values_.get<Dict*>(), name);
    if (found == nullptr) fault("no value named '{}'", printable(name, 60));
    return *found;
  }
  void finish() const {
    // What can be subscripted passes for a mapping, and a mapping need not be used up.
    const bool list = values_.is_sequence() && !is_tuple_ && values_.get<Sequence*>()->is_indexable();
    if (by_name_ || list || values_.is_dict() || values_.is_undefined()) return;
    const size_t size = is_tuple_ ? values_.get<Sequence*>()->items.size() : 1;
    if (used_ < size) fault("not all values are used by the format");
  }

 private:
  const Value& values_;
  bool is_tuple_ = false;
  bool by_name_ = false;
  size_t used_ = 0;
};

std::string percent_field(Runtime& runtime, const Value& value, Specification spec) {
  const char type = spec.type;
  if (type == 's' || type == 'r' || type == 'a') {
    return text_field(runtime, type == 's' ? to_text(runtime, value) : to_repr(runtime, value), spec, '>');
  }
  reject_undefined(value);
  if (type == 'c') {
    if (value.is_string() && count_code_points(value.text()) != 1) fault("%c needs one character");
    return text_field(runtime, value.is_string() ? std::string(value.text()) : character(to_index(value, "%c's value")),
                      spec, '>');
  }
  if (!value.is_number()) fault("%{} needs a number, found '{}'", type, type_name(value));
  if (std::string_view("eEfFgG").find(type) != std::string_view::npos) return real_field(runtime, value.real(), spec);
  if (value.is<double>() && (type == 'x' || type == 'X' || type == 'o')) fault("%{} needs an integer", type);
  if (value.is<double>() && !(std::fabs(value.real()) < 0x1p63)) fault("an integer leaves 64 bits");
  if (type == 'i' || type == 'u') spec.type = 'd';
  return integer_field(runtime, value.is<double>() ? static_cast<int64_t>(value.real()) : value.integral(), spec);
}

Specification percent_specification(Reader& in, PercentValues& values) {
  Specification spec;
  bool left = false;
  bool zero = false;
  for (;; in.take()) {
    const char c = in.peek();
    if (c == '-')
      left = true;
    else if (c == '0')
      zero = true;
    else if (c == '+' || (c == ' ' && spec.sign != '+'))
      spec.sign = c;
    else if (c == '#')
      spec.alternate = true;
    else if (c != ' ')
      break;
  }
  if (in.skip('*')) {
    spec.width = std::clamp<int64_t>(to_index(values.next(), "a width"), -(int64_t{1} << 40), int64_t{1} << 40);
    left = left || spec.width < 0;
    spec.width = std::abs(spec.width);
  } else {
    spec.width = in.number().value_or(0);
  }
  if (in.skip('.')) {
    spec.precision = in.skip('*') ? std::clamp<int64_t>(to_index(values.next(), "a precision"), 0, kMaxPrecision + 1)
                                  : in.number().value_or(0);
  }
  while (in.skip('l') || in.skip('h') || in.skip('L')) {
  }
  spec.type = in.take();
  check_precision(spec);
  if (left) {
    spec.align = '<';
  } else if (zero && std::string_view("sracm").find(spec.type) == std::string_view::npos) {
    spec.align = '=';
    spec.fill = "0";
  }
  return spec;
}

}  // namespace

Value percent_format(Runtime& runtime, const Value& pattern, const Value& values) {
  PercentValues source(values);
  Reader in(pattern.text());
  std::string out;
  while (!in.done()) {
    runtime.append(out, in.until("%"));
    if (!in.skip('%')) break;
    runtime.step();
    if (in.skip('%')) {
      out += '%';
      continue;
    }
    std::optional<Value> named;
    if (in.skip('(')) {
      named = source.named(in.until(")"));
      in.take();
    }
    const Specification spec = percent_specification(in, source);
    if (std::string_view("srcdiuxXoeEfFgG").find(spec.type) == std::string_view::npos)
      fault("unsupported format character '{}'", printable(std::string_view(&spec.type, 1)));
    runtime.append(out, percent_field(runtime, named ? *named : source.next(), spec));
  }
  source.finish();
  return runtime.same_kind(pattern, std::move(out));
}

}  // namespace thimble::jinja
