// Whether confidences are what they say, and how to make them so.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace thimble {

double logistic(double x);  // 1 / (1 + exp(-x))

// Weights w that maximise the likelihood of `right` under logistic(w . row), less ridge / 2 |w|^2, by Newton's method; rows of `width`
// features [rows][width], width at most 8.
std::vector<double> fit_logistic(std::span<const double> rows, size_t width, const std::vector<bool>& right,
                                 double ridge);

struct ReliabilityBin {
  double low = 0, high = 0;  // confidences from, below (the last one: to)
  size_t cases = 0;
  double confidence = 0;  // mean
  double accuracy = 0;
};

struct Reliability {
  std::vector<ReliabilityBin> bins;  // ten of equal width; empty ones too
  double expected_error = 0;         // ECE: the mean distance of confidence and accuracy over bins, by their cases
  double brier = 0;                  // mean squared distance of confidence and outcome
};

Reliability reliability(std::span<const double> confidences, const std::vector<bool>& right);

}  // namespace thimble
