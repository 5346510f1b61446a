// What Python does with values: truth, text, equality, order, arithmetic, iteration, subscripts.
// Functions throw Fault where Python (or jinja2's Undefined) would raise.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/jinja_runtime.h"
#include "text/jinja_value.h"

namespace thimble::jinja {

// Values nested deeper than this (a namespace can hold itself) are an error wherever they are walked.
constexpr size_t kMaxValueDepth = 200;
void check_depth(size_t depth);  // Fault beyond it

bool truthy(const Value& value);
// The name Python gives the type, as error messages show it.
std::string_view type_name(const Value& value);

// str(value) and repr(value).
void append_text(Runtime& runtime, std::string& out, const Value& value);
std::string to_text(Runtime& runtime, const Value& value);
std::string to_repr(Runtime& runtime, const Value& value);
std::string real_text(double value);

bool equal(Runtime& runtime, const Value& a, const Value& b, size_t depth = 0);
// a < b for numbers, text, lists and tuples.
bool less(Runtime& runtime, const Value& a, const Value& b, size_t depth = 0);
bool contains(Runtime& runtime, const Value& container, const Value& item);

size_t hash(Runtime& runtime, const Value& key, size_t depth = 0);  // Fault for what Python cannot hash
const Value* find(Runtime& runtime, const Dict& dict, const Value& key);
const Value* find(const Dict& dict, std::string_view key);
void insert(Runtime& runtime, Dict& dict, const Value& key, const Value& value);

// len(value), nullopt where Python has none.
std::optional<size_t> length(const Value& value);
bool is_iterable(const Value& value);
// The items, consuming an iterator. The reference lives as long as the runtime and the value.
const std::vector<Value>& iterate(Runtime& runtime, const Value& value);

Value add(Runtime& runtime, const Value& a, const Value& b);
Value subtract(const Value& a, const Value& b);
Value multiply(Runtime& runtime, const Value& a, const Value& b);
Value divide(const Value& a, const Value& b);
Value floor_divide(const Value& a, const Value& b);
Value modulo(Runtime& runtime, const Value& a, const Value& b);  // also text % values
Value power(const Value& a, const Value& b);
Value negative(const Value& a);
Value positive(const Value& a);

// a[key], without the fall back to attributes; nullopt where Python raises TypeError or LookupError.
std::optional<Value> subscript(Runtime& runtime, const Value& object, const Value& key);
// a[first:last:step]; bounds are integers or None.
Value slice(Runtime& runtime, const Value& object, const Value& first, const Value& last, const Value& step);

// HTML escaping as markupsafe does it.
Value escape(Runtime& runtime, const Value& value);
// Throws Undefined's error where `value` is that.
void reject_undefined(const Value& value);
// An argument that must be an integer; Fault names `what`.
int64_t to_index(const Value& value, std::string_view what);

}  // namespace thimble::jinja
