#include "engine/embedder.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace thimble {
namespace {

// Of one kv head: a long text, or several short ones, each from an alignment on.
size_t cache_slots(const SessionOptions& options) {
  return std::max(aligned_slots(options.kv.batch_tokens), options.sequences * kSequenceAlignment);
}

uint64_t head_bytes(const Model& model, const SessionOptions& options) {
  return cache_slots(options) * row_bytes(NumberType::F32, model.hyper().key_length);
}

}  // namespace

Pooling pooling_of(const Model& model) {
  const Pooling pooling = model.hyper().pooling();
  if (pooling == Pooling::none) {
    fail(ExitCode::usage,
         "{}: the file does not say how tokens become one vector; choose with --pooling mean, cls or last",
         model.gguf().path());
  }
  if (pooling == Pooling::rank) {
    fail(ExitCode::usage, "{}: the model ranks pairs of texts and makes no embeddings; --pooling overrides that",
         model.gguf().path());
  }
  return pooling;
}

SessionOptions embedding_options(const Model& model, SessionOptions options) {
  const bool learned = static_cast<bool>(model.matrix(Role::position_embd));
  if (learned && options.kv.context_length > model.hyper().context_length) {
    fail(ExitCode::usage, "-c {}: {} has positions for {} tokens", options.kv.context_length, model.gguf().path(),
         model.hyper().context_length);
  }
  options.kv.batch_tokens = options.kv.context_length;
  options.sequences = kEmbeddedAtOnce;
  return options;
}

uint64_t Embedder::cache_bytes(const Model& model, const SessionOptions& options) {
  return 2 * head_bytes(model, options) * model.hyper().head_count_kv;
}

Embedder::Embedder(const Model& model, const Kernels& kernels, Team& team, const SessionOptions& options,
                   Pooling pooling)
    : options_(options),
      pooling_(pooling),
      cache_(cache_bytes(model, options), "keys and values"),
      workspace_(model, options.workspace(team.size())),
      context_{model, kernels, team, workspace_} {
  const size_t stride = head_bytes(model, options);
  const KvBlock block = {cache_.data(), cache_.data() + stride * model.hyper().head_count_kv, stride, stride,
                         cache_slots(options)};
  blocks_.assign(model.hyper().block_count, block);
  tokens_.reserve(options.kv.batch_tokens);
  sequences_.reserve(options.sequences);
}

void Embedder::check(std::span<const std::vector<TokenId>> texts) const {
  const uint32_t vocabulary = context_.model.hyper().vocabulary_size;
  for (size_t i = 0; i < texts.size(); ++i) {
    if (texts[i].empty()) fail(ExitCode::usage, "text {} is empty: there is no token to embed", i + 1);
    if (texts[i].size() > context_length()) {
      fail(ExitCode::usage, "text {} has {} tokens, the limit is {} (-c): shorten it, or cut it with --truncate", i + 1,
           texts[i].size(), context_length());
    }
    for (const TokenId id : texts[i]) {
      if (id >= 0 && static_cast<uint32_t>(id) < vocabulary) continue;
      fail(ExitCode::usage, "token id {} of text {} is out of range; this model has 0..{}", id, i + 1, vocabulary - 1);
    }
  }
}

// Fills the next pass from the front of `texts` and returns how many it takes.
size_t Embedder::take_texts(std::span<const std::vector<TokenId>> texts) {
  tokens_.clear();
  sequences_.clear();
  size_t slot = 0;
  for (const std::vector<TokenId>& text : texts) {
    const bool fits = tokens_.size() + text.size() <= options_.kv.batch_tokens &&
                      slot + aligned_slots(text.size()) <= cache_slots(options_) &&
                      sequences_.size() < options_.sequences;
    if (!fits) break;
    sequences_.push_back({tokens_.size(), tokens_.size() + text.size(), 0, slot});
    tokens_.insert(tokens_.end(), text.begin(), text.end());
    slot += aligned_slots(text.size());
  }
  return sequences_.size();
}

std::vector<float> Embedder::embed(std::span<const std::vector<TokenId>> texts, const Progress& progress) {
  check(texts);
  std::vector<float> vectors;
  vectors.reserve(texts.size() * width());
  const KvView view = {blocks_, NumberType::F32, NumberType::F32, 0, 0};
  for (size_t done = 0; done < texts.size();) {
    if (progress && !progress(done)) return {};
    done += take_texts(texts.subspan(done));
    forward(context_, view, tokens_, sequences_);
    const std::span<const float> made = compute_embeddings(context_, sequences_, pooling_);
    vectors.insert(vectors.end(), made.begin(), made.end());
  }
  return vectors;
}

void normalise(std::span<float> vector) {
  double squares = 0;
  for (const float x : vector) squares += double{x} * x;
  if (squares == 0) return;
  const double inverse = 1.0 / std::sqrt(squares);
  for (float& x : vector) x = static_cast<float>(x * inverse);
}

}  // namespace thimble
