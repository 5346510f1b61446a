// JSON from outside: bounded depth, and reads that never assume a shape.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace thimble {

// nullopt for what is no JSON, or nested deeper than 64 levels.
std::optional<nlohmann::json> try_parse_json(std::string_view text);

// Of an object's member; empty or nullopt where it is missing, of another type, or out of range.
std::string text_or_empty(const nlohmann::json& object, const char* key);
std::optional<uint64_t> byte_count(const nlohmann::json& object, const char* key);  // 0 to 2^53

}  // namespace thimble
