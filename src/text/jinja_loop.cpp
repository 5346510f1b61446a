#include "text/jinja_loop.h"

#include "text/jinja_builtins.h"
#include "text/jinja_fault.h"
#include "text/jinja_python.h"

namespace thimble::jinja {

Loop::Loop(Runtime& runtime, const std::vector<Value>& items, Accept accept, Recurse recurse, size_t depth)
    : runtime_(runtime), items_(items), accept_(std::move(accept)), recurse_(std::move(recurse)), depth_(depth) {}

const Value* Loop::peek() {
  while (taken_ == accepted_.size()) {
    if (looked_at_ == items_.size()) return nullptr;
    const size_t place = looked_at_++;
    if (!accept_ || accept_(items_[place])) accepted_.push_back(place);
  }
  return &items_[accepted_[taken_]];
}

bool Loop::advance() {
  const Value* next = peek();
  if (next == nullptr) return false;
  ++taken_;
  ++index_;
  previous_ = std::exchange(current_, next);
  return true;
}

int64_t Loop::length() {
  if (!accept_) return static_cast<int64_t>(items_.size());
  while (looked_at_ < items_.size()) {
    const size_t place = looked_at_++;
    if (accept_(items_[place])) accepted_.push_back(place);
  }
  return static_cast<int64_t>(accepted_.size());
}

Value Loop::cycle(const Arguments& arguments) {
  if (arguments.positional.empty()) fault("loop.cycle() needs at least one value");
  return arguments.positional[static_cast<size_t>(index_) % arguments.positional.size()];
}

Value Loop::changed(const Arguments& arguments) {
  const auto& now = arguments.positional;
  bool same = last_seen_ && last_seen_->size() == now.size();
  for (size_t i = 0; same && i < now.size(); ++i) same = equal(runtime_, (*last_seen_)[i], now[i]);
  if (!same) last_seen_ = now;
  return !same;
}

Value Loop::call(const Arguments& arguments) {
  const Bound bound(arguments, {"iterable"}, 1);
  if (!recurse_) fault("loop() needs a loop marked 'recursive'");
  return recurse_(bound[0]);
}

Value Loop::attribute(std::string_view name) {
  if (name == "index") return index_ + 1;
  if (name == "index0") return index_;
  if (name == "first") return index_ == 0;
  if (name == "last") return peek() == nullptr;
  if (name == "length") return length();
  if (name == "revindex") return length() - index_;
  if (name == "revindex0") return length() - index_ - 1;
  if (name == "depth") return static_cast<int64_t>(depth_) + 1;
  if (name == "depth0") return static_cast<int64_t>(depth_);
  if (name == "previtem") return previous_ == nullptr ? runtime_.undefined("there is no previous item") : *previous_;
  if (name == "nextitem") {
    const Value* next = peek();
    return next == nullptr ? runtime_.undefined("there is no next item") : *next;
  }
  if (name == "cycle") return runtime_.callable("cycle", [this](const Arguments& a) { return cycle(a); });
  if (name == "changed") return runtime_.callable("changed", [this](const Arguments& a) { return changed(a); });
  return {};
}

}  // namespace thimble::jinja
