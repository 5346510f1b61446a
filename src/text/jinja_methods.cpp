// Attributes and methods of values, and the global functions.
#include <algorithm>
#include <array>
#include <ctime>

#include "base/error.h"
#include "text/jinja_builtins.h"
#include "text/jinja_fault.h"
#include "text/jinja_python.h"

namespace thimble::jinja {
namespace {

// What would change a list or a dict does not exist inside the sandbox, even where a dict has such a key.
constexpr std::array<std::string_view, 11> kMutators = {"append", "clear",   "extend", "insert",     "pop",   "popitem",
                                                        "remove", "reverse", "sort",   "setdefault", "update"};
constexpr std::array<std::string_view, 5> kDictMutators = {"clear", "pop", "popitem", "setdefault", "update"};

std::vector<Value> dict_items(Runtime& runtime, const Dict& dict) {
  std::vector<Value> items;
  for (const auto& [key, value] : dict.entries) items.push_back(runtime.tuple({key, value}));
  return items;
}

Value dict_keys(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Bound none(arguments, {});
  std::vector<Value> keys;
  for (const auto& entry : self.get<Dict*>()->entries) keys.push_back(entry.first);
  return runtime.sequence(Sequence::Type::keys, std::move(keys));
}

Value dict_values(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Bound none(arguments, {});
  std::vector<Value> values;
  for (const auto& entry : self.get<Dict*>()->entries) values.push_back(entry.second);
  return runtime.sequence(Sequence::Type::values, std::move(values));
}

Value dict_items_view(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Bound none(arguments, {});
  return runtime.sequence(Sequence::Type::items, dict_items(runtime, *self.get<Dict*>()));
}

Value dict_get(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Bound bound(arguments, {"key", "default"}, 1);
  const Value* found = find(runtime, *self.get<Dict*>(), bound[0]);
  if (found != nullptr) return *found;
  return bound.has(1) ? bound[1] : Value(None{});
}

Value copy_dict(Runtime& runtime, const Dict& from) {
  Dict* dict = runtime.dict();
  for (const auto& [key, value] : from.entries) insert(runtime, *dict, key, value);
  return dict;
}

Value dict_copy(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Bound none(arguments, {});
  return copy_dict(runtime, *self.get<Dict*>());
}

Value sequence_index(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Bound bound(arguments, {"value", "start", "stop"}, 1);
  const auto& items = self.get<Sequence*>()->items;
  const int64_t size = static_cast<int64_t>(items.size());
  const auto clip = [&](int64_t i) { return std::clamp<int64_t>(i < 0 ? std::max(i, -size) + size : i, 0, size); };
  for (int64_t i = clip(bound.integer(1, 0)); i < clip(bound.integer(2, size)); ++i) {
    if (equal(runtime, items[static_cast<size_t>(i)], bound[0])) return i;
  }
  fault("the value is not in the list");
}

Value sequence_count(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Bound bound(arguments, {"value"}, 1);
  int64_t count = 0;
  for (const Value& item : self.get<Sequence*>()->items) count += equal(runtime, item, bound[0]) ? 1 : 0;
  return count;
}

Value sequence_copy(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Bound none(arguments, {});
  return runtime.list(self.get<Sequence*>()->items);
}

constexpr Named<Filter> kDictMethods[] = {
    {"keys", dict_keys}, {"values", dict_values}, {"items", dict_items_view}, {"get", dict_get}, {"copy", dict_copy}};
constexpr Named<Filter> kSequenceMethods[] = {{"index", sequence_index}, {"count", sequence_count}};
constexpr Named<Filter> kListMethods[] = {
    {"index", sequence_index}, {"count", sequence_count}, {"copy", sequence_copy}};

Filter find_method(const Value& object, std::string_view name) {
  if (object.is_string()) return find_string_method(name);
  if (object.is_dict()) return find_named<Filter>(kDictMethods, name);
  if (!object.is_sequence()) return nullptr;
  const Sequence& sequence = *object.get<Sequence*>();
  if (!sequence.is_indexable()) return nullptr;
  return find_named<Filter>(
      sequence.type == Sequence::Type::list ? std::span<const Named<Filter>>(kListMethods) : kSequenceMethods, name);
}

bool is_mutator(const Value& object, std::string_view name) {
  if (object.is_dict()) return std::ranges::find(kDictMutators, name) != kDictMutators.end();
  const bool list = object.is_sequence() && object.get<Sequence*>()->type == Sequence::Type::list;
  return list && std::ranges::find(kMutators, name) != kMutators.end();
}

// Alternates between its values; next() moves on.
class Cycler : public Instance {
 public:
  Cycler(Runtime& runtime, std::vector<Value> items) : runtime_(runtime), items_(std::move(items)) {}
  std::string_view type_name() const override { return "Cycler"; }
  Value call(const Arguments&) override { fault("a 'Cycler' cannot be called"); }
  Value attribute(std::string_view name) override {
    if (name == "current") return items_[at_];
    if (name == "next") {
      return runtime_.callable("next", [this](const Arguments&) {
        const Value value = items_[at_];
        at_ = (at_ + 1) % items_.size();
        return value;
      });
    }
    if (name != "reset") return {};
    return runtime_.callable("reset", [this](const Arguments&) {
      at_ = 0;
      return Value(None{});
    });
  }

