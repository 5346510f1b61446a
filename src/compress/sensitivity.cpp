#include "compress/sensitivity.h"

#include <algorithm>
#include <cmath>

#include "measure/log_prob_record.h"

namespace thimble {
namespace {

double log_sum_exp(std::span<const float> logits) {
  const float largest = *std::ranges::max_element(logits);
  return largest + std::log(sum_of_exponentials(logits, largest));
}

// Terms of probabilities below this are left out: they change the sum by less than its rounding.
constexpr double kLowestLogProbability = -18;

double divergence_of(std::span<const float> reference, double reference_sum, std::span<const float> logits) {
  const double sum = log_sum_exp(logits);
  double divergence = 0;
  for (size_t i = 0; i < logits.size(); ++i) {
    const double log_probability = reference[i] - reference_sum;
    if (log_probability < kLowestLogProbability) continue;
    divergence += std::exp(static_cast<float>(log_probability)) * (log_probability - (logits[i] - sum));
  }
  return divergence;
}

// As many chunks as the reference's logits leave room for.
std::vector<TokenId> first_chunks(std::vector<TokenId> sample, const Model& model, const SampleOptions& options) {
  const uint64_t chunk_bytes = uint64_t{options.scored} * model.hyper().vocabulary_size * sizeof(float);
  const size_t chunks = sample.size() / options.chunk_tokens;
  sample.resize(std::clamp<size_t>(options.reference_bytes / chunk_bytes, 1, chunks) * options.chunk_tokens);
  return sample;
}

}  // namespace

SensitivityProbe::SensitivityProbe(Model& model, const Kernels& kernels, Team& team, std::vector<TokenId> sample,
                                   const SampleOptions& options)
    : model_(model),
      kernels_(kernels),
      team_(team),
      sample_(first_chunks(std::move(sample), model, options)),
      options_(options),
      walk_(model, kernels, team, sample_, options.chunk_tokens) {
  for (uint32_t block = 0; block < model.hyper().block_count; ++block) {
    block_inputs_.emplace_back(walk_.residual().begin(), walk_.residual().end());
    walk_.run_block(block, nullptr, {});
  }
  block_inputs_.emplace_back(walk_.residual().begin(), walk_.residual().end());
  for (size_t chunk = 0; chunk < walk_.chunk_count(); ++chunk) {
    walk_.logits(chunk, options.chunk_tokens - options.scored, nullptr, [&](size_t, std::span<const float> logits) {
      reference_.insert(reference_.end(), logits.begin(), logits.end());
      reference_sums_.push_back(log_sum_exp(logits));
    });
  }
}

void SensitivityProbe::embed() {
  BlockWalk again(model_, kernels_, team_, sample_, options_.chunk_tokens);
  std::ranges::copy(again.residual(), walk_.residual().begin());
}

double SensitivityProbe::divergence(const RoundingUnit& unit, NumberType type, const std::byte* rows) {
  replace_unit(model_, unit, type, rows);
  // A tied head changes what the first block reads, an untied one nothing before itself.
  const bool is_embedding = unit.roles[0] == Role::token_embd;
  const uint32_t first = is_embedding ? 0 : std::min(unit.block, model_.hyper().block_count);
  if (is_embedding) {
    embed();
  } else {
    std::ranges::copy(block_inputs_[first], walk_.residual().begin());
  }
  const double mean = run_from(first);
  restore_unit(model_, unit);
  return mean;
}

double SensitivityProbe::divergence() {
  embed();
  return run_from(0);
}

double SensitivityProbe::run_from(uint32_t first) {
  const size_t vocabulary = model_.hyper().vocabulary_size;
  for (uint32_t block = first; block < model_.hyper().block_count; ++block) walk_.run_block(block, nullptr, {});
  double sum = 0;
  size_t row = 0;
  for (size_t chunk = 0; chunk < walk_.chunk_count(); ++chunk) {
    walk_.logits(chunk, options_.chunk_tokens - options_.scored, nullptr, [&](size_t, std::span<const float> logits) {
      sum += divergence_of(std::span(reference_).subspan(row * vocabulary, vocabulary), reference_sums_[row], logits);
      ++row;
    });
  }
  return sum / static_cast<double>(row);
}

}  // namespace thimble
