// Kullback-Leibler divergence of a model's next-token distributions from a reference's, with the statistics that llama-perplexity
// --kl-divergence prints: the reference's distribution is its 16-bit record, the sum goes over what is more likely there than e^-16.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "engine/session.h"
#include "measure/chunks.h"
#include "measure/kept_rows.h"
#include "measure/log_prob_file.h"

namespace thimble {

struct Estimate {
  double value = 0;
  double error = 0;  // one standard error
};

// Of one value a scored token. The fractions of `percentiles` are kPercentiles.
struct Distribution {
  Estimate mean;
  double least = 0;
  double median = 0;
  double most = 0;
  std::array<double, 10> percentiles{};
};
inline constexpr std::array<double, 10> kPercentiles = {0.001, 0.01, 0.05, 0.1, 0.25, 0.75, 0.9, 0.95, 0.99, 0.999};

struct KldResult {
  size_t chunks = 0;
  size_t tokens = 0;  // scored
  Estimate ppl;
  Estimate ppl_reference;
  double correlation = 0;    // of the two logarithms
  Estimate log_ratio;        // ln(ppl / ppl_reference)
  Estimate ratio;            // ppl / ppl_reference
  Estimate ppl_difference;   // ppl - ppl_reference
  Distribution kld;          // nats
  Distribution probability;  // of the text's next token: the model's less the reference's
  Estimate probability_rms;  // of that difference
  Estimate same_top;         // share of positions where both would choose the same token
};

// What one position says.
struct KldRow {
  float nll = 0;  // -log of the next token's probability
  float nll_reference = 0;
  double kld = 0;
  float probability_difference = 0;
  uint32_t same_top = 0;  // 1: yes
};

// record: log_prob_record.h; logits: [vocabulary], finite.
KldRow compare_row(std::span<const uint16_t> record, std::span<const float> logits, TokenId next);

class KldMeter {
 public:
  void add(const KldRow& row);
  // With medians and percentiles, which take a sort, or without.
  KldResult result(size_t chunks, bool with_percentiles) const;

 private:
  struct Moments {
    double sum = 0;
    double squares = 0;
    void add(double value);
    Estimate mean(size_t count) const;
  };
  Distribution distribution(const Moments& moments, std::vector<float> values, bool with_percentiles) const;
  void add_perplexities(KldResult& result) const;

  Moments nll_, nll_reference_, kld_, probability_, probability_squares_;
  double products_ = 0;  // of the two nll
  size_t same_top_ = 0;
  std::vector<float> kld_values_, probability_values_;
};

// Called after each chunk with the result so far, without percentiles; returning false ends there.
using KldProgress = std::function<bool(const KldResult& so_far, size_t total_chunks)>;

// Both models over the same chunks, side by side. The vocabularies are of one size, the contexts hold a chunk; the reference's rows
// are held as records (held_record_bytes). Goes on from what is kept, and takes the file away at the end. Throws Error(usage) where the vocabularies differ in size.
KldResult measure_kld(Session& reference, Session& candidate, const Chunks& chunks, const KldProgress& progress = {},
                      KeptRows kept = {});

// The same against a reference that was written before. `chunks` are of its tokens.
KldResult measure_kld(const LogProbFile& reference, Session& candidate, const Chunks& chunks,
                      const KldProgress& progress = {}, KeptRows kept = {});

}  // namespace thimble
