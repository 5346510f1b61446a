// Examples to train on, a JSON object a line, in one of these forms:
//   {"messages": [...], "tools": [...]}       a conversation; what the assistant says is scored, with the token that ends it
//   {"prompt": ..., "completion": ...}        two texts, or two arrays of messages; the completion is scored, a text with EOS behind
//   {"text": "..."}                           all of it is scored, with EOS behind; cut where it is longer than a sequence
//   {"ids": [...], "labels": [...]}           tokens, and for each the same id where it is scored or -100 where it is not
// A conversation's tokens are those that Conversation, and so chat, makes; that each answer's prompt is their beginning is checked.
#pragma once

#include <nlohmann/json.hpp>

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/conversation.h"
#include "engine/language_model.h"
#include "text/tokenizer.h"

namespace thimble {

struct TrainingExample {
  std::vector<TokenId> tokens;
  std::vector<TokenId>
      targets;      // the id that should follow each, or kNotScored; nothing behind the last that is scored
  size_t line = 0;  // of the file, the first being 1

  size_t scored() const;
};

struct DataOptions {
  std::string template_source;  // of conversations; empty: the model's own
  size_t max_length = 512;      // tokens of an example
};

// `name` stands for the file in messages. Throws Error(bad_file) naming the numbers of the lines that are broken (no JSON of these
// forms, no assistant's turn, nothing scored, longer than max_length, a prompt that is not what chat would send) and what is wrong
// with the first, and for a file without examples.
std::vector<TrainingExample> read_training_data(const LanguageModel& language_model, const DataOptions& options,
                                                const std::string& name, std::string_view lines);

// Throws Error(bad_file) where an example of `held_out` is also one of `training`, naming the lines of both.
void require_apart(std::span<const TrainingExample> training, std::span<const TrainingExample> held_out,
                   const std::string& held_out_name);

}  // namespace thimble
