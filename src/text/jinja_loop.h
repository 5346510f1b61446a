// The `loop` variable of a for statement. Items pass the loop's own filter as late as possible, as in jinja2: a test
// may depend on what the body has just done.
#pragma once

#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "text/jinja_runtime.h"
#include "text/jinja_value.h"

namespace thimble::jinja {

class Loop : public Instance {
 public:
  using Accept = std::function<bool(const Value&)>;    // empty: every item
  using Recurse = std::function<Value(const Value&)>;  // empty: the loop is not recursive
  // `items` outlive the loop.
  Loop(Runtime& runtime, const std::vector<Value>& items, Accept accept, Recurse recurse, size_t depth);

  // The next item becomes the current one; false at the end.
  bool advance();
  const Value& current() const { return *current_; }

  Value attribute(std::string_view name) override;
  Value call(const Arguments& arguments) override;
  std::string_view type_name() const override { return "LoopContext"; }

 private:
  const Value* peek();  // nullptr where there is no other item
  int64_t length();
  Value cycle(const Arguments& arguments);
  Value changed(const Arguments& arguments);

  Runtime& runtime_;
  const std::vector<Value>& items_;
  const Accept accept_;
  const Recurse recurse_;
  const size_t depth_;
  std::vector<size_t> accepted_;  // places of accepted items that are still to come
  size_t taken_ = 0;              // of accepted_
  size_t looked_at_ = 0;          // of items_
  int64_t index_ = -1;            // counts from 0
  const Value* previous_ = nullptr;
  const Value* current_ = nullptr;
  std::optional<std::vector<Value>> last_seen_;
};

}  // namespace thimble::jinja
