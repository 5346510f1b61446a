// Python's operators: arithmetic, subscripts, slices.
#include <algorithm>
#include <cmath>
#include <limits>

#include "text/jinja_fault.h"
#include "text/jinja_format.h"
#include "text/jinja_python.h"
#include "text/jinja_text.h"

namespace thimble::jinja {
namespace {

[[noreturn]] void unsupported(std::string_view symbol, const Value& a, const Value& b) {
  reject_undefined(a);
  reject_undefined(b);
  fault("'{}' does not work on '{}' and '{}'", symbol, type_name(a), type_name(b));
}

[[noreturn]] void overflow() { fault("an integer leaves 64 bits"); }

bool both_integral(const Value& a, const Value& b) { return a.is_integral() && b.is_integral(); }
bool both_numbers(const Value& a, const Value& b) { return a.is_number() && b.is_number(); }

bool is_list_or_tuple(const Value& value) {
  if (!value.is_sequence()) return false;
  const auto type = value.get<Sequence*>()->type;
  return type == Sequence::Type::list || type == Sequence::Type::tuple;
}

std::optional<size_t> position(int64_t index, size_t size) {
  const int64_t count = static_cast<int64_t>(size);
  if (index < -count || index >= count) return std::nullopt;
  return static_cast<size_t>(index < 0 ? index + count : index);
}

int64_t floor_quotient(int64_t a, int64_t b) {
  if (b == 0) fault("division by zero");
  if (b == -1) {
    if (a == std::numeric_limits<int64_t>::min()) overflow();
    return -a;
  }
  const int64_t quotient = a / b;
  return a % b != 0 && (a < 0) != (b < 0) ? quotient - 1 : quotient;
}

double floor_remainder(double a, double b) {
  if (b == 0) fault("modulo by zero");
  const double remainder = std::fmod(a, b);
  if (remainder == 0) return std::copysign(0.0, b);
  return (remainder < 0) != (b < 0) ? remainder + b : remainder;
}

// The quotient that goes with floor_remainder, as Python's float division computes it.
double floor_quotient(double a, double b) {
  const double remainder = floor_remainder(a, b);
  const double quotient = (a - std::fmod(a, b)) / b;
  const double adjusted = std::fmod(a, b) != remainder && remainder != 0 ? quotient - 1 : quotient;
  if (adjusted == 0) return std::copysign(0.0, a / b);
  const double whole = std::floor(adjusted);
  return adjusted - whole > 0.5 ? whole + 1 : whole;
}

Value repeat(Runtime& runtime, const Value& value, int64_t count) {
  const size_t times = count < 0 ? 0 : static_cast<size_t>(count);
  const size_t size = value.is_string() ? value.text().size() : value.get<Sequence*>()->items.size();
  // Checked before anything is made: the product itself may not fit.
  const size_t unit = value.is_string() ? 1 : sizeof(Value);
  if (size > 0 && times > runtime.limits().value_bytes / (size * unit))
    runtime.charge(runtime.limits().value_bytes + 1);
  if (value.is_string()) {
    std::string out;
    out.reserve(size * times);
    for (size_t i = 0; i < times && size > 0; ++i) out += value.text();
    return runtime.same_kind(value, std::move(out));
  }
  const auto& items = value.get<Sequence*>()->items;
  std::vector<Value> out;
  for (size_t i = 0; i < times && size > 0; ++i) out.insert(out.end(), items.begin(), items.end());
  return runtime.sequence(value.get<Sequence*>()->type, std::move(out));
}

int64_t integer_power(int64_t base, int64_t exponent) {
  int64_t result = 1;
  while (exponent > 0) {
    if ((exponent & 1) != 0 && __builtin_mul_overflow(result, base, &result)) overflow();
    exponent >>= 1;
    if (exponent > 0 && __builtin_mul_overflow(base, base, &base)) overflow();
  }
  return result;
}

// a + b * c, within 64 bits.
int64_t add_wide(int64_t a, int64_t b, int64_t c) {
  int64_t product = 0;
  int64_t sum = 0;
  if (__builtin_mul_overflow(b, c, &product) || __builtin_add_overflow(a, product, &sum)) overflow();
  return sum;
}

struct Span {
  int64_t first;
  int64_t last;
  int64_t step;
};

// Python's slice.indices().
Span slice_span(const Value& first, const Value& last, const Value& step_value, size_t size) {
  const auto bound = [](const Value& value, int64_t fallback) {
    if (value.is_none()) return fallback;
    return to_index(value, "a slice bound");
  };
  const int64_t count = static_cast<int64_t>(size);
  const int64_t step = bound(step_value, 1);
  if (step == 0) fault("slice step cannot be zero");
  const int64_t low = step < 0 ? -1 : 0;
  const int64_t high = step < 0 ? count - 1 : count;
  const auto clip = [&](int64_t index) {
    if (index < 0) index = index < -count ? low : index + count;
    return std::clamp(index, low, high);
  };
  const int64_t begin = first.is_none() ? (step < 0 ? high : low) : clip(bound(first, 0));
  const int64_t end = last.is_none() ? (step < 0 ? low : high) : clip(bound(last, 0));
  return {begin, end, step};
}

Sequence::Range slice_range(const Sequence::Range& range, const Span& span) {
  const auto at = [&](int64_t index) { return add_wide(range.first, index, range.step); };
  return {at(span.first), at(span.last), add_wide(0, span.step, range.step)};
}

// Calls take(index) for each index of the span; written so that no sum overflows.
template <class Take>
void for_each_index(const Span& span, Take take) {
  for (int64_t i = span.first; span.step > 0 ? i < span.last : i > span.last;) {
    take(static_cast<size_t>(i));
    if (__builtin_add_overflow(i, span.step, &i)) return;
  }
}

}  // namespace

Value escape(Runtime& runtime, const Value& value) {
  if (value.is_string() && value.get<const String*>()->markup) return value;
  const std::string text = to_text(runtime, value);
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&#34;"; break;
      case '\'': out += "&#39;"; break;
      default: out += c;
    }
  }
  return runtime.markup(std::move(out));
}

