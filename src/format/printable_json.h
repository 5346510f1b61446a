// A JSON value for a message: the beginning of its text, on one line.
#pragma once

#include <nlohmann/json.hpp>

#include <string>

namespace thimble {

std::string printable_json(const nlohmann::json& value);

}  // namespace thimble
