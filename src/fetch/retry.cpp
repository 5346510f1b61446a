#include "fetch/retry.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <thread>

namespace thimble {
namespace {

constexpr double kLongestServerWait = 120;  // a server that asks for more is not waited for
constexpr std::chrono::milliseconds kBetweenLooks{50};

}  // namespace

void wait_seconds(double seconds, const FetchEvents& events) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  while (true) {
    if (events.cancelled()) fail(ExitCode::interrupted, "interrupted");
    const auto left = end - Clock::now();
    if (left <= Clock::duration::zero()) return;
    std::this_thread::sleep_for(std::min<Clock::duration>(left, kBetweenLooks));
  }
}

void Retrier::wait_after(const TransferError& error) {
  if (!error.is_passing()) throw error;
  if (error.retry_after() > kLongestServerWait) {
    throw TransferError(false,
                        fmt::format("{}; it says to wait {:.0f} s: try again then", error.what(), error.retry_after()));
  }
  ++failures_;
  if (failures_ > policy_.attempts) {
    throw TransferError(false, fmt::format("{}; given up after {} attempts: run the same command again to go on",
                                           error.what(), failures_));
  }
  const double doubled = std::ldexp(policy_.first_wait, static_cast<int>(std::min(failures_ - 1, 20U)));
  const double wait = std::max(std::min(doubled, policy_.longest_wait), error.retry_after());
  events_.note(fmt::format("{}; trying again in {:.1f} s ({} of {})", error.what(), wait, failures_, policy_.attempts));
  wait_seconds(wait, events_);
}

}  // namespace thimble
