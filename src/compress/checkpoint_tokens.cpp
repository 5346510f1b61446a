#include "compress/checkpoint_tokens.h"

#include "base/error.h"

namespace thimble {
namespace {

constexpr uint32_t kMostTokens = (1u << 24) - 2;  // what src/text reads

uint32_t checked_size(uint32_t size, const std::string& source) {
  if (size == 0 || size > kMostTokens) {
    fail(ExitCode::bad_file, "{}: a vocabulary of {} tokens, expected 1 to {}", printable(source), size, kMostTokens);
  }
  return size;
}

}  // namespace

CheckpointTokens::CheckpointTokens(uint32_t size, const std::string& source) : tokens_(checked_size(size, source)) {}

std::optional<uint32_t> CheckpointTokens::find(std::string_view text) const {
  const auto found = by_text_.find(text);
  if (found == by_text_.end()) return std::nullopt;
  return found->second;
}

void CheckpointTokens::require_free(uint64_t id, std::string_view text, const std::string& file) const {
  const auto other = find(text);
  if (!other || *other == id) return;
  fail(ExitCode::bad_file, "{}: the token '{}' has two ids, {} and {}", printable(file), printable(text, 60), *other,
       id);
}

void CheckpointTokens::add(uint64_t id, std::string_view text, TokenType type, float score, const std::string& file) {
  if (!contains(id)) {
    fail(ExitCode::bad_file, "{}: the token '{}' has the id {}, but the token embedding has {} rows", printable(file),
         printable(text, 60), id, size());
  }
  if (tokens_[id].is_named && tokens_[id].text != text) {
    fail(ExitCode::bad_file, "{}: the id {} belongs to two tokens, '{}' and '{}'", printable(file), id,
         printable(tokens_[id].text, 60), printable(text, 60));
  }
  replace(id, text, type, score, file);
}

void CheckpointTokens::replace(uint64_t id, std::string_view text, TokenType type, float score,
                               const std::string& file) {
  require_free(id, text, file);
  CheckpointToken& token = tokens_[id];
  if (token.is_named) by_text_.erase(token.text);
  token = {std::string(text), score, type, true};
  by_text_.emplace(token.text, static_cast<uint32_t>(id));
}

void CheckpointTokens::set_text(uint64_t id, std::string text) {
  const auto found = by_text_.find(tokens_[id].text);
  if (found != by_text_.end() && found->second == id) by_text_.erase(found);
  tokens_[id].text = std::move(text);
  by_text_.emplace(tokens_[id].text, static_cast<uint32_t>(id));
}

void CheckpointTokens::pad(float score) {
  for (size_t id = 0; id < tokens_.size(); ++id) {
    if (!tokens_[id].is_named) tokens_[id] = {fmt::format("[PAD{}]", id), score, TokenType::unused, false};
  }
}

}  // namespace thimble
