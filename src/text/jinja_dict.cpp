// Dicts, keyed by Python's rules of hash and equality.
#include <algorithm>
#include <cmath>
#include <functional>

#include "text/jinja_fault.h"
#include "text/jinja_python.h"

namespace thimble::jinja {
namespace {

constexpr size_t kIndexedDictSize = 8;  // below it a linear search is faster

}  // namespace

size_t hash(Runtime& runtime, const Value& key, size_t depth) {
  check_depth(depth);
  if (key.is_string()) {
    runtime.scan(key.text().size());
    return std::hash<std::string_view>()(key.text());
  }
  if (key.is_integral()) return std::hash<int64_t>()(key.integral());
  if (key.is<double>()) {  // equal numbers have equal hashes
    const double real = key.real();
    const bool whole = real >= -0x1p63 && real < 0x1p63 && std::floor(real) == real;
    return whole ? std::hash<int64_t>()(static_cast<int64_t>(real)) : std::hash<double>()(real);
  }
  if (key.is_sequence() && key.get<Sequence*>()->type == Sequence::Type::tuple) {
    size_t sum = 0x345678;
    for (const Value& item : key.get<Sequence*>()->items) sum = sum * 1000003 ^ hash(runtime, item, depth + 1);
    return sum;
  }
  if (key.is_sequence() || key.is_dict()) fault("a '{}' cannot be a key", type_name(key));
  return key.data().index();
}

const Value* find(Runtime& runtime, const Dict& dict, const Value& key) {
  const size_t wanted = hash(runtime, key);
  if (dict.entries.size() <= kIndexedDictSize) {
    for (const auto& entry : dict.entries) {
      if (equal(runtime, entry.first, key)) return &entry.second;
    }
    return nullptr;
  }
  const auto [first, last] = dict.index.equal_range(wanted);
  for (auto it = first; it != last; ++it) {
    const auto& entry = dict.entries[it->second];
    if (equal(runtime, entry.first, key)) return &entry.second;
  }
  return nullptr;
}

const Value* find(const Dict& dict, std::string_view key) {
  const auto matches = [&](const auto& entry) { return entry.first.is_string() && entry.first.text() == key; };
  if (dict.entries.size() <= kIndexedDictSize) {
    const auto it = std::ranges::find_if(dict.entries, matches);
    return it == dict.entries.end() ? nullptr : &it->second;
  }
  const auto [first, last] = dict.index.equal_range(std::hash<std::string_view>()(key));
  for (auto it = first; it != last; ++it) {
    if (matches(dict.entries[it->second])) return &dict.entries[it->second].second;
  }
  return nullptr;
}

void insert(Runtime& runtime, Dict& dict, const Value& key, const Value& value) {
  if (const Value* old = find(runtime, dict, key)) {
    *const_cast<Value*>(old) = value;
    return;
  }
  runtime.charge(4 * sizeof(Value));
  dict.entries.emplace_back(key, value);
  const size_t size = dict.entries.size();
  if (size <= kIndexedDictSize) return;
  const size_t first = size == kIndexedDictSize + 1 ? 0 : size - 1;
  for (size_t i = first; i < size; ++i) dict.index.emplace(hash(runtime, dict.entries[i].first), i);
}

}  // namespace thimble::jinja