 private:
  Runtime& runtime_;
  std::vector<Value> items_;
  size_t at_ = 0;
};

Value make_cycler(Runtime& runtime, const Value&, const Arguments& arguments) {
  if (arguments.positional.empty()) fault("cycler() needs at least one value");
  runtime.charge(arguments.positional.size() * sizeof(Value));
  return static_cast<Instance*>(runtime.make<Cycler>(runtime, arguments.positional));
}

Value make_joiner(Runtime& runtime, const Value&, const Arguments& arguments) {
  const Bound bound(arguments, {"sep"});
  const Value separator = bound.has(0) ? bound[0] : runtime.string(", ");
  const Value nothing = runtime.string("");
  return runtime.callable("joiner", [separator, nothing, used = false](const Arguments&) mutable {
    return std::exchange(used, true) ? separator : nothing;
  });
}

Value make_range(Runtime& runtime, const Value&, const Arguments& arguments) {
  constexpr int64_t kMost = 100'000;  // jinja2's sandbox has the same
  const Bound bound(arguments, {"start", "stop", "step"}, 1);
  const int64_t first = bound.has(1) ? bound.integer(0, 0) : 0;
  const int64_t last = bound.has(1) ? bound.integer(1, 0) : bound.integer(0, 0);
  const int64_t step = bound.integer(2, 1);
  if (step == 0) fault("range() step must not be zero");
  std::vector<Value> items;
  for (int64_t i = first; step > 0 ? i < last : i > last;) {
    if (items.size() == static_cast<size_t>(kMost)) fault("a range has at most {} items", kMost);
    items.push_back(i);
    if (__builtin_add_overflow(i, step, &i)) break;
  }
  const Value range = runtime.sequence(Sequence::Type::range, std::move(items));
  range.get<Sequence*>()->range = {first, last, step};
  return range;
}

// dict(mapping or pairs, name=value, ...)
Dict* dict_from(Runtime& runtime, const Arguments& arguments) {
  if (arguments.positional.size() > 1) fault("dict() takes one positional argument at most");
  Dict* dict = runtime.dict();
  if (!arguments.positional.empty()) {
    const Value& from = arguments.positional[0];
    if (from.is_dict()) {
      for (const auto& [key, value] : from.get<Dict*>()->entries) insert(runtime, *dict, key, value);
    } else {
      for (const Value& pair : iterate(runtime, from)) {
        const auto& items = iterate(runtime, pair);
        if (items.size() != 2) fault("dict() needs pairs, found {} values", items.size());
        insert(runtime, *dict, items[0], items[1]);
      }
    }
  }
  for (const auto& [name, value] : arguments.named) insert(runtime, *dict, runtime.string(std::string(name)), value);
  return dict;
}

Value make_dict(Runtime& runtime, const Value&, const Arguments& arguments) { return dict_from(runtime, arguments); }

Value make_namespace(Runtime& runtime, const Value&, const Arguments& arguments) {
  Dict* attributes = dict_from(runtime, arguments);
  for (const auto& entry : attributes->entries) {
    if (entry.first.is_string() && entry.first.text().starts_with('_')) {
      fault("a namespace cannot hold '{}': names with a leading underscore are reserved",
            printable(entry.first.text(), 60));
    }
  }
  return runtime.make<Namespace>(attributes);
}

Value raise_exception(Runtime& runtime, const Value&, const Arguments& arguments) {
  const Bound bound(arguments, {"message"}, 1);
  fault("the template refuses: {}", printable(to_text(runtime, bound[0]), 500));
}

Value strftime_now(Runtime& runtime, const Value&, const Arguments& arguments) {
  const Bound bound(arguments, {"format"}, 1);
  const std::string_view format = bound.text(0);
  const std::time_t seconds = std::chrono::system_clock::to_time_t(runtime.now());
  std::tm local{};
  if (localtime_r(&seconds, &local) == nullptr) fault("the date cannot be told");
  std::string out;
  for (size_t i = 0; i < format.size(); ++i) {
    constexpr std::string_view kKnown = "aAbBcdHIjmMpSUwWxXyYZzDeFGghnRrTtuV%";
    if (format[i] != '%') {
      out += format[i];
    } else if (i + 1 == format.size() || kKnown.find(format[i + 1]) == std::string_view::npos) {
      fault("strftime_now() has no such directive in '{}'", printable(format, 60));
    } else {
      const char directive[] = {'%', format[++i], '\0'};
      char buffer[64];
      runtime.append(out, {buffer, std::strftime(buffer, sizeof buffer, directive, &local)});
    }
  }
  return runtime.string(std::move(out));
}

constexpr Named<Filter> kGlobals[] = {{"range", make_range},         {"dict", make_dict},
                                      {"namespace", make_namespace}, {"cycler", make_cycler},
                                      {"joiner", make_joiner},       {"raise_exception", raise_exception},
                                      {"strftime_now", strftime_now}};

}  // namespace

Value find_global(Runtime& runtime, std::string_view name) {
  for (const auto& global : kGlobals) {
    if (global.name != name) continue;
    return runtime.callable(global.name, [&runtime, function = global.function](const Arguments& arguments) {
      return function(runtime, None{}, arguments);
    });
  }
  return runtime.undefined(fmt::format("'{}' is undefined", printable(name, 60)));
}

Value get_attribute(Runtime& runtime, const Value& object, std::string_view name) {
  reject_undefined(object);
  const auto missing = [&] {
    return runtime.undefined(fmt::format("'{} object' has no attribute '{}'", type_name(object), printable(name, 60)));
  };
  if (name.starts_with("__")) return missing();
  if (object.is<Instance*>()) {
    const Value value = object.get<Instance*>()->attribute(name);
    return value.is_undefined() && value.get<Undefined>().reason == nullptr ? missing() : value;
  }
  if (object.is<Namespace*>()) {
    const Value* found = find(*object.get<Namespace*>()->attributes, name);
    return found == nullptr ? missing() : *found;
  }
  if (object.is<Callable*>()) {
    return name == "name" ? runtime.string(std::string(object.get<Callable*>()->name)) : missing();
  }
  if (const Filter method = find_method(object, name)) {
    return runtime.callable(
        name, [&runtime, object, method](const Arguments& arguments) { return method(runtime, object, arguments); });
  }
  if (is_mutator(object, name)) {
    return runtime.undefined(fmt::format("'{}' would change a {}, which templates may not", name, type_name(object)));
  }
  if (!object.is_dict()) return missing();
  const Value* found = find(*object.get<Dict*>(), name);
  return found == nullptr ? missing() : *found;
}

}  // namespace thimble::jinja
