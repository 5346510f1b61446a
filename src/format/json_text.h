// JSON from outside: bounded depth and number of values, no member twice, and reads that never assume a shape.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace thimble {

// nullopt for what is no JSON, or nested deeper than 64 levels.
std::optional<nlohmann::json> try_parse_json(std::string_view text);

// Objects and arrays too large to keep as a tree, by the keys that lead to them from the root, such as "model/vocab". Each
// member goes to `take` as soon as it is read, with its key (empty in an array), and the tree has an empty one in its place.
struct JsonBulk {
  std::span<const std::string_view> paths;
  std::function<void(size_t path, std::string& key, nlohmann::json& value)> take;
};

// Throws Error(bad_file) naming `name` (the file), the byte and the fault: what is no JSON in UTF-8, is nested deeper than 64
// levels, has more than 2^22 values beside those taken, or has a key twice. The same key of a bulk is its taker's affair.
nlohmann::json parse_json(std::string_view text, const std::string& name, const JsonBulk& bulk = {});

inline constexpr size_t kMostJsonBytes = size_t{256} << 20;
// The same of a file of at most kMostJsonBytes bytes.
nlohmann::json read_json_file(const std::string& path, const JsonBulk& bulk = {});

// Of an object's member: nullptr where it is missing or there is no object.
const nlohmann::json* find_member(const nlohmann::json& object, std::string_view key);
// Empty or nullopt where it is missing, of another type, or out of range.
std::string text_or_empty(const nlohmann::json& object, const char* key);
std::optional<std::string_view> find_text(const nlohmann::json& object, std::string_view key);
std::optional<bool> find_flag(const nlohmann::json& object, std::string_view key);
std::optional<uint64_t> byte_count(const nlohmann::json& object, const char* key);  // 0 to 2^53

}  // namespace thimble
