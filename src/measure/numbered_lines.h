// Files of one JSON object a line, as tasks and answers are: every broken line is named before anything else is done.
#pragma once

#include <nlohmann/json.hpp>

#include <functional>
#include <string>
#include <string_view>

namespace thimble {

// What is wrong with a line, without its number.
struct BrokenLine {
  std::string fault;
};

// Gives every line that is not empty to `take`, which throws BrokenLine, or Error for what it read. Throws Error(bad_file) when all have been
// read and some were broken: no UTF-8, longer than `most_bytes`, no JSON object, or what `take` says. The first twenty are named.
void read_json_lines(const std::string& path, std::string_view text, size_t most_bytes,
                     const std::function<void(size_t line, nlohmann::json& object)>& take);

}  // namespace thimble
