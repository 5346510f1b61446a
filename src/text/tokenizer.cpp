#include "text/tokenizer.h"

#include <variant>

#include "base/error.h"
#include "text/byte_level_bpe.h"
#include "text/sentencepiece.h"
#include "text/special_tokens.h"
#include "text/vocabulary.h"

namespace thimble {
namespace {

constexpr std::string_view kModelKey = "tokenizer.ggml.model";
constexpr std::string_view kPreKey = "tokenizer.ggml.pre";
constexpr std::string_view kByteLevel = "gpt2";
constexpr std::string_view kSentencePiece = "llama";
constexpr size_t kMostTextBytes = size_t{256} << 20;
// What does not grow with the vocabulary: the object itself, compiled patterns, classes of special tokens.
constexpr size_t kFixedBytes = size_t{24} << 10;

bool is_byte_level(const Gguf& gguf) {
  const auto model = gguf.string(kModelKey);
  if (!model)
    fail(ExitCode::bad_file, "{}: {} is missing: the file has no vocabulary", printable(gguf.path()), kModelKey);
  if (*model != kByteLevel && *model != kSentencePiece) {
    fail(ExitCode::bad_file, "{}: {} is '{}', supported are '{}' and '{}'", printable(gguf.path()), kModelKey,
         printable(*model), kByteLevel, kSentencePiece);
  }
  return *model == kByteLevel;
}

// nullptr for SentencePiece, which has none.
const PreTokenizerSpec* choose_pre_tokenizer(const Gguf& gguf, std::string_view wanted) {
  if (!is_byte_level(gguf)) {
    if (wanted.empty()) return nullptr;
    fail(ExitCode::usage, "--pre-tokenizer {}: the vocabulary of {} is SentencePiece and has no pre-tokenizer",
         printable(wanted), printable(gguf.path()));
  }
  const std::string_view name = wanted.empty() ? gguf.string(kPreKey).value_or("") : wanted;
  if (const PreTokenizerSpec* spec = find_pre_tokenizer(name)) return spec;
  if (!wanted.empty()) {
    fail(ExitCode::usage, "--pre-tokenizer {}: unknown; known are {}", printable(wanted), known_pre_tokenizers());
  }
  if (name.empty()) {
    fail(ExitCode::bad_file, "{}: {} is missing; choose one with --pre-tokenizer NAME; known are {}",
         printable(gguf.path()), kPreKey, known_pre_tokenizers());
  }
  fail(ExitCode::bad_file, "{}: {} is '{}', which is not known; choose another with --pre-tokenizer NAME; known are {}",
       printable(gguf.path()), kPreKey, printable(name), known_pre_tokenizers());
}

SpecialTokenDefaults special_defaults(const PreTokenizerSpec* spec) {
  if (spec != nullptr) return {.bos = {}, .eos = {}, .unknown = {}, .add_bos = spec->add_bos};
  return {.bos = 1, .eos = 2, .unknown = 0, .add_bos = true};
}

void check_byte_tokens(const Gguf& gguf, const Vocabulary& vocabulary) {
  for (TokenId id = 0; vocabulary.contains(id); ++id) {
    if (vocabulary.type(id) != TokenType::byte || byte_token_value(vocabulary.text(id)) >= 0) continue;
    fail(ExitCode::bad_file, "{}: tokenizer.ggml.tokens: the byte token {} is '{}', expected <0x00> to <0xFF>",
         printable(gguf.path()), id, printable(vocabulary.text(id), 60));
  }
}

using Algorithm = std::variant<ByteLevelBpe, SentencePiece>;

Algorithm make_algorithm(const Gguf& gguf, const Vocabulary& vocabulary, const PreTokenizerSpec* spec,
                         std::optional<TokenId> unknown) {
  if (spec != nullptr) return Algorithm(std::in_place_type<ByteLevelBpe>, gguf, vocabulary, *spec);
  return Algorithm(std::in_place_type<SentencePiece>, gguf, vocabulary, unknown);
}

}  // namespace

class Tokenizer::Impl {
 public:
  Impl(const Gguf& gguf, const PreTokenizerSpec* spec)
      : vocabulary_(gguf),
        special_(gguf, vocabulary_, special_defaults(spec)),
        matcher_(gguf, vocabulary_),
        algorithm_(make_algorithm(gguf, vocabulary_, spec, special_.unknown())),
        add_space_prefix_(spec == nullptr && gguf.boolean("tokenizer.ggml.add_space_prefix").value_or(true)) {
    check_byte_tokens(gguf, vocabulary_);
  }

  const Vocabulary& vocabulary() const { return vocabulary_; }
  const SpecialTokens& special() const { return special_; }

  std::vector<TokenId> encode(std::string_view text, EncodeOptions options) const {
    std::vector<TokenId> ids;
    if (options.add_special && special_.adds_bos()) ids.push_back(*special_.bos());
    bool after_special = true;
    for (const Fragment& fragment : matcher_.partition(vocabulary_, text, options.parse_special, options.barred)) {
      if (fragment.token != Fragment::kText) {
        ids.push_back(fragment.token);
      } else {
        encode_fragment(text.substr(fragment.begin, fragment.length), add_space_prefix_ && after_special, ids);
      }
      after_special = fragment.token != Fragment::kText;
    }
    if (options.add_special && special_.adds_eos()) ids.push_back(*special_.eos());
    return ids;
  }

