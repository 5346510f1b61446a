// The tests of `value is name`.
#include <algorithm>

#include "text/jinja_builtins.h"
#include "text/jinja_fault.h"
#include "text/jinja_python.h"
#include "text/jinja_text.h"

namespace thimble::jinja {
namespace {

template <bool (*kHolds)(const Value&)>
bool plain(Runtime&, const Value& subject, const Arguments& arguments) {
  const Bound none(arguments, {});
  return kHolds(subject);
}

bool is_defined(const Value& v) { return !v.is_undefined(); }
bool is_undefined(const Value& v) { return v.is_undefined(); }
bool is_none(const Value& v) { return v.is_none(); }
bool is_boolean(const Value& v) { return v.is<bool>(); }
bool is_true(const Value& v) { return v.is<bool>() && v.get<bool>(); }
bool is_false(const Value& v) { return v.is<bool>() && !v.get<bool>(); }
bool is_integer(const Value& v) { return v.is<int64_t>(); }
bool is_float(const Value& v) { return v.is<double>(); }
bool is_number(const Value& v) { return v.is_number(); }
bool is_string(const Value& v) { return v.is_string(); }
bool is_mapping(const Value& v) { return v.is_dict(); }
bool is_callable(const Value& v) { return v.is<Callable*>() || v.is_undefined(); }  // Undefined has __call__
bool is_escaped(const Value& v) { return v.is_string() && v.get<const String*>()->markup; }
bool is_sequence(const Value& v) {
  if (v.is_sequence()) return v.get<Sequence*>()->is_indexable();
  return v.is_string() || v.is_dict() || v.is_undefined();
}

template <bool kUpper>
bool has_case(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound none(arguments, {});
  const std::string text = to_text(runtime, subject);
  return kUpper ? is_upper(text) : is_lower(text);
}

template <bool kOdd>
bool has_parity(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound none(arguments, {});
  const Value remainder = modulo(runtime, subject, int64_t{2});
  return equal(runtime, remainder, int64_t{kOdd ? 1 : 0});
}

bool divisible_by(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound bound(arguments, {"num"}, 1);
  return equal(runtime, modulo(runtime, subject, bound[0]), int64_t{0});
}

bool equals(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound bound(arguments, {"other"}, 1);
  return equal(runtime, subject, bound[0]);
}
bool differs(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  return !equals(runtime, subject, arguments);
}
bool is_less(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound bound(arguments, {"other"}, 1);
  return less(runtime, subject, bound[0]);
}
bool is_greater(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound bound(arguments, {"other"}, 1);
  return less(runtime, bound[0], subject);
}
bool at_most(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  return is_less(runtime, subject, arguments) || equals(runtime, subject, arguments);
}
bool at_least(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  return is_greater(runtime, subject, arguments) || equals(runtime, subject, arguments);
}

bool is_in(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound bound(arguments, {"seq"}, 1);
  return contains(runtime, bound[0], subject);
}

// The very same object; numbers and constants compare by value.
bool same_as(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound bound(arguments, {"other"}, 1);
  if (subject.data().index() != bound[0].data().index()) return false;
  if (subject.is_dict()) return subject.get<Dict*>() == bound[0].get<Dict*>();
  if (subject.is_sequence()) return subject.get<Sequence*>() == bound[0].get<Sequence*>();
  return equal(runtime, subject, bound[0]);
}

bool names_filter(Runtime&, const Value& subject, const Arguments& arguments) {
  const Bound none(arguments, {});
  return subject.is_string() && find_filter(subject.text()) != nullptr;
}
bool names_test(Runtime&, const Value& subject, const Arguments& arguments) {
  const Bound none(arguments, {});
  return subject.is_string() && find_test(subject.text()) != nullptr;
}
bool iterable(Runtime&, const Value& subject, const Arguments& arguments) {
  const Bound none(arguments, {});
  return is_iterable(subject);
}

constexpr Named<Test> kTests[] = {
    {"!=", differs},
    {"<", is_less},
    {"<=", at_most},
    {"==", equals},
    {">", is_greater},
    {">=", at_least},
    {"boolean", plain<is_boolean>},
    {"callable", plain<is_callable>},
    {"defined", plain<is_defined>},
    {"divisibleby", divisible_by},
    {"eq", equals},
    {"equalto", equals},
    {"escaped", plain<is_escaped>},
    {"even", has_parity<false>},
    {"false", plain<is_false>},
    {"filter", names_filter},
    {"float", plain<is_float>},
    {"ge", at_least},
    {"greaterthan", is_greater},
    {"gt", is_greater},
    {"in", is_in},
    {"integer", plain<is_integer>},
    {"iterable", iterable},
    {"le", at_most},
    {"lessthan", is_less},
    {"lower", has_case<false>},
    {"lt", is_less},
    {"mapping", plain<is_mapping>},
    {"ne", differs},
    {"none", plain<is_none>},
    {"number", plain<is_number>},
    {"odd", has_parity<true>},
    {"sameas", same_as},
    {"sequence", plain<is_sequence>},
    {"string", plain<is_string>},
    {"test", names_test},
    {"true", plain<is_true>},
    {"undefined", plain<is_undefined>},
    {"upper", has_case<true>},
};

}  // namespace

Test find_test(std::string_view name) { return find_named<Test>(kTests, name); }

}  // namespace thimble::jinja
