// Filters, tests, global functions, and attributes of values, by name.
#pragma once

#include <array>
#include <cassert>
#include <initializer_list>
#include <span>
#include <string_view>

#include "text/jinja_runtime.h"
#include "text/jinja_value.h"

namespace thimble::jinja {

using Filter = Value (*)(Runtime& runtime, const Value& subject, const Arguments& arguments);
using Test = bool (*)(Runtime& runtime, const Value& subject, const Arguments& arguments);
template <class Function>
struct Named {
  std::string_view name;
  Function function;
};

// nullptr where there is none of that name.
Filter find_filter(std::string_view name);
Test find_test(std::string_view name);
// Functions every template sees unless the context has the name: range, dict, namespace, ...
Value find_global(Runtime& runtime, std::string_view name);

// object.name: a method or attribute first, then object["name"]; Undefined where there is neither.
Value get_attribute(Runtime& runtime, const Value& object, std::string_view name);
// object[key]: an item first, then, for a text key, the attribute.
Value get_item(Runtime& runtime, const Value& object, const Value& key);
// A path such as "function.name" or "items.0"; an integer is one step. `fallback` replaces Undefined on the way.
Value get_path(Runtime& runtime, const Value& object, const Value& path, const Value& fallback = Undefined{});

Value call(const Value& function, const Arguments& arguments);

// The methods of text and of dicts, unbound (jinja_string_methods.cpp, jinja_methods.cpp).
Filter find_string_method(std::string_view name);

// The filters that jinja_text_filters.cpp and jinja_sequence_filters.cpp define.
std::span<const Named<Filter>> text_filters();
std::span<const Named<Filter>> sequence_filters();

template <class Function>
Function find_named(std::span<const Named<Function>> table, std::string_view name) {
  for (const Named<Function>& entry : table) {
    if (entry.name == name) return entry.function;
  }
  return nullptr;
}

// Arguments matched to a function's parameters, by place or by name.
class Bound {
 public:
  // Throws Fault for an unknown, double, missing or surplus argument; the first `required` must be there.
  Bound(const Arguments& arguments, std::initializer_list<std::string_view> names, size_t required = 0);

  bool has(size_t i) const { return values_[i] != nullptr; }
  const Value& operator[](size_t i) const { return *values_[i]; }
  bool flag(size_t i, bool fallback) const;
  int64_t integer(size_t i, int64_t fallback) const;
  // Text of an argument that must be text.
  std::string_view text(size_t i, std::string_view fallback = {}) const;
  // Given, and not None.
  bool given(size_t i) const { return has(i) && !values_[i]->is_none(); }

 private:
  static constexpr size_t kMost = 6;
  std::array<const Value*, kMost> values_{};
  std::array<std::string_view, kMost> names_{};
};

}  // namespace thimble::jinja
