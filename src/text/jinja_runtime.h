// The state of one rendering: the limits, and the heap that owns every object made while it lasts.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/chat_template.h"
#include "text/jinja_value.h"

namespace thimble::jinja {

class Runtime {
 public:
  Runtime(const TemplateLimits& limits, std::chrono::system_clock::time_point now);

  const TemplateLimits& limits() const { return limits_; }
  std::chrono::system_clock::time_point now() const { return now_; }

  // Counts work, in steps of about one evaluated node, and looks at the clock now and then. Throws Fault over a limit.
  void step(size_t count = 1) {
    steps_ += count;
    if (steps_ >= next_check_) check();
  }
  // Work proportional to a number of bytes.
  void scan(size_t bytes) { step(bytes / 64 + 1); }
  // Announces memory before it is taken; throws Fault over the limit.
  void charge(size_t bytes);

  // Adds to text that grows piece by piece; throws Fault before it passes the limit on values.
  void append(std::string& out, std::string_view piece);

  Value string(std::string text);
  Value outside_string(std::string_view text);  // not copied: the caller keeps it alive
  Value markup(std::string text);
  Value same_kind(const Value& like, std::string text);  // markup where `like` is
  Value sequence(Sequence::Type type, std::vector<Value> items);
  Value list(std::vector<Value> items) { return sequence(Sequence::Type::list, std::move(items)); }
  Value tuple(std::vector<Value> items) { return sequence(Sequence::Type::tuple, std::move(items)); }
  Value iterator(std::vector<Value> items) { return sequence(Sequence::Type::iterator, std::move(items)); }
  Value callable(std::string_view name, Callable::Function function);
  Value undefined(std::string reason);
  Dict* dict();
  template <class T, class... Args>
  T* make(Args&&... args) {
    charge(sizeof(T) + 2 * sizeof(void*));
    auto object = std::make_unique<T>(std::forward<Args>(args)...);
    T* result = object.get();
    objects_.push_back(std::move(object));
    return result;
  }

 private:
  void check();

  const TemplateLimits limits_;
  const std::chrono::system_clock::time_point now_;
  const std::chrono::steady_clock::time_point deadline_;
  size_t steps_ = 0;
  size_t next_check_ = 0;
  size_t bytes_ = 0;
  std::deque<std::unique_ptr<Object>> objects_;
};

// Counts one level of recursion while it lives. What recurses over values or nodes holds one.
class DepthGuard {
 public:
  DepthGuard(size_t& depth, size_t limit);
  ~DepthGuard() { --depth_; }
  DepthGuard(const DepthGuard&) = delete;
  DepthGuard& operator=(const DepthGuard&) = delete;

 private:
  size_t& depth_;
};

}  // namespace thimble::jinja
