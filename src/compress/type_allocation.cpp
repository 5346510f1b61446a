#include "compress/type_allocation.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace thimble {
namespace {

size_t cheapest_at(const TensorChoices& tensor, double price) {
  size_t best = 0;
  const auto total = [&](size_t i) {
    return tensor.choices[i].cost + price * static_cast<double>(tensor.choices[i].bytes);
  };
  for (size_t i = 1; i < tensor.choices.size(); ++i) {
    if (total(i) < total(best)) best = i;
  }
  return best;
}

Allocation at_price(const std::vector<TensorChoices>& tensors, double price) {
  Allocation allocation;
  for (const TensorChoices& tensor : tensors) {
    const size_t pick = cheapest_at(tensor, price);
    allocation.picks.push_back(pick);
    allocation.bytes += tensor.choices[pick].bytes;
    allocation.cost += tensor.choices[pick].cost;
  }
  return allocation;
}

// The change of one tensor's format that takes most off the cost for each byte it adds, as long as there is one that fits.
bool improve(const std::vector<TensorChoices>& tensors, uint64_t budget, Allocation& allocation) {
  double best_gain = 0;
  size_t best_tensor = 0, best_choice = 0;
  for (size_t t = 0; t < tensors.size(); ++t) {
    const FormatChoice& now = tensors[t].choices[allocation.picks[t]];
    for (size_t i = 0; i < tensors[t].choices.size(); ++i) {
      const FormatChoice& other = tensors[t].choices[i];
      if (other.cost >= now.cost || allocation.bytes - now.bytes + other.bytes > budget) continue;
      const double added = other.bytes > now.bytes ? static_cast<double>(other.bytes - now.bytes) : 0.5;
      const double gain = (now.cost - other.cost) / added;
      if (gain > best_gain) {
        best_gain = gain;
        best_tensor = t;
        best_choice = i;
      }
    }
  }
  if (best_gain == 0) return false;
  size_t& pick = allocation.picks[best_tensor];
  const FormatChoice& from = tensors[best_tensor].choices[pick];
  const FormatChoice& to = tensors[best_tensor].choices[best_choice];
  allocation.bytes += to.bytes - from.bytes;
  allocation.cost += to.cost - from.cost;
  pick = best_choice;
  return true;
}

}  // namespace

Allocation allocate(const std::vector<TensorChoices>& tensors, uint64_t budget) {
  constexpr double kHighest = 1e6;  // a price at which only bytes count: costs are KL divergences
  const Allocation smallest = at_price(tensors, kHighest);
  if (smallest.bytes > budget) {
    fail(ExitCode::usage, "the budget leaves {} bytes for the weights; the smallest formats take {}", budget,
         smallest.bytes);
  }
  Allocation best = smallest;
  // The bytes fall as the price rises.
  double low = 1e-24, high = kHighest;
  for (int step = 0; step < 200; ++step) {
    const double price = std::sqrt(low * high);
    Allocation found = at_price(tensors, price);
    if (found.bytes > budget) {
      low = price;
    } else {
      high = price;
      best = std::move(found);
    }
  }
  while (improve(tensors, budget, best)) {
  }
  return best;
}

}  // namespace thimble
