#include "measure/kld.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "measure/log_prob_record.h"

namespace thimble {
namespace {

constexpr float kLeastLogProb = -16;  // of what the sum goes over
constexpr size_t kLeastForError = 10;

double percentile(const std::vector<float>& sorted, double fraction) {
  const double place = fraction * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(place);
  const double share = place - static_cast<double>(below);
  return (1 - share) * sorted[below] + share * sorted[std::min(below + 1, sorted.size() - 1)];
}

void require_same_vocabulary(size_t reference, size_t candidate) {
  if (reference == candidate) return;
  fail(ExitCode::usage, "the reference has a vocabulary of {} tokens, the model one of {}: they cannot be compared",
       reference, candidate);
}

// Runs a chunk in pieces: before(piece) makes the records of the positions that it scores, in `records`, then the candidate's rows are
// compared with them.
template <class Before>
std::vector<KldRow> compare_chunk(Session& candidate, const Chunks& chunks, size_t chunk, std::span<uint16_t> records,
                                  Before&& before) {
  const std::span<const TokenId> text = chunks.text(chunk);
  const std::vector<TokenId> ids = chunks.input(chunk);
  const size_t words = log_prob_words(candidate.model().hyper().vocabulary_size);
  std::vector<KldRow> rows(chunks.scored());
  candidate.rewind(0);
  for (const ChunkPiece& piece : chunks.pieces(held_records(ids.size()))) {
    before(piece);
    score_piece(candidate, ids, piece, [&](size_t position, std::span<const float> logits) {
      const auto record = records.subspan((position - piece.begin) * words, words);
      rows[position - chunks.first_scored()] = compare_row(record, logits, text[position + 1]);
    });
  }
  return rows;
}

// rows_of(chunk) for each that is not kept, the result after it told to `progress`.
template <class F>
KldResult for_each_chunk(const Chunks& chunks, const KldProgress& progress, KeptRows& kept, F&& rows_of) {
  KldMeter meter;
  size_t chunk = 0;
  for (const std::vector<KldRow>& rows : kept.read<KldRow>(chunks.scored(), chunks.count())) {
    for (const KldRow& row : rows) meter.add(row);
    ++chunk;
  }
  while (chunk < chunks.count()) {
    const std::vector<KldRow> rows = rows_of(chunk++);
    for (const KldRow& row : rows) meter.add(row);
    kept.append(std::span(rows));
    if (progress && !progress(meter.result(chunk, false), chunks.count())) return meter.result(chunk, true);
  }
  kept.remove();
  return meter.result(chunks.count(), true);
}

}  // namespace

KldRow compare_row(std::span<const uint16_t> record, std::span<const float> logits, TokenId next) {
  const auto best = std::max_element(logits.begin(), logits.end());
  const float log_total = *best + static_cast<float>(std::log(sum_of_exponentials(logits, *best)));
  const LogProbHeader header = log_prob_header(record);
  const std::span<const uint16_t> codes = record.subspan(kLogProbHeader, logits.size());
  const auto log_prob = [&](size_t token) { return header.step * codes[token] + header.minimum; };
  KldRow row;
  for (size_t token = 0; token < logits.size(); ++token) {
    const float reference = log_prob(token);
    if (reference > kLeastLogProb) row.kld += std::exp(reference) * (reference - logits[token] + log_total);
  }
  row.nll = log_total - logits[static_cast<size_t>(next)];
  row.nll_reference = -log_prob(static_cast<size_t>(next));
  row.probability_difference = std::exp(-row.nll) - std::exp(-row.nll_reference);
  row.same_top = std::max_element(codes.begin(), codes.end()) - codes.begin() == best - logits.begin() ? 1 : 0;
  return row;
}

void KldMeter::Moments::add(double value) {
  sum += value;
  squares += value * value;
}

Estimate KldMeter::Moments::mean(size_t count) const {
  const auto n = static_cast<double>(count);
  Estimate estimate{sum / n, 0};
  const double variance = squares / n - estimate.value * estimate.value;
  if (variance > 0 && count > kLeastForError) estimate.error = std::sqrt(variance / (n - 1));
  return estimate;
}

void KldMeter::add(const KldRow& row) {
  nll_.add(row.nll);
  nll_reference_.add(row.nll_reference);
  products_ += static_cast<double>(row.nll) * row.nll_reference;
  kld_.add(row.kld);
  probability_.add(row.probability_difference);
  probability_squares_.add(static_cast<double>(row.probability_difference) * row.probability_difference);
  same_top_ += row.same_top != 0 ? 1 : 0;
  kld_values_.push_back(static_cast<float>(row.kld));
  probability_values_.push_back(row.probability_difference);
}

Distribution KldMeter::distribution(const Moments& moments, std::vector<float> values, bool with_percentiles) const {
  Distribution result;
  result.mean = moments.mean(values.size());
  if (!with_percentiles) return result;
  std::ranges::sort(values);
  result.least = values.front();
  result.most = values.back();
  result.median = percentile(values, 0.5);
  for (size_t i = 0; i < kPercentiles.size(); ++i) result.percentiles[i] = percentile(values, kPercentiles[i]);
  return result;
}

// Errors of what is made of two means follow from their errors and covariance, to first order.
void KldMeter::add_perplexities(KldResult& result) const {
  const auto n = static_cast<double>(result.tokens);
  const Estimate log_ppl = nll_.mean(result.tokens), log_reference = nll_reference_.mean(result.tokens);
  result.ppl.value = std::exp(log_ppl.value);
  result.ppl.error = result.ppl.value * log_ppl.error;
  result.ppl_reference.value = std::exp(log_reference.value);
  result.ppl_reference.error = result.ppl_reference.value * log_reference.error;
  double covariance = 0;
  if (result.tokens > kLeastForError) {
    covariance = (products_ / n - log_ppl.value * log_reference.value) / (n - 1);
    result.correlation = covariance / (log_ppl.error * log_reference.error);
  }
  const auto error_of_difference = [](double a, double b, double common) {
    return std::sqrt(std::max(0.0, a * a + b * b - 2 * common));
  };
  result.log_ratio = {log_ppl.value - log_reference.value,
                      error_of_difference(log_ppl.error, log_reference.error, covariance)};
  result.ratio.value = std::exp(result.log_ratio.value);
  result.ratio.error = result.ratio.value * result.log_ratio.error;
  result.ppl_difference = {result.ppl.value - result.ppl_reference.value,
                           error_of_difference(result.ppl.error, result.ppl_reference.error,
                                               result.ppl.value * result.ppl_reference.value * covariance)};
}

KldResult KldMeter::result(size_t chunks, bool with_percentiles) const {
  KldResult result;
  result.chunks = chunks;
  result.tokens = kld_values_.size();
  if (result.tokens == 0) return result;
  add_perplexities(result);
  result.kld = distribution(kld_, kld_values_, with_percentiles);
  result.probability = distribution(probability_, probability_values_, with_percentiles);
  const Estimate squares = probability_squares_.mean(result.tokens);
  result.probability_rms.value = std::sqrt(squares.value);
  if (squares.value > 0) result.probability_rms.error = 0.5 / result.probability_rms.value * squares.error;
  const auto n = static_cast<double>(result.tokens);
  const double same = static_cast<double>(same_top_) / n;
  result.same_top = {same, result.tokens > 1 ? std::sqrt(same * (1 - same) / (n - 1)) : 0};
  return result;
}

KldResult measure_kld(Session& reference, Session& candidate, const Chunks& chunks, const KldProgress& progress,
                      KeptRows kept) {
  const size_t vocabulary = candidate.model().hyper().vocabulary_size;
  require_same_vocabulary(reference.model().hyper().vocabulary_size, vocabulary);
  const size_t words = log_prob_words(vocabulary);
  std::vector<uint16_t> records(held_records(chunks.chunk_tokens()) * words);
  return for_each_chunk(chunks, progress, kept, [&](size_t chunk) {
    const std::span<const TokenId> text = chunks.text(chunk);
    const std::vector<TokenId> ids = chunks.input(chunk);
    reference.rewind(0);
    return compare_chunk(candidate, chunks, chunk, records, [&](const ChunkPiece& piece) {
      score_piece(reference, ids, piece, [&](size_t position, std::span<const float> logits) {
        const auto record = std::span(records).subspan((position - piece.begin) * words, words);
        encode_log_probs(logits, text[position + 1], record);
      });
    });
  });
}

KldResult measure_kld(const LogProbFile& reference, Session& candidate, const Chunks& chunks,
                      const KldProgress& progress, KeptRows kept) {
  require_same_vocabulary(reference.vocabulary(), candidate.model().hyper().vocabulary_size);
  const size_t words = log_prob_words(reference.vocabulary());
  std::vector<uint16_t> records(held_records(chunks.chunk_tokens()) * words);
  return for_each_chunk(chunks, progress, kept, [&](size_t chunk) {
    return compare_chunk(candidate, chunks, chunk, records, [&](const ChunkPiece& piece) {
      for (size_t i = piece.begin; i < piece.end; ++i) {
        const auto record = std::span(records).subspan((i - piece.begin) * words, words);
        reference.read_record(chunk, i - chunks.first_scored(), record);
      }
    });
  });
}

}  // namespace thimble
