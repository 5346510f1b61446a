// What a model is calibrated on: texts and conversations, as text and as tokens, and what is said about them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "app/console.h"
#include "engine/language_model.h"
#include "text/tokenizer.h"

namespace thimble {

class CalibrationInput {
 public:
  // The language model must outlive it.
  explicit CalibrationInput(const LanguageModel& language_model) : language_model_(language_model) {}

  // A file, or standard input for "-". With `parse_special` control tokens that the text spells out are read as such.
  void add_text(const std::string& path, bool parse_special);
  // Conversations, one a line (chat_data.h). Throws Error(bad_file) naming broken lines.
  void add_chats(const std::string& path);
  // Either: conversations where the first line that is not blank is one.
  void add_either(const std::string& path);

  const std::vector<TokenId>& tokens() const { return tokens_; }

  // A line on stderr for each thing that may be wrong with it (calibration_warnings). `evaluation`: the text that will be
  // measured on, empty: none.
  void warn(const Console& console, size_t tokens_run, std::string_view evaluation) const;

 private:
  void add(std::string_view text, const std::vector<TokenId>& tokens, bool has_turns);
  void take_text(std::string_view text, bool parse_special);
  void take_chats(const std::string& name, std::string_view lines);

  const LanguageModel& language_model_;
  std::string text_;
  std::vector<TokenId> tokens_;
  bool has_turns_ = false;
};

}  // namespace thimble
