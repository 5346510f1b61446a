// The folder of a training run: recipe.json (how to do it again), log.jsonl (a line a step), loss.svg.
#pragma once

#include <nlohmann/json.hpp>

#include <string>

namespace thimble {

class RunFolder {
 public:
  // Makes the folder where it is missing. Throws Error(failed) where that cannot be.
  explicit RunFolder(std::string path);

  std::string log_path() const { return path_ + "/log.jsonl"; }
  // Whole or not at all, each.
  void write_recipe(const nlohmann::ordered_json& recipe) const;
  void write_plot() const;  // of what the log has; lines that are no step's are passed over

 private:
  std::string path_;
};

}  // namespace thimble
