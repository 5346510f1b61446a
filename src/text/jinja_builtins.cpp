#include "text/jinja_builtins.h"

#include <algorithm>

#include "base/error.h"
#include "text/jinja_fault.h"
#include "text/jinja_python.h"

namespace thimble::jinja {

Bound::Bound(const Arguments& arguments, std::initializer_list<std::string_view> names, size_t required) {
  assert(names.size() <= kMost);
  std::ranges::copy(names, names_.begin());
  if (arguments.positional.size() > names.size()) {
    fault("takes at most {} arguments, {} given", names.size(), arguments.positional.size());
  }
  for (size_t i = 0; i < arguments.positional.size(); ++i) values_[i] = &arguments.positional[i];
  for (const auto& [name, value] : arguments.named) {
    const size_t i = static_cast<size_t>(std::ranges::find(names, name) - names.begin());
    if (i == names.size()) fault("unknown argument '{}'", printable(name, 60));
    if (values_[i] != nullptr) fault("argument '{}' is given twice", name);
    values_[i] = &value;
  }
  for (size_t i = 0; i < required; ++i) {
    if (values_[i] == nullptr) fault("argument '{}' is missing", names_[i]);
  }
}

bool Bound::flag(size_t i, bool fallback) const { return has(i) ? truthy(*values_[i]) : fallback; }

int64_t Bound::integer(size_t i, int64_t fallback) const {
  return has(i) ? to_index(*values_[i], fmt::format("argument '{}'", names_[i])) : fallback;
}

std::string_view Bound::text(size_t i, std::string_view fallback) const {
  if (!has(i)) return fallback;
  reject_undefined(*values_[i]);
  if (!values_[i]->is_string()) fault("argument '{}' must be text, found '{}'", names_[i], type_name(*values_[i]));
  return values_[i]->text();
}

Filter find_filter(std::string_view name) {
  if (const Filter found = find_named(text_filters(), name)) return found;
  return find_named(sequence_filters(), name);
}

Value call(const Value& function, const Arguments& arguments) {
  reject_undefined(function);
  if (function.is<Instance*>()) return function.get<Instance*>()->call(arguments);
  if (!function.is<Callable*>()) fault("a '{}' cannot be called", type_name(function));
  return function.get<Callable*>()->function(arguments);
}

Value get_item(Runtime& runtime, const Value& object, const Value& key) {
  if (const auto item = subscript(runtime, object, key)) return *item;
  if (key.is_string()) {
    if (object.is_dict()) {  // what is no key may still be a method, but never a key again
      if (const Value method = get_attribute(runtime, object, key.text()); !method.is_undefined()) return method;
    } else {
      return get_attribute(runtime, object, key.text());
    }
  }
  return runtime.undefined(
      fmt::format("'{}' has no element {}", type_name(object), printable(to_repr(runtime, key), 60)));
}

Value get_path(Runtime& runtime, const Value& object, const Value& path, const Value& fallback) {
  const auto or_fallback = [&](const Value& value) {
    return value.is_undefined() && !fallback.is_undefined() && !fallback.is_none() ? fallback : value;
  };
  if (!path.is_string()) return path.is_none() ? object : or_fallback(get_item(runtime, object, path));
  Value value = object;
  std::string_view rest = path.text();
  while (true) {
    const size_t dot = rest.find('.');
    const std::string_view part = rest.substr(0, dot);
    const bool index =
        !part.empty() && part.size() < 10 && std::ranges::all_of(part, [](char c) { return c >= '0' && c <= '9'; });
    const Value key =
        index ? Value(static_cast<int64_t>(std::stol(std::string(part)))) : runtime.string(std::string(part));
    value = or_fallback(get_item(runtime, value, key));
    if (dot == std::string_view::npos) return value;
    rest.remove_prefix(dot + 1);
  }
}

}  // namespace thimble::jinja
