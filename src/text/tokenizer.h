// Text to token ids and back, as the model's GGUF describes it. Immutable after construction, so one object may serve
// many threads. Token bytes are views into the GGUF's mapping: the Gguf must outlive the Tokenizer.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "format/gguf.h"

namespace thimble {

using TokenId = int32_t;

// tokenizer.ggml.token_type
enum class TokenType : uint8_t { normal = 1, unknown = 2, control = 3, user_defined = 4, unused = 5, byte = 6 };

struct EncodeOptions {
  bool add_special = true;     // BOS/EOS as the model asks (tokenizer.ggml.add_bos_token, ...)
  bool parse_special = false;  // whether the text may name control tokens; false for everything a user typed
  // With parse_special: byte offsets, ascending, that no control token may reach across. So a text made of a template's
  // words and a person's can be encoded as one, and the person's stay text.
  std::span<const size_t> barred = {};
};

class Tokenizer {
 public:
  // Throws Error(bad_file) for a broken vocabulary, or one of a kind that is not supported (naming it and the supported
  // ones).
  static Tokenizer from_gguf(const Gguf& gguf, std::string_view pre_tokenizer = {});

  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;
  ~Tokenizer();

  // Time is linear in the text (n log n at worst). Any bytes are accepted; what is no UTF-8 is encoded byte by byte.
  // Control tokens come from the text only with `parse_special`. Throws Error(usage) for more than 256 MB of text.
  std::vector<TokenId> encode(std::string_view text, EncodeOptions options = {}) const;

  // Where `text` spells control tokens: the byte offset of each one's beginning, ascending.
  std::vector<size_t> control_token_starts(std::string_view text) const;

  // The bytes of one token as they appear in text; control tokens give "" unless `render_special`. Error(usage) for an
  // id that is not in the vocabulary, here and in all that follow.
  std::string piece(TokenId id, bool render_special = false) const;
  // All pieces, with the leading space that encode() added removed where the model adds one.
  std::string decode(std::span<const TokenId> ids, bool render_special = false) const;

  uint32_t vocabulary_size() const;
  TokenType type(TokenId id) const;
  std::optional<TokenId> find(std::string_view token_text) const;  // by its exact vocabulary text
  std::string_view token_text(TokenId id) const;                   // as stored in the vocabulary
  std::optional<TokenId> bos() const;
  std::optional<TokenId> eos() const;
  bool adds_bos() const;
  bool adds_eos() const;
  bool is_end_of_generation(TokenId id) const;  // EOS, EOT and their kin: the answer ends here
  size_t memory_bytes() const;                  // heap held by this object

  // Heap that a tokenizer for this file will hold, known without building it (within 10%).
  static size_t planned_bytes(const Gguf& gguf);

  class Impl;

 private:
  explicit Tokenizer(std::unique_ptr<const Impl> impl);
  std::unique_ptr<const Impl> impl_;
};

// Pieces in, whole UTF-8 characters out: what may still become a character is held back.
class StreamDecoder {
 public:
  // Returns the text that can be shown now; malformed bytes become U+FFFD.
  std::string push(std::string_view piece_bytes);
  std::string finish();  // what is still held, as U+FFFD where it never became a character

 private:
  std::string held_;
};

}  // namespace thimble
