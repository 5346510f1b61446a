// The tokens with a meaning of their own: begin and end of text, end of the answer, and whatever must be matched in
// text as a whole before anything else is done with it.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "format/gguf.h"
#include "text/vocabulary.h"

namespace thimble {

// What holds where the file says nothing, and where it would say it.
struct SpecialTokenDefaults {
  std::optional<TokenId> bos;
  std::optional<TokenId> eos;
  std::optional<TokenId> unknown;
  bool add_bos = false;
  bool add_eos = false;
  std::array<std::string_view, 2> bos_keys = {"tokenizer.ggml.bos_token_id"};  // the first that is there counts
  std::string_view eos_key = "tokenizer.ggml.eos_token_id";
  std::string_view add_bos_key = "tokenizer.ggml.add_bos_token";  // empty where the file has no say
  std::string_view add_eos_key = "tokenizer.ggml.add_eos_token";
};

// Whether a token of this text ends the answer whatever the file says of it, here and in llama.cpp.
bool ends_every_answer(std::string_view text);

// Error(bad_file) where a vocabulary that cannot do without an unknown token has none.
TokenId require_unknown(const Gguf& gguf, std::optional<TokenId> unknown);

class SpecialTokens {
 public:
  // Reads the ids from the file, finds by their text those it does not name, and corrects their types in `vocabulary`,
  // as llama.cpp does. Throws Error(bad_file).
  SpecialTokens(const Gguf& gguf, Vocabulary& vocabulary, const SpecialTokenDefaults& defaults);

  std::optional<TokenId> bos() const { return bos_; }
  std::optional<TokenId> eos() const { return eos_; }
  std::optional<TokenId> unknown() const { return unknown_; }
  bool adds_bos() const { return add_bos_; }
  bool adds_eos() const { return add_eos_; }
  bool ends_generation(TokenId id) const;
  size_t memory_bytes() const;

 private:
  void find_end_of_generation(const Gguf& gguf, Vocabulary& vocabulary);
  void remove_ordinary_ends(Vocabulary& vocabulary);

  std::optional<TokenId> bos_;
  std::optional<TokenId> eos_;
  std::optional<TokenId> unknown_;
  bool add_bos_;
  bool add_eos_ = false;
  std::vector<TokenId> ends_;  // sorted
};

// A piece of text: a token found in it, or text between such tokens.
struct Fragment {
  static constexpr TokenId kText = -1;
  size_t begin;
  size_t length;
  TokenId token = kText;
};

class SpecialMatcher {
 public:
  // Throws Error(bad_file) for special tokens that no model has: of too many lengths, or too long.
  SpecialMatcher(const Gguf& gguf, const Vocabulary& vocabulary);

  // Longer tokens are found first, anywhere in the text, then shorter ones in what is left. User-defined tokens are
  // always found, control and unknown ones only with `parse_special` and not across a `barred` offset (ascending).
  std::vector<Fragment> partition(const Vocabulary& vocabulary, std::string_view text, bool parse_special,
                                  std::span<const size_t> barred = {}) const;
  size_t memory_bytes() const;

 private:
  struct LengthClass {
    size_t length;
    std::bitset<256> first_bytes;
    std::bitset<256> last_bytes;
  };
  static void add(std::vector<LengthClass>& classes, std::string_view text);
  template <class Matches>
  static void cut(const Vocabulary& vocabulary, std::string_view text, const Fragment& fragment,
                  const LengthClass& wanted, Matches matches, std::vector<Fragment>& out);

  std::vector<LengthClass> user_defined_;  // longest first
  std::vector<LengthClass> all_;           // longest first
};

}  // namespace thimble
