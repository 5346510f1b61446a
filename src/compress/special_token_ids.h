// Which tokens begin, end, separate, pad and mask texts, and whether texts get them: the keys tokenizer.ggml.*_token_id and
// add_*_token, and the normalizer's, as llama.cpp's gguf.SpecialVocab finds them.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "compress/checkpoint_files.h"
#include "compress/checkpoint_tokens.h"

namespace thimble {

struct RoleText {
  std::string_view role;
  std::string_view text;
};

struct SpecialTokenIds {
  std::map<std::string, uint32_t, std::less<>> ids;    // by role: bos, eos, unk, sep, pad, mask, eot, eom
  std::map<std::string, bool, std::less<>> are_added;  // bos, eos, sep
  std::optional<bool> lowercase;
  std::optional<bool> strip_accents;
};

// The post-processor of tokenizer.json says what is added to texts; it and tokenizer_config.json say which tokens have which role,
// then config.json by id. Where those leave a role empty: special_tokens_map.json, and texts that are no added tokens, then `defaults`. Of the ids
// in generation_config.json's eos_token_id, those that no program knows by their text become eot and eom. Ids outside of `tokens`
// are left out.
SpecialTokenIds find_special_tokens(const CheckpointFiles& files, const nlohmann::json& config,
                                    const CheckpointTokens& tokens, std::span<const RoleText> defaults);

}  // namespace thimble
