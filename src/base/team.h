// A team of threads that run one function together (the caller is worker 0), with barriers and shared loops inside. Waiting
// threads spin for a moment and then sleep, so an idle or oversubscribed machine is not burnt.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>
#include <type_traits>
#include <vector>

namespace thimble {

class Team;

// One thread's view of a running job. All workers must make the same sequence of calls.
class Worker {
 public:
  unsigned index() const { return index_; }
  unsigned count() const;

  // Returns when all workers have arrived; what they wrote before is visible after.
  void barrier();

  // Calls f(begin, end) for pieces of at most `grain` that cover 0..count, each piece once, on whichever worker is free; ends
  // with a barrier. f must not throw, and results must not depend on which worker ran a piece.
  template <class F>
  void for_each_piece(size_t count, size_t grain, F&& f) {
    std::atomic<size_t>& next = begin_loop();
    for (size_t begin; (begin = next.fetch_add(grain, std::memory_order_relaxed)) < count;) {
      f(begin, begin + grain < count ? begin + grain : count);
    }
    barrier();
  }

 private:
  friend class Team;
  Worker(Team& team, unsigned index) : team_(team), index_(index) {}
  std::atomic<size_t>& begin_loop();

  Team& team_;
  unsigned index_;
  uint32_t loops_ = 0;
};

class Team {
 public:
  // threads >= 1, the caller included. Throws Error(failed) where the system starts no more.
  explicit Team(unsigned threads);
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;
  ~Team();

  unsigned size() const { return static_cast<unsigned>(threads_.size()) + 1; }

  // Runs job(worker) on every worker and returns when all are done. Not reentrant; one caller at a time.
  template <class F>
  void run(F&& job) {
    using Job = std::remove_reference_t<F>;
    run_erased([](void* context, Worker& worker) { (*static_cast<Job*>(context))(worker); }, std::addressof(job));
  }

 private:
  friend class Worker;
  using Entry = void (*)(void* context, Worker& worker);
  void run_erased(Entry entry, void* context);
  void serve(unsigned index);
  void stop();  // ends the threads that were started
  void arrive();

  std::vector<std::thread> threads_;
  Entry entry_ = nullptr;
  void* context_ = nullptr;
  alignas(64) std::atomic<uint32_t> job_{0};  // number of the current job; the stop flag is in stopping_
  std::atomic<bool> stopping_{false};
  alignas(64) std::atomic<uint32_t> arrived_{0};
  alignas(64) std::atomic<uint32_t> phase_{0};
  struct alignas(64) Counter {
    std::atomic<size_t> value{0};
  };
  Counter loops_[3];
};

}  // namespace thimble
