// The small files of a checkpoint folder that say something about its tokenizer.
#pragma once

#include <nlohmann/json.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compress/tokenizer_definition.h"

namespace thimble {

struct CheckpointFiles {
  std::string folder;
  std::optional<TokenizerDefinition> definition;  // tokenizer.json
  nlohmann::json tokenizer_config;                // objects; null where there is no such file
  nlohmann::json special_tokens_map;
  nlohmann::json generation_config;
  nlohmann::json added_tokens;  // added_tokens.json: ids by text

  std::string path(std::string_view name) const;
  bool has(std::string_view name) const;
  // What tokenizer_config.json or else special_tokens_map.json calls this: "bos_token", ...
  std::optional<std::string> special_text(std::string_view key) const;
  // All that they name so, lists of additional ones included.
  std::vector<std::string> special_texts() const;
  // Of added_tokens.json, and of tokenizer_config.json's added_tokens_decoder. Throw Error(bad_file).
  std::vector<AddedToken> tokens_of_added_file() const;
  std::vector<AddedToken> tokens_of_config() const;
};

// Throws Error(bad_file) naming the file where one is no JSON object or cannot be read.
CheckpointFiles read_checkpoint_files(const std::string& folder);

}  // namespace thimble
