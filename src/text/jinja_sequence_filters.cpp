// Filters on lists, dicts and other iterables.
#include <algorithm>
#include <functional>

#include "base/error.h"
#include "text/jinja_builtins.h"
#include "text/jinja_fault.h"
#include "text/jinja_python.h"
#include "text/jinja_text.h"

namespace thimble::jinja {
namespace {

using Key = std::function<Value(const Value&)>;

// What to compare by: an attribute (None: the value itself), text in lower case unless case matters.
Key sort_key(Runtime& runtime, const Value& attribute, bool case_sensitive) {
  return [&runtime, attribute, case_sensitive](const Value& item) {
    const Value value = get_path(runtime, item, attribute);
    if (case_sensitive || !value.is_string()) return value;
    runtime.scan(value.text().size() * 8);
    return runtime.string(to_lower(value.text()));
  };
}

Value attribute_or_none(const Bound& bound, size_t i) { return bound.has(i) ? bound[i] : Value(None{}); }

// Items in the order of their keys, stable in both directions, as Python's sorted(). A merge sort of our own: what
// compares may throw and need not be an order, which std::sort may not survive.
std::vector<Value> sorted(Runtime& runtime, const std::vector<Value>& items, const Key& key, bool reverse) {
  std::vector<std::pair<Value, Value>> from;
  runtime.charge(items.size() * sizeof(std::pair<Value, Value>) * 2);
  for (const Value& item : items) from.emplace_back(key(item), item);
  auto to = from;
  // On equal keys the left one stays first, in both directions.
  const auto right_first = [&](const Value& left, const Value& right) {
    return reverse ? less(runtime, left, right) : less(runtime, right, left);
  };
  for (size_t width = 1; width < from.size(); width *= 2) {
    for (size_t begin = 0; begin < from.size(); begin += 2 * width) {
      const size_t middle = std::min(begin + width, from.size());
      const size_t end = std::min(begin + 2 * width, from.size());
      size_t left = begin;
      size_t right = middle;
      for (size_t out = begin; out < end; ++out) {
        const bool take_right = right < end && (left == middle || right_first(from[left].first, from[right].first));
        to[out] = take_right ? from[right++] : from[left++];
      }
    }
    std::swap(from, to);
  }
  std::vector<Value> result;
  for (const auto& pair : from) result.push_back(pair.second);
  return result;
}

Value length_filter(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound none(arguments, {});
  if (subject.is_string()) runtime.scan(subject.text().size());
  const auto size = length(subject);
  if (!size) fault("a '{}' has no length", type_name(subject));
  return static_cast<int64_t>(*size);
}

Value first(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound none(arguments, {});
  if (subject.is_sequence() && subject.get<Sequence*>()->type == Sequence::Type::iterator) {
    Sequence& sequence = *subject.get<Sequence*>();
    if (sequence.consumed < sequence.items.size()) return sequence.items[sequence.consumed++];
    return runtime.undefined("no first item, the sequence was empty");
  }
  if (subject.is_string() && !subject.text().empty()) return *subscript(runtime, subject, int64_t{0});
  const auto& items = iterate(runtime, subject);
  return items.empty() ? runtime.undefined("no first item, the sequence was empty") : items.front();
}

Value last(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound none(arguments, {});
  if (subject.is_sequence() && subject.get<Sequence*>()->type == Sequence::Type::iterator) {
    fault("a '{}' has no last item, make it a list first", type_name(subject));
  }
  if (subject.is_string() && !subject.text().empty()) return *subscript(runtime, subject, int64_t{-1});
  const auto& items = iterate(runtime, subject);
  return items.empty() ? runtime.undefined("no last item, the sequence was empty") : items.back();
}

Value join(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound bound(arguments, {"d", "attribute"});
  const std::string separator = bound.has(0) ? to_text(runtime, bound[0]) : "";
  std::string out;
  bool is_first = true;
  for (const Value& item : iterate(runtime, subject)) {
    if (!std::exchange(is_first, false)) runtime.append(out, separator);
    append_text(runtime, out, get_path(runtime, item, attribute_or_none(bound, 1)));
  }
  return runtime.string(std::move(out));
}

Value items_filter(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound none(arguments, {});
  std::vector<Value> pairs;
  if (subject.is_dict()) {
    for (const auto& [key, value] : subject.get<Dict*>()->entries) pairs.push_back(runtime.tuple({key, value}));
  } else if (!subject.is_undefined()) {
    fault("items needs a mapping, found '{}'", type_name(subject));
  }
  return runtime.iterator(std::move(pairs));
}

Value list_filter(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound none(arguments, {});
  return runtime.list(iterate(runtime, subject));
}

Value reverse(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound none(arguments, {});
  if (subject.is_string()) return slice(runtime, subject, None{}, None{}, int64_t{-1});
  std::vector<Value> items = iterate(runtime, subject);
  std::ranges::reverse(items);
  return runtime.iterator(std::move(items));
}

Value sort(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound bound(arguments, {"reverse", "case_sensitive", "attribute"});
  const bool case_sensitive = bound.flag(1, false);
  const Value attribute = attribute_or_none(bound, 2);
  Key key = sort_key(runtime, attribute, case_sensitive);
  if (attribute.is_string() && attribute.text().find(',') != std::string_view::npos) {
    key = [&runtime, attribute, case_sensitive](const Value& item) {
      std::vector<Value> keys;
      for (std::string_view rest = attribute.text();;) {
        const size_t comma = rest.find(',');
        keys.push_back(sort_key(runtime, runtime.string(std::string(rest.substr(0, comma))), case_sensitive)(item));
        if (comma == std::string_view::npos) break;
        rest.remove_prefix(comma + 1);
      }
      return runtime.list(std::move(keys));
    };
  }
  return runtime.list(sorted(runtime, iterate(runtime, subject), key, bound.flag(0, false)));
}

Value dict_sort(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound bound(arguments, {"case_sensitive", "by", "reverse"});
  const std::string_view by = bound.text(1, "key");
  if (by != "key" && by != "value") fault("dictsort sorts by 'key' or by 'value'");
  reject_undefined(subject);
  if (!subject.is_dict()) fault("dictsort needs a mapping, found '{}'", type_name(subject));
  const Value pairs = items_filter(runtime, subject, {});
  const Key key = sort_key(runtime, int64_t{by == "key" ? 0 : 1}, bound.flag(0, false));
  return runtime.list(sorted(runtime, iterate(runtime, pairs), key, bound.flag(2, false)));
}

Value unique(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound bound(arguments, {"case_sensitive", "attribute"});
  const Key key = sort_key(runtime, attribute_or_none(bound, 1), bound.flag(0, false));
  Dict* seen = runtime.dict();
  std::vector<Value> items;
  for (const Value& item : iterate(runtime, subject)) {
    const Value k = key(item);
    if (find(runtime, *seen, k) != nullptr) continue;
    insert(runtime, *seen, k, true);
    items.push_back(item);
  }
  return runtime.iterator(std::move(items));
}

template <bool kMost>
Value extreme(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound bound(arguments, {"case_sensitive", "attribute"});
  const Key key = sort_key(runtime, attribute_or_none(bound, 1), bound.flag(0, false));
  const auto& items = iterate(runtime, subject);
  if (items.empty()) return runtime.undefined("no aggregated item, the sequence was empty");
  Value best = items[0];
  Value best_key = key(best);
  for (size_t i = 1; i < items.size(); ++i) {
    const Value k = key(items[i]);
    if (kMost ? !less(runtime, best_key, k) : !less(runtime, k, best_key)) continue;
    best = items[i];
    best_key = k;
  }
  return best;
}

Value sum(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound bound(arguments, {"attribute", "start"});
  Value total = bound.has(1) ? bound[1] : Value(int64_t{0});
  if (total.is_string()) fault("sum adds numbers and lists, not text");
  for (const Value& item : iterate(runtime, subject)) {
    total = add(runtime, total, get_path(runtime, item, attribute_or_none(bound, 0)));
  }
  return total;
}

Value batch(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound bound(arguments, {"linecount", "fill_with"}, 1);
  const int64_t size = bound.integer(0, 0);
  std::vector<Value> rows;
  std::vector<Value> row;
  for (const Value& item : iterate(runtime, subject)) {
    if (static_cast<int64_t>(row.size()) == size) rows.push_back(runtime.list(std::exchange(row, {})));
    row.push_back(item);
  }
  if (!row.empty()) {
    const int64_t missing = size - static_cast<int64_t>(row.size());
    if (bound.given(1) && missing > 0) {
      if (missing > static_cast<int64_t>(runtime.limits().value_bytes / sizeof(Value)))
        runtime.charge(runtime.limits().value_bytes + 1);
      row.resize(static_cast<size_t>(size), bound[1]);
    }
    rows.push_back(runtime.list(std::move(row)));
  }
  return runtime.iterator(std::move(rows));
}

Value slice_filter(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound bound(arguments, {"slices", "fill_with"}, 1);
  const int64_t count = bound.integer(0, 0);
  if (count == 0) fault("division by zero");
  const auto& items = iterate(runtime, subject);
  std::vector<Value> columns;
  size_t at = 0;
  for (int64_t i = 0; i < count; ++i) {
    const bool extra = i < static_cast<int64_t>(items.size()) % count;
    const size_t size = items.size() / static_cast<size_t>(count) + (extra ? 1 : 0);
    std::vector<Value> column(items.begin() + static_cast<ptrdiff_t>(at),
                              items.begin() + static_cast<ptrdiff_t>(at + size));
    at += size;
    if (bound.given(1) && !extra) column.push_back(bound[1]);
    columns.push_back(runtime.list(std::move(column)));
  }
  return runtime.iterator(std::move(columns));
}

Value group_by(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound bound(arguments, {"attribute", "default", "case_sensitive"}, 1);
  const bool case_sensitive = bound.flag(2, false);
  const Value fallback = attribute_or_none(bound, 1);
  const auto original = [&](const Value& item) { return get_path(runtime, item, bound[0], fallback); };
  const Key folded = sort_key(runtime, None{}, case_sensitive);
  const Key key = [&](const Value& item) { return folded(original(item)); };
  std::vector<Value> groups;
  std::vector<Value> members;
  const auto close = [&] {
    if (members.empty()) return;
    const Value name = original(members[0]);
    groups.push_back(runtime.tuple({name, runtime.list(std::exchange(members, {}))}));
  };
  for (const Value& item : sorted(runtime, iterate(runtime, subject), key, false)) {
    if (!members.empty() && !equal(runtime, key(members[0]), key(item))) close();
    members.push_back(item);
  }
  close();
  return runtime.list(std::move(groups));
}

// The name in the first argument, and the arguments behind it.
Arguments behind_first(const Arguments& arguments, std::string_view what) {
  if (arguments.positional.empty() || !arguments.positional[0].is_string()) fault("needs the name of a {}", what);
  return {{arguments.positional.begin() + 1, arguments.positional.end()}, arguments.named};
}

Value map(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  if (!truthy(subject)) return runtime.iterator({});
  std::vector<Value> results;
  if (arguments.positional.empty() && !arguments.named.empty()) {
    const Bound bound(arguments, {"attribute", "default"}, 1);
    for (const Value& item : iterate(runtime, subject)) {
      results.push_back(get_path(runtime, item, bound[0], attribute_or_none(bound, 1)));
    }
    return runtime.iterator(std::move(results));
  }
  const Arguments rest = behind_first(arguments, "filter");
  const std::string_view name = arguments.positional[0].text();
  const Filter filter = find_filter(name);
  if (filter == nullptr) fault("no filter named '{}'", printable(name, 60));
  for (const Value& item : iterate(runtime, subject)) {
    runtime.step();
    results.push_back(filter(runtime, item, rest));
  }
  return runtime.iterator(std::move(results));
}

template <bool kKeep, bool kByAttribute>
Value choose(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  if (!truthy(subject)) return runtime.iterator({});
  Arguments rest = arguments;
  Value attribute = None{};
  if (kByAttribute) {
    if (rest.positional.empty()) fault("needs the name of an attribute");
    attribute = rest.positional[0];
    rest.positional.erase(rest.positional.begin());
  }
  Test test = nullptr;
  if (!rest.positional.empty()) {
    const Arguments all = rest;
    rest = behind_first(all, "test");
    test = find_test(all.positional[0].text());
    if (test == nullptr) fault("no test named '{}'", printable(all.positional[0].text(), 60));
  }
  std::vector<Value> results;
  for (const Value& item : iterate(runtime, subject)) {
    runtime.step();
    const Value value = get_path(runtime, item, attribute);
    if ((test == nullptr ? truthy(value) : test(runtime, value, rest)) == kKeep) results.push_back(item);
  }
  return runtime.iterator(std::move(results));
}

Value attribute_filter(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound bound(arguments, {"name"}, 1);
  return get_attribute(runtime, subject, bound.text(0));
}

constexpr Named<Filter> kFilters[] = {
    {"attr", attribute_filter},
    {"batch", batch},
    {"count", length_filter},
    {"dictsort", dict_sort},
    {"first", first},
    {"groupby", group_by},
    {"items", items_filter},
    {"join", join},
    {"last", last},
    {"length", length_filter},
    {"list", list_filter},
    {"map", map},
    {"max", extreme<true>},
    {"min", extreme<false>},
    {"reject", choose<false, false>},
    {"rejectattr", choose<false, true>},
    {"reverse", reverse},
    {"select", choose<true, false>},
    {"selectattr", choose<true, true>},
    {"slice", slice_filter},
    {"sort", sort},
    {"sum", sum},
    {"unique", unique},
};

}  // namespace

std::span<const Named<Filter>> sequence_filters() { return kFilters; }

}  // namespace thimble::jinja
