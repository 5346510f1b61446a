// The sessions that a server answers on. Who finds none free waits in a short line, which is fair to clients and not only to requests;
// who finds the line full is told to come again.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "app/serve/http_front.h"
#include "assist/ask.h"
#include "assist/commander.h"
#include "assist/log_summary.h"
#include "engine/session.h"

namespace thimble {

struct Slot {
  std::unique_ptr<Session> session;
  // Made on the session when first asked for, and kept.
  std::unique_ptr<Asker> asker;
  std::unique_ptr<Commander> commander;
  std::unique_ptr<LogSummarizer> summarizer;

  // The pool's.
  bool is_taken = false;
  uint64_t last_use = 0;
  std::string client;
  std::string_view kind{};         // of prompts that it has served last
  std::vector<TokenId> settled{};  // while it is taken: tokens that its session keeps until the end
};

class SlotPool;

// A slot until the end of its scope.
class SlotLease {
 public:
  SlotLease(SlotPool& pool, Slot& slot) : pool_(&pool), slot_(&slot) {}
  SlotLease(SlotLease&& other) noexcept : pool_(other.pool_), slot_(std::exchange(other.slot_, nullptr)) {}
  SlotLease& operator=(SlotLease&&) = delete;
  ~SlotLease();
  Slot& operator*() const { return *slot_; }
  Slot* operator->() const { return slot_; }

 private:
  SlotPool* pool_;
  Slot* slot_;
};

class SlotPool {
 public:
  SlotPool(SharedRunner& runner, const SessionOptions& options, size_t most_waiting);

  // The free slot that has read most of `prompt` already, or else has served the same kind of prompts; blocks until there is one. A prefix
  // that only another slot has is copied. `kind`: a literal. Throws ApiError 429 where too many wait, 503 where the client is gone.
  SlotLease acquire(std::span<const TokenId> prompt, std::string_view kind, const HttpPeer& client);

  size_t size() const { return slots_.size(); }
  size_t busy() const;
  size_t waiting() const;
  size_t most_waiting() const { return most_waiting_; }

 private:
  friend class SlotLease;
  struct Ticket {
    std::span<const TokenId> prompt;
    std::string_view kind;
    const std::string& client;
    Slot* slot = nullptr;
  };

  void release(Slot& slot);
  void grant();
  std::deque<Ticket*>::iterator next_ticket();
  Slot& choose(const Ticket& ticket);
  void borrow(Slot& slot, const Ticket& ticket);

  std::deque<Slot> slots_;
  size_t most_waiting_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Ticket*> line_;
  uint64_t uses_ = 0;
};

}  // namespace thimble
