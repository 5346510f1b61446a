// When a request that failed is tried again: so many times without progress, after waits that double.
#pragma once

#include <functional>
#include <string>

#include "fetch/http.h"

namespace thimble {

// What a fetch tells, and asks, the one who started it.
struct FetchEvents {
  std::function<bool()> cancelled = [] { return false; };
  std::function<void(const std::string& line)> note = [](const std::string&) {};
  // `kept` of the done bytes were there before this run. `what` is a few words.
  std::function<void(const std::string& what, uint64_t done, uint64_t total, uint64_t kept)> progress =
      [](const std::string&, uint64_t, uint64_t, uint64_t) {};
};

struct RetryPolicy {
  unsigned attempts = 5;  // after the first, one after the other without progress
  double first_wait = 1;  // seconds
  double longest_wait = 30;
};

// Returns after `seconds`, or throws Error(interrupted) as soon as the caller cancels.
void wait_seconds(double seconds, const FetchEvents& events);

class Retrier {
 public:
  Retrier(const RetryPolicy& policy, const FetchEvents& events) : policy_(policy), events_(events) {}

  // Waits until it is time to try again; throws `error` where that is no use, or was tried often enough.
  void wait_after(const TransferError& error);
  void progressed() { failures_ = 0; }

 private:
  const RetryPolicy& policy_;
  const FetchEvents& events_;
  unsigned failures_ = 0;
};

}  // namespace thimble
