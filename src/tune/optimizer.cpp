#include "tune/optimizer.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace thimble {
namespace {

size_t blocks_of(size_t count, size_t block) { return (count + block - 1) / block; }

// Squares and fourth powers of what 8 bits hold.
float first_value(int8_t q, float largest) {
  const float root = static_cast<float>(q) / 127.0f;
  return largest * root * std::abs(root);
}
int8_t first_code(float value, float largest) {
  if (largest == 0) return 0;
  const float root = std::sqrt(std::min(std::abs(value) / largest, 1.0f));
  return static_cast<int8_t>(std::copysign(std::round(root * 127.0f), value));
}
float second_value(uint8_t q, float largest) {
  const float root = static_cast<float>(q) / 255.0f;
  return largest * (root * root) * (root * root);
}
uint8_t second_code(float value, float largest) {
  if (largest == 0) return 0;
  const float root = std::sqrt(std::sqrt(std::min(value / largest, 1.0f)));
  return static_cast<uint8_t>(std::min(std::ceil(root * 255.0f), 255.0f));
}

}  // namespace

double learning_rate_at(const OptimizerOptions& options, uint64_t step) {
  const auto at = static_cast<double>(step), warmup = static_cast<double>(options.warmup);
  if (step < options.warmup) return options.learning_rate * at / std::max(1.0, warmup);
  if (options.schedule == Schedule::constant) return options.learning_rate;
  const double progress = (at - warmup) / std::max(1.0, static_cast<double>(options.steps) - warmup);
  return options.learning_rate * std::max(0.0, 0.5 * (1 + std::cos(std::numbers::pi * progress)));
}

uint64_t Optimizer::bytes(size_t parameters, const OptimizerOptions& options) {
  if (!options.states_in_8_bits) return 2 * parameters * sizeof(float);
  return blocks_of(parameters, kBlock) * 2 * (kBlock + sizeof(float));
}

Optimizer::Optimizer(size_t parameters, const OptimizerOptions& options)
    : count_(parameters), options_(options), states_(bytes(parameters, options), "the optimiser's states") {}

Optimizer::Factors Optimizer::factors_at(uint64_t step) const {
  const double rate = learning_rate_at(options_, step), t = static_cast<double>(step + 1);
  const double bias1 = 1 - std::pow(options_.beta1, t), bias2 = 1 - std::pow(options_.beta2, t);
  return {static_cast<float>(1 - rate * options_.weight_decay),
          static_cast<float>(options_.beta1),
          static_cast<float>(options_.beta2),
          static_cast<float>(1 - options_.beta1),
          static_cast<float>(1 - options_.beta2),
          static_cast<float>(std::sqrt(bias2)),
          static_cast<float>(rate / bias1),
          static_cast<float>(options_.epsilon)};
}

void Optimizer::update(const Factors& f, std::span<float> parameters, std::span<const float> gradients, float* first,
                       float* second) const {
  for (size_t i = 0; i < parameters.size(); ++i) {
    const float g = gradients[i];
    first[i] = f.first * first[i] + f.one_less_first * g;
    second[i] = f.second * second[i] + f.one_less_second * g * g;
    const float divisor = std::sqrt(second[i]) / f.root + f.epsilon;
    parameters[i] = parameters[i] * f.decay - f.rate * first[i] / divisor;
  }
}

void Optimizer::update_8_bits(const Factors& factors, std::span<float> parameters, std::span<const float> gradients,
                              size_t block) {
  const size_t blocks = blocks_of(count_, kBlock);
  auto* scales = reinterpret_cast<float*>(states_.data()) + 2 * block;  // of the first and the second moment
  auto* first = reinterpret_cast<int8_t*>(states_.data() + 2 * blocks * sizeof(float)) + 2 * block * kBlock;
  auto* second = reinterpret_cast<uint8_t*>(first + kBlock);
  std::array<float, kBlock> m{}, v{};
  for (size_t i = 0; i < parameters.size(); ++i) {
    m[i] = first_value(first[i], scales[0]);
    v[i] = second_value(second[i], scales[1]);
  }
  update(factors, parameters, gradients, m.data(), v.data());
  scales[0] = scales[1] = 0;
  for (size_t i = 0; i < parameters.size(); ++i) {
    scales[0] = std::max(scales[0], std::abs(m[i]));
    scales[1] = std::max(scales[1], v[i]);
  }
  for (size_t i = 0; i < parameters.size(); ++i) {
    first[i] = first_code(m[i], scales[0]);
    second[i] = second_code(v[i], scales[1]);
  }
}

double Optimizer::step(uint64_t step, std::span<float> parameters, std::span<float> gradients) {
  double squares = 0;
  for (const float g : gradients) squares += static_cast<double>(g) * g;
  const double norm = std::sqrt(squares);
  if (!std::isfinite(norm)) return norm;
  if (options_.clip > 0 && norm + 1e-6 > options_.clip) {
    const auto factor = static_cast<float>(options_.clip / (norm + 1e-6));
    for (float& g : gradients) g *= factor;
  }
  const Factors factors = factors_at(step);
  if (!options_.states_in_8_bits) {
    auto* first = reinterpret_cast<float*>(states_.data());
    update(factors, parameters, gradients, first, first + count_);
    return norm;
  }
  for (size_t block = 0; block < blocks_of(count_, kBlock); ++block) {
    const size_t begin = block * kBlock, count = std::min(kBlock, count_ - begin);
    update_8_bits(factors, parameters.subspan(begin, count), gradients.subspan(begin, count), block);
  }
  return norm;
}

}  // namespace thimble
