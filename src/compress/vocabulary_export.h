// The vocabulary of a GGUF file in Hugging Face's form: tokenizer.json (as the library `tokenizers` reads it) and
// tokenizer_config.json (as `transformers` does), with the chat template.
#pragma once

#include <string>

#include "format/gguf.h"

namespace thimble {

// Writes both files into the existing `folder`, each whole or not at all. Text has the same ids as with the GGUF's vocabulary,
// but for what Hugging Face's library cannot be told (docs/tokenizers.md). Throws Error(bad_file) for a vocabulary that cannot be
// used, naming the key, and Error(failed) where a file cannot be written.
void export_vocabulary(const Gguf& gguf, const std::string& folder);

}  // namespace thimble
