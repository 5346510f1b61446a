// The vocabulary of a Hugging Face checkpoint folder as a GGUF file's metadata: every tokenizer.* key that llama.cpp's
// convert_hf_to_gguf.py sets for a checkpoint of the family (docs/tokenizers.md lists where the two differ, and why).
//
// Read are tokenizer.json; without it tokenizer.model (SentencePiece), vocab.json with merges.txt, or vocab.txt; and beside them
// added_tokens.json, special_tokens_map.json, tokenizer_config.json, generation_config.json, chat_template.jinja,
// chat_template.json and additional_chat_templates/.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>
#include <string_view>

#include "format/gguf_writer.h"
#include "model/arch_spec.h"

namespace thimble {

// `config`: the parsed config.json. `vocabulary_size`: rows of the token embedding; there are that many tokens, those that the
// folder does not name being unused ones called [PADn]. `pre_tokenizer`: a value for tokenizer.ggml.pre instead of the one that
// the definition in tokenizer.json stands for; of byte-level vocabularies only.
//
// Throws Error(bad_file) naming the file and the fault, and where there is one the way out: no vocabulary, one of an unknown kind
// or pre-tokenizer, what is no JSON or has other types than it should, an id or a token twice, ids outside the vocabulary.
// Error(usage) for a pre-tokenizer that is unknown or that the vocabulary has no use for. Nothing else is set in `writer`.
void write_vocabulary(const std::string& folder, const ArchSpec& spec, const nlohmann::json& config,
                      uint32_t vocabulary_size, GgufWriter& writer, std::string_view pre_tokenizer = {});

}  // namespace thimble
