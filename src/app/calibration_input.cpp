#include "app/calibration_input.h"

#include "app/text_input.h"
#include "compress/calibration_text.h"
#include "compress/chat_data.h"

namespace thimble {

void CalibrationInput::add_text(const std::string& path, bool parse_special) {
  take_text(without_last_newline(read_text(path)), parse_special);
}

void CalibrationInput::add_chats(const std::string& path) { take_chats(path, read_text(path)); }

void CalibrationInput::add_either(const std::string& path) {
  const std::string given = read_text(path);
  if (begins_with_conversation(given)) {
    take_chats(path, given);
  } else {
    take_text(without_last_newline(given), false);
  }
}

void CalibrationInput::warn(const Console& console, size_t tokens_run, std::string_view evaluation) const {
  CalibrationText text{text_, tokens_run, false, has_turns_, evaluation};
  text.has_template = language_model_.gguf().string("tokenizer.chat_template").has_value();
  for (const std::string& warning : calibration_warnings(text)) console.note("warning: {}", warning);
}

void CalibrationInput::add(std::string_view text, const std::vector<TokenId>& tokens, bool has_turns) {
  if (!text_.empty()) text_ += '\n';
  text_ += text;
  tokens_.insert(tokens_.end(), tokens.begin(), tokens.end());
  has_turns_ = has_turns_ || has_turns;
}

void CalibrationInput::take_text(std::string_view text, bool parse_special) {
  const Tokenizer& tokenizer = language_model_.tokenizer();
  add(text, tokenizer.encode(text, {.parse_special = parse_special}),
      parse_special && !tokenizer.control_token_starts(text).empty());
}

void CalibrationInput::take_chats(const std::string& name, std::string_view lines) {
  const ChatData chats = read_chat_data(language_model_, {}, name, lines);
  add(chats.text, chats.tokens, true);
}

}  // namespace thimble
