// Files of a JSON value a line, as tasks, answers, conversations and examples are: every broken line is named by its number.
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

// Gives every line that is not blank to `take`, the first being number 1; `take` throws BrokenLine or Error for one that is broken. Throws
// Error(bad_file) when all have been read and some were: the first twenty are named, with what is wrong. `name` stands for the file.
void read_numbered_lines(const std::string& name, std::string_view text,
                         const std::function<void(std::string_view line, size_t number)>& take);

// The same for JSON objects: what is no UTF-8, longer than `most_bytes`, or no object is broken as well.
void read_json_lines(const std::string& path, std::string_view text, size_t most_bytes,
                     const std::function<void(size_t line, nlohmann::json& object)>& take);

}  // namespace thimble