  std::vector<size_t> control_token_starts(std::string_view text) const {
    std::vector<size_t> starts;
    for (const Fragment& fragment : matcher_.partition(vocabulary_, text, true)) {
      const bool is_token = fragment.token != Fragment::kText;
      if (is_token && vocabulary_.type(fragment.token) != TokenType::user_defined) starts.push_back(fragment.begin);
    }
    return starts;
  }

  std::string piece(TokenId id, bool render_special) const {
    check(id);
    const std::string_view text = vocabulary_.text(id);
    TokenType type = vocabulary_.type(id);
    // Some ordinary text, such as </s> in a vocabulary that knows HTML, ends an answer; in a prompt it is text all the
    // same.
    const TokenType declared = vocabulary_.declared_type(id);
    if (type == TokenType::control && declared != TokenType::unknown) type = declared;
    switch (type) {
      case TokenType::control:
      case TokenType::unknown: return render_special ? std::string(text) : std::string();
      case TokenType::user_defined: return std::string(text);
      case TokenType::byte: return std::string(1, static_cast<char>(byte_token_value(text)));
      case TokenType::unused: return {};
      case TokenType::normal: break;
    }
    return std::holds_alternative<ByteLevelBpe>(algorithm_) ? ByteLevelBpe::bytes_of(text)
                                                            : SentencePiece::bytes_of(text);
  }

  // The inverse of encode: each stretch of text between special tokens was given a space.
  std::string decode(std::span<const TokenId> ids, bool render_special) const {
    std::string out;
    bool after_special = true;
    for (const TokenId id : ids) {
      const std::string bytes = piece(id, render_special);
      const bool is_special = vocabulary_.is_special(id);
      const bool is_added = add_space_prefix_ && after_special && !is_special && bytes.starts_with(' ');
      out += std::string_view(bytes).substr(is_added ? 1 : 0);
      after_special = is_special;
    }
    return out;
  }

  void check(TokenId id) const {
    if (vocabulary_.contains(id)) return;
    fail(ExitCode::usage, "token {} is not in the vocabulary, expected 0 to {}", id, vocabulary_.size() - 1);
  }

  size_t memory_bytes() const {
    size_t total = sizeof(*this) + vocabulary_.memory_bytes() + special_.memory_bytes() + matcher_.memory_bytes();
    if (const auto* bpe = std::get_if<ByteLevelBpe>(&algorithm_)) total += bpe->memory_bytes();
    return total;
  }

 private:
  void encode_fragment(std::string_view text, bool add_space, std::vector<TokenId>& ids) const {
    if (const auto* bpe = std::get_if<ByteLevelBpe>(&algorithm_)) {
      bpe->encode(text, ids);
    } else {
      std::get<SentencePiece>(algorithm_).encode(text, add_space, ids);
    }
  }

  Vocabulary vocabulary_;
  SpecialTokens special_;
  SpecialMatcher matcher_;
  Algorithm algorithm_;
  bool add_space_prefix_;
};

Tokenizer Tokenizer::from_gguf(const Gguf& gguf, std::string_view pre_tokenizer) {
  const PreTokenizerSpec* spec = choose_pre_tokenizer(gguf, pre_tokenizer);
  return Tokenizer(std::make_unique<const Impl>(gguf, spec));
}

Tokenizer::Tokenizer(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

std::vector<TokenId> Tokenizer::encode(std::string_view text, EncodeOptions options) const {
  if (text.size() > kMostTextBytes) {
    fail(ExitCode::usage, "a text of {} bytes is too long to tokenize at once, at most {} are supported", text.size(),
         kMostTextBytes);
  }
  return impl_->encode(text, options);
}

std::vector<size_t> Tokenizer::control_token_starts(std::string_view text) const {
  return impl_->control_token_starts(text);
}

std::string Tokenizer::piece(TokenId id, bool render_special) const { return impl_->piece(id, render_special); }

std::string Tokenizer::decode(std::span<const TokenId> ids, bool render_special) const {
  return impl_->decode(ids, render_special);
}

uint32_t Tokenizer::vocabulary_size() const { return impl_->vocabulary().size(); }

TokenType Tokenizer::type(TokenId id) const {
  impl_->check(id);
  return impl_->vocabulary().type(id);
}

std::optional<TokenId> Tokenizer::find(std::string_view text) const { return impl_->vocabulary().find(text); }

std::string_view Tokenizer::token_text(TokenId id) const {
  impl_->check(id);
  return impl_->vocabulary().text(id);
}

std::optional<TokenId> Tokenizer::bos() const { return impl_->special().bos(); }
std::optional<TokenId> Tokenizer::eos() const { return impl_->special().eos(); }
bool Tokenizer::adds_bos() const { return impl_->special().adds_bos(); }
bool Tokenizer::adds_eos() const { return impl_->special().adds_eos(); }
bool Tokenizer::is_end_of_generation(TokenId id) const { return impl_->special().ends_generation(id); }
size_t Tokenizer::memory_bytes() const { return impl_->memory_bytes(); }

size_t Tokenizer::planned_bytes(const Gguf& gguf) {
  const auto count = [&](std::string_view key) {
    const GgufValue* value = gguf.find(key);
    return value == nullptr ? 0 : value->count;
  };
  size_t total = kFixedBytes + Vocabulary::planned_bytes(count("tokenizer.ggml.tokens"));
  if (is_byte_level(gguf)) total += MergeTable::planned_bytes(count("tokenizer.ggml.merges"));
  return total;
}

}  // namespace thimble
