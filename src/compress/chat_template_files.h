// The chat templates of a checkpoint folder.
#pragma once

#include "compress/checkpoint_files.h"
#include "format/gguf_writer.h"

namespace thimble {

// Sets tokenizer.chat_template to the default one, and tokenizer.chat_template.NAME with tokenizer.chat_templates to those that
// have names: of tokenizer_config.json, or else of chat_template.jinja with additional_chat_templates/*.jinja, or else of
// chat_template.json. Throws Error(bad_file) naming the file for one that is too long or no UTF-8.
void write_chat_templates(const CheckpointFiles& files, GgufWriter& writer);

}  // namespace thimble
