#include "measure/perplexity.h"

#include <cmath>
#include <vector>

#include "measure/log_prob_record.h"

namespace thimble {

void PerplexityScores::add(double negative_log_probability) {
  sum += negative_log_probability;
  squares += negative_log_probability * negative_log_probability;
  ++count;
}

PerplexityResult PerplexityScores::result(size_t chunks) const {
  PerplexityResult r;
  const double mean = sum / static_cast<double>(count);
  const double variance = squares / static_cast<double>(count) - mean * mean;
  r.perplexity = std::exp(mean);
  if (variance > 0 && count > 1) r.error = std::sqrt(variance / static_cast<double>(count - 1)) * r.perplexity;
  r.chunks = chunks;
  r.tokens = count;
  return r;
}

PerplexityResult measure_perplexity(Session& session, const Chunks& chunks, const PerplexityProgress& progress,
                                    LogProbFileWriter* records, KeptRows kept) {
  const size_t first = chunks.first_scored();
  const size_t words = log_prob_words(session.model().hyper().vocabulary_size);
  PerplexityScores scores;
  size_t chunk = 0;
  for (const std::vector<double>& nll : kept.read<double>(chunks.scored(), chunks.count())) {
    for (const double value : nll) scores.add(value);
    ++chunk;
  }
  std::vector<uint16_t> written(records != nullptr ? held_records(chunks.chunk_tokens()) * words : 0);
  std::vector<double> nll(chunks.scored());
  while (chunk < chunks.count()) {
    const std::span<const TokenId> text = chunks.text(chunk);
    const std::vector<TokenId> ids = chunks.input(chunk);
    session.rewind(0);
    for (const ChunkPiece& piece : chunks.pieces(records != nullptr ? held_records(ids.size()) : ids.size())) {
      score_piece(session, ids, piece, [&](size_t position, std::span<const float> logits) {
        const TokenId next = text[position + 1];
        nll[position - first] =
            records == nullptr
                ? negative_log_probability(logits, next)
                : encode_log_probs(logits, next, std::span(written).subspan((position - piece.begin) * words, words));
      });
      if (records != nullptr) records->write(std::span(written).first((piece.end - piece.begin) * words));
    }
    ++chunk;
    for (const double value : nll) scores.add(value);
    kept.append(std::span<const double>(nll));
    if (progress && !progress(scores.result(chunk), chunks.count())) return scores.result(chunk);
  }
  kept.remove();
  return scores.result(chunks.count());
}

}  // namespace thimble