Value add(Runtime& runtime, const Value& a, const Value& b) {
  if (both_integral(a, b)) {
    int64_t sum = 0;
    if (__builtin_add_overflow(a.integral(), b.integral(), &sum)) overflow();
    return sum;
  }
  if (both_numbers(a, b)) return a.real() + b.real();
  if (a.is_string() && b.is_string()) {
    if (a.get<const String*>()->markup || b.get<const String*>()->markup) {
      return runtime.markup(std::string(escape(runtime, a).text()) + std::string(escape(runtime, b).text()));
    }
    runtime.scan(a.text().size() + b.text().size());
    std::string joined;
    joined.reserve(a.text().size() + b.text().size());
    joined += a.text();
    joined += b.text();
    return runtime.string(std::move(joined));
  }
  if (is_list_or_tuple(a) && is_list_or_tuple(b) && a.get<Sequence*>()->type == b.get<Sequence*>()->type) {
    std::vector<Value> items = a.get<Sequence*>()->items;
    const auto& more = b.get<Sequence*>()->items;
    items.insert(items.end(), more.begin(), more.end());
    return runtime.sequence(a.get<Sequence*>()->type, std::move(items));
  }
  unsupported("+", a, b);
}

Value subtract(const Value& a, const Value& b) {
  if (both_integral(a, b)) {
    int64_t difference = 0;
    if (__builtin_sub_overflow(a.integral(), b.integral(), &difference)) overflow();
    return difference;
  }
  if (both_numbers(a, b)) return a.real() - b.real();
  unsupported("-", a, b);
}

Value multiply(Runtime& runtime, const Value& a, const Value& b) {
  if (both_integral(a, b)) {
    int64_t product = 0;
    if (__builtin_mul_overflow(a.integral(), b.integral(), &product)) overflow();
    return product;
  }
  if (both_numbers(a, b)) return a.real() * b.real();
  if ((a.is_string() || is_list_or_tuple(a)) && b.is_integral()) return repeat(runtime, a, b.integral());
  if ((b.is_string() || is_list_or_tuple(b)) && a.is_integral()) return repeat(runtime, b, a.integral());
  unsupported("*", a, b);
}

Value divide(const Value& a, const Value& b) {
  if (!both_numbers(a, b)) unsupported("/", a, b);
  if (b.real() == 0) fault("division by zero");
  return a.real() / b.real();
}

Value floor_divide(const Value& a, const Value& b) {
  if (!both_numbers(a, b)) unsupported("//", a, b);
  if (both_integral(a, b)) return floor_quotient(a.integral(), b.integral());
  return floor_quotient(a.real(), b.real());
}

