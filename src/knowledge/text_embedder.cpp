#include "knowledge/text_embedder.h"

#include <filesystem>

#include "fetch/digest.h"

namespace thimble {

TextEmbedder::TextEmbedder(const LanguageModel& language_model, const Kernels& kernels, Team& team,
                           const SessionOptions& options)
    : language_model_(language_model),
      embedder_(language_model.model(), kernels, team, options, pooling_of(language_model.model())) {}

EmbeddingIdentity TextEmbedder::identity() const {
  const Gguf& gguf = language_model_.gguf();
  Sha256 digest;
  for (const MappedFile& file : gguf.files()) digest.update(file.bytes());
  return {std::filesystem::path(gguf.path()).filename().native(), width(), digest.hex()};
}

std::vector<TokenId> TextEmbedder::tokens_of(const std::string& text) const {
  const Tokenizer& tokenizer = language_model_.tokenizer();
  const size_t limit = embedder_.context_length();
  // No token is shorter than a byte and few are longer than 16: what is far behind the limit need not be looked at.
  std::vector<TokenId> tokens = tokenizer.encode(std::string_view(text).substr(0, limit * 64));
  if (tokens.size() <= limit) return tokens;
  const TokenId last = tokens.back();  // what ends every text stays at the end
  tokens.resize(limit);
  if (tokenizer.adds_eos()) tokens.back() = last;
  return tokens;
}

std::vector<float> TextEmbedder::embed(std::span<const std::string> texts, const Embedder::Progress& progress) {
  std::vector<std::vector<TokenId>> tokens;
  for (const std::string& text : texts) tokens.push_back(tokens_of(text));
  return embed_tokens(tokens, progress);
}

std::vector<float> TextEmbedder::embed_tokens(std::span<const std::vector<TokenId>> texts,
                                              const Embedder::Progress& progress) {
  const std::lock_guard lock(mutex_);
  std::vector<std::vector<TokenId>> tokens;
  std::vector<size_t> places;
  for (size_t i = 0; i < texts.size(); ++i) {
    if (texts[i].empty()) continue;
    tokens.push_back(texts[i]);
    places.push_back(i);
  }
  std::vector<float> vectors(texts.size() * width());
  const std::vector<float> embedded = tokens.empty() ? std::vector<float>() : embedder_.embed(tokens, progress);
  for (size_t i = 0; i < places.size(); ++i) {
    const std::span<float> vector = std::span(vectors).subspan(places[i] * width(), width());
    std::copy_n(embedded.begin() + static_cast<ptrdiff_t>(i * width()), width(), vector.begin());
    normalise(vector);
  }
  return vectors;
}

}  // namespace thimble
