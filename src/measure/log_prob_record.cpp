#include "measure/log_prob_record.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstring>

namespace thimble {
namespace {

constexpr float kRange = 16;  // of logits that have codes of their own, in nats
constexpr float kMostCode = 65535;

}  // namespace

double sum_of_exponentials(std::span<const float> logits, float largest) {
  double sum = 0;
  for (const float logit : logits) sum += std::exp(logit - largest);
  return sum;
}

LogProbHeader log_prob_header(std::span<const uint16_t> record) {
  LogProbHeader header{};
  static_assert(sizeof header == kLogProbHeader * sizeof(uint16_t));
  std::memcpy(&header, record.data(), sizeof header);
  return header;
}

double encode_log_probs(std::span<const float> logits, TokenId next, std::span<uint16_t> record) {
  assert(record.size() == log_prob_words(logits.size()));
  const auto [least, most] = std::ranges::minmax_element(logits);
  const float largest = *most, smallest = std::max(*least, largest - kRange);
  const auto log_sum = static_cast<float>(std::log(sum_of_exponentials(logits, largest)));
  const LogProbHeader header{(largest - smallest) / kMostCode, smallest - largest - log_sum};
  std::memcpy(record.data(), &header, sizeof header);
  const std::span<uint16_t> codes = record.subspan(kLogProbHeader);
  std::ranges::fill(codes, uint16_t{0});
  if (header.step > 0) {
    const float steps = 1 / header.step;
    for (size_t i = 0; i < logits.size(); ++i) {
      // Ties to even, as the rounding of a float sum has it.
      if (logits[i] > smallest) codes[i] = static_cast<uint16_t>(std::nearbyint(steps * (logits[i] - smallest)));
    }
  }
  return largest + log_sum - logits[static_cast<size_t>(next)];
}

double negative_log_probability(std::span<const float> logits, TokenId token) {
  const float largest = *std::max_element(logits.begin(), logits.end());
  return std::log(sum_of_exponentials(logits, largest)) -
         static_cast<double>(logits[static_cast<size_t>(token)] - largest);
}

}  // namespace thimble
