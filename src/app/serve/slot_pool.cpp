#include "app/serve/slot_pool.h"

#include <fmt/format.h>

#include <algorithm>

#include "app/serve/api_error.h"

namespace thimble {
namespace {

using namespace std::chrono_literals;

constexpr size_t kWorthCopying = 32;  // tokens

size_t shared_tokens(std::span<const TokenId> a, std::span<const TokenId> b) {
  return static_cast<size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
}

}  // namespace

SlotLease::~SlotLease() {
  if (slot_ != nullptr) pool_->release(*slot_);
}

SlotPool::SlotPool(SharedRunner& runner, const SessionOptions& options, size_t most_waiting)
    : most_waiting_(most_waiting) {
  for (size_t i = 0; i < options.sessions; ++i) {
    slots_.emplace_back().session = std::make_unique<Session>(runner, options);
  }
}

size_t SlotPool::busy() const {
  const std::lock_guard lock(mutex_);
  return static_cast<size_t>(std::ranges::count_if(slots_, &Slot::is_taken));
}

size_t SlotPool::waiting() const {
  const std::lock_guard lock(mutex_);
  return line_.size();
}

SlotLease SlotPool::acquire(std::span<const TokenId> prompt, std::string_view kind, const HttpPeer& client) {
  Ticket ticket{prompt, kind, client.address()};
  std::unique_lock lock(mutex_);
  const bool all_taken = std::ranges::all_of(slots_, &Slot::is_taken);
  if (all_taken && line_.size() >= most_waiting_) {
    throw ApiError(
        429, fmt::format("all {} slots are busy and {} requests wait; try again soon", slots_.size(), line_.size()));
  }
  line_.push_back(&ticket);
  grant();
  while (ticket.slot == nullptr) {
    changed_.wait_for(lock, 50ms);
    if (ticket.slot == nullptr && client.is_gone()) {
      std::erase(line_, &ticket);
      throw ApiError(503, "the request was given up while it waited");
    }
  }
  return {*this, *ticket.slot};
}

void SlotPool::release(Slot& slot) {
  const std::lock_guard lock(mutex_);
  slot.is_taken = false;
  slot.last_use = ++uses_;
  grant();
}

void SlotPool::grant() {
  while (!line_.empty() && std::ranges::any_of(slots_, [](const Slot& slot) { return !slot.is_taken; })) {
    const auto next = next_ticket();
    Ticket& ticket = **next;
    line_.erase(next);
    Slot& slot = choose(ticket);
    borrow(slot, ticket);
    slot.is_taken = true;
    slot.client = ticket.client;
    slot.kind = ticket.kind;
    // All of the prompt but the token that has to be run again for its logits.
    const size_t kept = std::min(shared_tokens(ticket.prompt, slot.session->tokens()),
                                 ticket.prompt.size() - std::min<size_t>(ticket.prompt.size(), 1));
    slot.settled.assign(ticket.prompt.begin(),
                        ticket.prompt.begin() + static_cast<ptrdiff_t>(slot.session->lendable(kept)));
    ticket.slot = &slot;
    changed_.notify_all();
  }
}

// Of those whose clients have the fewest slots the one that has waited longest.
std::deque<SlotPool::Ticket*>::iterator SlotPool::next_ticket() {
  const auto slots_of = [&](const Ticket* ticket) {
    return std::ranges::count_if(slots_,
                                 [&](const Slot& slot) { return slot.is_taken && slot.client == ticket->client; });
  };
  return std::ranges::min_element(line_, {}, slots_of);
}

Slot& SlotPool::choose(const Ticket& ticket) {
  Slot* best = nullptr;    // has the most of the prompt
  Slot* oldest = nullptr;  // of the others' use
  size_t most = 0;
  for (Slot& slot : slots_) {
    if (slot.is_taken) continue;
    size_t shared = shared_tokens(ticket.prompt, slot.session->tokens());
    if (ticket.prompt.empty() && slot.kind == ticket.kind) shared = slot.session->tokens().size();
    if (best == nullptr || shared > most) {
      best = &slot;
      most = shared;
    }
    if (oldest == nullptr || slot.last_use < oldest->last_use) oldest = &slot;
  }
  // A slot that would lose little by it is taken as it is; one that holds a longer conversation keeps it, and lends what is shared.
  if (most * 2 >= best->session->tokens().size()) return most > 0 ? *best : *oldest;
  if (oldest != best && most > shared_tokens(ticket.prompt, oldest->session->tokens()) + kWorthCopying) {
    oldest->session->copy_from(*best->session);
  }
  return *oldest;
}

// What a slot at work has read of the prompt before, and will have until its end.
void SlotPool::borrow(Slot& slot, const Ticket& ticket) {
  const Slot* lender = nullptr;
  size_t most = shared_tokens(ticket.prompt, slot.session->tokens()) + kWorthCopying;
  for (const Slot& other : slots_) {
    if (!other.is_taken) continue;
    const size_t shared = slot.session->lendable(shared_tokens(ticket.prompt, other.settled));
    if (shared <= most) continue;
    lender = &other;
    most = shared;
  }
  if (lender != nullptr) slot.session->borrow(*lender->session, std::span(lender->settled).first(most));
}

}  // namespace thimble
