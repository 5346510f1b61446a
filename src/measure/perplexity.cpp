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
  std::vector<uint16_t> written(records != nullptr ? chunks.scored() * words : 0);
  std::vector<double> nll(chunks.scored());
  while (chunk < chunks.count()) {
    const std::span<const TokenId> text = chunks.text(chunk);
    session.rewind(0);
    score_rows(session, chunks.input(chunk), first, text.size() - 1, [&](size_t index, std::span<const float> logits) {
      const size_t row = index - first;
      nll[row] = records == nullptr
                     ? negative_log_probability(logits, text[index + 1])
                     : encode_log_probs(logits, text[index + 1], std::span(written).subspan(row * words, words));
    });
    ++chunk;
    for (const double value : nll) scores.add(value);
    if (records != nullptr) records->write(written);
    kept.append(std::span<const double>(nll));
    if (progress && !progress(scores.result(chunk), chunks.count())) return scores.result(chunk);
  }
  kept.remove();
  return scores.result(chunks.count());
}

}  // namespace thimble