Value modulo(Runtime& runtime, const Value& a, const Value& b) {
  if (a.is_string()) return percent_format(runtime, a, b);
  if (!both_numbers(a, b)) unsupported("%", a, b);
  if (!both_integral(a, b)) return floor_remainder(a.real(), b.real());
  if (b.integral() == 0) fault("modulo by zero");
  if (b.integral() == -1) return int64_t{0};  // INT64_MIN % -1 traps
  const int64_t remainder = a.integral() % b.integral();
  return remainder != 0 && (remainder < 0) != (b.integral() < 0) ? remainder + b.integral() : remainder;
}

Value power(const Value& a, const Value& b) {
  if (!both_numbers(a, b)) unsupported("**", a, b);
  if (both_integral(a, b) && b.integral() >= 0) return integer_power(a.integral(), b.integral());
  if (a.real() == 0 && b.real() < 0) fault("zero cannot be raised to a negative power");
  if (a.real() < 0 && std::isfinite(b.real()) && b.real() != std::floor(b.real()))
    fault("complex numbers are not supported");
  const double result = std::pow(a.real(), b.real());
  if (std::isinf(result) && std::isfinite(a.real()) && std::isfinite(b.real())) fault("a power is too large");
  return result;
}

Value negative(const Value& a) {
  if (a.is<double>()) return -a.real();
  if (!a.is_integral()) {
    reject_undefined(a);
    fault("'-' does not work on '{}'", type_name(a));
  }
  return subtract(int64_t{0}, a);
}

Value positive(const Value& a) {
  if (a.is<double>()) return a;
  if (a.is_integral()) return a.integral();
  reject_undefined(a);
  fault("'+' does not work on '{}'", type_name(a));
}

std::optional<Value> subscript(Runtime& runtime, const Value& object, const Value& key) {
  reject_undefined(object);
  if (object.is_dict()) {
    if (key.is_dict() || (key.is_sequence() && key.get<Sequence*>()->type != Sequence::Type::tuple))
      return std::nullopt;
    const Value* found = find(runtime, *object.get<Dict*>(), key);
    return found == nullptr ? std::nullopt : std::optional(*found);
  }
  if (!key.is_integral()) return std::nullopt;
  if (object.is_string()) {
    const std::string_view text = object.text();
    runtime.scan(text.size());
    const auto index = position(key.integral(), count_code_points(text));
    if (!index) return std::nullopt;
    const std::string_view rest = text.substr(byte_offset(text, *index));
    return runtime.same_kind(object, std::string(rest.substr(0, byte_offset(rest, 1))));
  }
  if (!object.is_sequence() || !object.get<Sequence*>()->is_indexable()) return std::nullopt;
  const auto& items = object.get<Sequence*>()->items;
  const auto index = position(key.integral(), items.size());
  return index ? std::optional(items[*index]) : std::nullopt;
}

Value slice(Runtime& runtime, const Value& object, const Value& first, const Value& last, const Value& step) {
  reject_undefined(object);
  const bool sliceable = object.is_string() || (object.is_sequence() && object.get<Sequence*>()->is_indexable());
  if (!sliceable) fault("a '{}' cannot be sliced", type_name(object));
  if (object.is_string()) {
    const std::string_view text = object.text();
    runtime.scan(text.size());
    const size_t count = count_code_points(text);
    const Span span = slice_span(first, last, step, count);
    if (span.step == 1) {
      const size_t begin = byte_offset(text, static_cast<size_t>(span.first));
      const size_t end = span.last > span.first ? byte_offset(text, static_cast<size_t>(span.last)) : begin;
      return runtime.same_kind(object, std::string(text.substr(begin, end - begin)));
    }
    runtime.charge(count * sizeof(std::string_view));
    const auto characters = code_points(text);
    std::string out;
    for_each_index(span, [&](size_t i) { out += characters[i]; });
    return runtime.same_kind(object, std::move(out));
  }
  const Sequence& sequence = *object.get<Sequence*>();
  const Span span = slice_span(first, last, step, sequence.items.size());
  std::vector<Value> items;
  for_each_index(span, [&](size_t i) { items.push_back(sequence.items[i]); });
  const Value result = runtime.sequence(sequence.type, std::move(items));
  if (sequence.type == Sequence::Type::range) result.get<Sequence*>()->range = slice_range(sequence.range, span);
  return result;
}

}  // namespace thimble::jinja
