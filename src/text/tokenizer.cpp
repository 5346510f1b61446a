#include "text/tokenizer.h"

#include <algorithm>
#include <array>
#include <variant>

#include "base/error.h"
#include "text/byte_level_bpe.h"
#include "text/sentencepiece.h"
#include "text/special_tokens.h"
#include "text/unigram.h"
#include "text/vocabulary.h"
#include "text/word_piece.h"

namespace thimble {
namespace {

constexpr std::string_view kModelKey = "tokenizer.ggml.model";
constexpr std::string_view kPreKey = "tokenizer.ggml.pre";
constexpr size_t kMostTextBytes = size_t{256} << 20;
// What does not grow with the vocabulary: the object itself, compiled patterns, classes of special tokens.
constexpr size_t kFixedBytes = size_t{24} << 10;

enum class Kind { byte_level, sentence_piece, word_piece, unigram };

// A value of tokenizer.ggml.model.
struct Model {
  std::string_view name;
  std::string_view called;
  Kind kind;
  std::string_view pre_tokenizer;  // where the model stands for one
  SpecialTokenDefaults defaults;
};

// WordPiece texts stand between [CLS] and [SEP], whatever else the file says.
constexpr std::array kModels = std::to_array<Model>({
    {"gpt2", "byte-level BPE", Kind::byte_level, "", {}},
    {"llama", "SentencePiece", Kind::sentence_piece, "", {.bos = 1, .eos = 2, .unknown = 0, .add_bos = true}},
    {"bert",
     "WordPiece",
     Kind::word_piece,
     "",
     {.bos = 101,
      .eos = 102,
      .unknown = 100,
      .add_bos = true,
      .add_eos = true,
      .bos_keys = {"tokenizer.ggml.bos_token_id", "tokenizer.ggml.cls_token_id"},
      .eos_key = "tokenizer.ggml.seperator_token_id",
      .add_bos_key = "",
      .add_eos_key = ""}},
    {"t5", "Unigram", Kind::unigram, "", {.bos = {}, .eos = 1, .unknown = 2, .add_eos = true}},
    {"gemma4", "Gemma 4's BPE", Kind::byte_level, "gemma4", {}},
});

std::string known_models() {
  std::string all;
  for (const Model& model : kModels) all += fmt::format("{}'{}'", all.empty() ? "" : ", ", model.name);
  return all;
}

const Model& model_of(const Gguf& gguf) {
  const auto name = gguf.string(kModelKey);
  if (!name)
    fail(ExitCode::bad_file, "{}: {} is missing: the file has no vocabulary", printable(gguf.path()), kModelKey);
  const auto found = std::ranges::find(kModels, *name, &Model::name);
  if (found == kModels.end()) {
    fail(ExitCode::bad_file, "{}: {} is '{}', supported are {}", printable(gguf.path()), kModelKey, printable(*name),
         known_models());
  }
  return *found;
}

// nullptr where the model has none.
const PreTokenizerSpec* choose_pre_tokenizer(const Gguf& gguf, const Model& model, std::string_view wanted) {
  if (model.kind != Kind::byte_level || !model.pre_tokenizer.empty()) {
    if (wanted.empty()) return find_pre_tokenizer(model.pre_tokenizer);
    fail(ExitCode::usage, "--pre-tokenizer {}: the vocabulary of {} is {} and has no pre-tokenizer to choose",
         printable(wanted), printable(gguf.path()), model.called);
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

SpecialTokenDefaults special_defaults(const Model& model, const PreTokenizerSpec* spec) {
  SpecialTokenDefaults defaults = model.defaults;
  if (spec == nullptr) return defaults;
  defaults.add_bos = spec->add_bos;
  // Files of Gemma 4 deny their BOS; without it the model fails.
  if (spec->has_characters) defaults.add_bos_key = "";
  return defaults;
}

void check_byte_tokens(const Gguf& gguf, const Vocabulary& vocabulary) {
  for (TokenId id = 0; vocabulary.contains(id); ++id) {
    if (vocabulary.type(id) != TokenType::byte || byte_token_value(vocabulary.text(id)) >= 0) continue;
    fail(ExitCode::bad_file, "{}: tokenizer.ggml.tokens: the byte token {} is '{}', expected <0x00> to <0xFF>",
         printable(gguf.path()), id, printable(vocabulary.text(id), 60));
  }
}

using Algorithm = std::variant<ByteLevelBpe, SentencePiece, WordPiece, Unigram>;

Algorithm make_algorithm(const Gguf& gguf, const Vocabulary& vocabulary, Kind kind, const PreTokenizerSpec* spec,
                         std::optional<TokenId> unknown) {
  switch (kind) {
    case Kind::byte_level: return Algorithm(std::in_place_type<ByteLevelBpe>, gguf, vocabulary, *spec);
    case Kind::sentence_piece: return Algorithm(std::in_place_type<SentencePiece>, gguf, vocabulary, unknown);
    case Kind::word_piece: return Algorithm(std::in_place_type<WordPiece>, gguf, vocabulary, unknown);
    case Kind::unigram: break;
  }
  return Algorithm(std::in_place_type<Unigram>, gguf, vocabulary, unknown);
}

// Whether encoding puts a space before text.
bool adds_space(const Algorithm& algorithm) {
  if (const auto* pieces = std::get_if<SentencePiece>(&algorithm)) return pieces->adds_space();
  if (const auto* unigram = std::get_if<Unigram>(&algorithm)) return unigram->adds_space();
  return std::holds_alternative<WordPiece>(algorithm);
}

}  // namespace

class Tokenizer::Impl {
 public:
  Impl(const Gguf& gguf, const Model& model, const PreTokenizerSpec* spec)
      : vocabulary_(gguf),
        special_(gguf, vocabulary_, special_defaults(model, spec)),
        matcher_(gguf, vocabulary_),
        algorithm_(make_algorithm(gguf, vocabulary_, model.kind, spec, special_.unknown())),
        adds_space_(adds_space(algorithm_)) {
    check_byte_tokens(gguf, vocabulary_);
  }

  const Vocabulary& vocabulary() const { return vocabulary_; }
  const SpecialTokens& special() const { return special_; }

  std::vector<TokenId> encode(std::string_view text, EncodeOptions options) const {
    std::vector<TokenId> ids;
    if (options.add_special && special_.adds_bos()) ids.push_back(*special_.bos());
    for (const Fragment& fragment : matcher_.partition(vocabulary_, text, options.parse_special, options.barred)) {
      if (fragment.token != Fragment::kText) {
        ids.push_back(fragment.token);
        continue;
      }
      const std::string_view part = text.substr(fragment.begin, fragment.length);
      std::visit([&](const auto& algorithm) { algorithm.encode(part, ids); }, algorithm_);
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
    const auto* bpe = std::get_if<ByteLevelBpe>(&algorithm_);
    return bpe != nullptr ? bpe->bytes_of(text) : unmark_spaces(text);
  }

  // The inverse of encode: each stretch of text between special tokens was given a space.
  std::string decode(std::span<const TokenId> ids, bool render_special) const {
    std::string out;
    bool after_special = true;
    for (const TokenId id : ids) {
      const std::string bytes = piece(id, render_special);
      const bool is_special = vocabulary_.is_special(id);
      const bool is_added = adds_space_ && after_special && !is_special && bytes.starts_with(' ');
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
    if (const auto* unigram = std::get_if<Unigram>(&algorithm_)) total += unigram->memory_bytes();
    return total;
  }

 private:
  Vocabulary vocabulary_;
  SpecialTokens special_;
  SpecialMatcher matcher_;
  Algorithm algorithm_;
  bool adds_space_;
};

Tokenizer Tokenizer::from_gguf(const Gguf& gguf, std::string_view pre_tokenizer) {
  const Model& model = model_of(gguf);
  const PreTokenizerSpec* spec = choose_pre_tokenizer(gguf, model, pre_tokenizer);
  return Tokenizer(std::make_unique<const Impl>(gguf, model, spec));
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
  const uint64_t tokens = count("tokenizer.ggml.tokens");
  const size_t total = kFixedBytes + Vocabulary::planned_bytes(tokens);
  switch (model_of(gguf).kind) {
    case Kind::byte_level: return total + MergeTable::planned_bytes(count("tokenizer.ggml.merges"));
    case Kind::unigram: return total + Unigram::planned_bytes(tokens);
    case Kind::sentence_piece:
    case Kind::word_piece: break;
  }
  return total;
}

}  // namespace thimble
