#include "base/team.h"

#include <signal.h>

#include <cassert>
#include <system_error>

#include "base/error.h"

namespace thimble {
namespace {

// About 50 microseconds of spinning: longer than any barrier of a loaded team, shorter than a person or a battery notices.
constexpr int kSpins = 2000;

void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Waits until `value` differs from `old`.
void wait_while_equal(const std::atomic<uint32_t>& value, uint32_t old) {
  for (int i = 0; i < kSpins; ++i) {
    if (value.load(std::memory_order_acquire) != old) return;
    relax();
  }
  while (value.load(std::memory_order_acquire) == old) value.wait(old, std::memory_order_acquire);
}

// While alive, threads that are started take no signals from outside: those are for the thread that waits for them, whose wait a
// handler on another thread would not end. What a thread causes itself (a page that is gone) still reaches it.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t outside;
    sigfillset(&outside);
    for (const int own : {SIGBUS, SIGSEGV, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS}) sigdelset(&outside, own);
    ::pthread_sigmask(SIG_BLOCK, &outside, &before_);
  }
  ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

}  // namespace

Team::Team(unsigned threads) {
  assert(threads >= 1);
  threads_.reserve(threads - 1);
  const SignalsBlocked blocked;
  try {
    for (unsigned i = 1; i < threads; ++i) threads_.emplace_back([this, i] { serve(i); });
  } catch (const std::system_error& error) {
    const unsigned started = size();
    stop();
    fail(ExitCode::failed, "only {} of {} threads can be started: {}; ask for fewer with --threads", started, threads,
         error.code().message());
  } catch (...) {
    stop();
    throw;
  }
}

Team::~Team() { stop(); }

void Team::stop() {
  stopping_.store(true, std::memory_order_relaxed);
  job_.fetch_add(1, std::memory_order_release);
  job_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void Team::serve(unsigned index) {
  for (uint32_t seen = 0;;) {
    wait_while_equal(job_, seen);
    seen = job_.load(std::memory_order_acquire);
    if (stopping_.load(std::memory_order_relaxed)) return;
    Worker worker(*this, index);
    entry_(context_, worker);
    arrive();
  }
}

void Team::run_erased(Entry entry, void* context) {
  entry_ = entry;
  context_ = context;
  for (Counter& counter : loops_) counter.value.store(0, std::memory_order_relaxed);
  job_.fetch_add(1, std::memory_order_release);
  if (!threads_.empty()) job_.notify_all();
  Worker worker(*this, 0);
  entry(context, worker);
  arrive();
}

void Team::arrive() {
  if (threads_.empty()) return;
  const uint32_t phase = phase_.load(std::memory_order_relaxed);
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == size()) {
    arrived_.store(0, std::memory_order_relaxed);
    phase_.store(phase + 1, std::memory_order_release);
    phase_.notify_all();
  } else {
    wait_while_equal(phase_, phase);
  }
}

unsigned Worker::count() const { return team_.size(); }

void Worker::barrier() { team_.arrive(); }

std::atomic<size_t>& Worker::begin_loop() {
  // Three counters in turn: while loop i runs, the counter of loop i + 1 is made ready. Nobody can still be in loop i - 2,
  // whose counter that was, because loop i - 1 ended with a barrier.
  const uint32_t loop = loops_++;
  if (index_ == 0) team_.loops_[(loop + 1) % 3].value.store(0, std::memory_order_relaxed);
  return team_.loops_[loop % 3].value;
}

}  // namespace thimble
