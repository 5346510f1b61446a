// Conversations to calibrate on: a JSON object a line with "messages" in OpenAI's form and, where there are some, "tools"; or the
// array of messages alone. Each is rendered with the model's own template.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/language_model.h"
#include "text/tokenizer.h"

namespace thimble {

struct ChatData {
  std::string text;             // all conversations as rendered, one after the other
  std::vector<TokenId> tokens;  // of each its own, so that no control token comes from what a message says
  size_t conversations = 0;
};

// `name` stands for the file in messages. Throws Error(bad_file) naming the numbers of the lines that are broken and what is wrong
// with the first, for no conversation at all, and where the model has no template and none is given.
ChatData read_chat_data(const LanguageModel& language_model, std::string_view template_source, const std::string& name,
                        std::string_view lines);

// Whether the first line that is not blank is a conversation of this form.
bool begins_with_conversation(std::string_view lines);

}  // namespace thimble
