#include "text/jinja_runtime.h"

#include "text/jinja_fault.h"

namespace thimble::jinja {
namespace {

constexpr size_t kStepsBetweenClockReads = 512;

}  // namespace

Runtime::Runtime(const TemplateLimits& limits, std::chrono::system_clock::time_point now)
    : limits_(limits), now_(now), deadline_(std::chrono::steady_clock::now() + limits.time) {}

void Runtime::check() {
  if (steps_ > limits_.steps) fault("took more than {} steps", limits_.steps);
  if (std::chrono::steady_clock::now() > deadline_) fault("took longer than {} ms", limits_.time.count());
  next_check_ = std::min(steps_ + kStepsBetweenClockReads, limits_.steps + 1);
}

void Runtime::charge(size_t bytes) {
  if (bytes > limits_.value_bytes - bytes_) fault("made more than {} bytes of values", limits_.value_bytes);
  bytes_ += bytes;
  scan(bytes);
}

void Runtime::append(std::string& out, std::string_view piece) {
  if (piece.size() + out.size() > limits_.value_bytes) charge(piece.size() + out.size());
  scan(piece.size());
  out += piece;
}

Value Runtime::string(std::string text) {
  charge(text.size());
  return static_cast<const String*>(make<String>(std::move(text)));
}

Value Runtime::outside_string(std::string_view text) { return static_cast<const String*>(make<String>(text)); }

Value Runtime::markup(std::string text) {
  charge(text.size());
  String* result = make<String>(std::move(text));
  result->markup = true;
  return static_cast<const String*>(result);
}

Value Runtime::same_kind(const Value& like, std::string text) {
  return like.is_string() && like.get<const String*>()->markup ? markup(std::move(text)) : string(std::move(text));
}

Value Runtime::sequence(Sequence::Type type, std::vector<Value> items) {
  charge(items.size() * sizeof(Value));
  return make<Sequence>(type, std::move(items));
}

Value Runtime::callable(std::string_view name, Callable::Function function) {
  return make<Callable>(name, std::move(function));
}

Value Runtime::undefined(std::string reason) { return Undefined{string(std::move(reason)).get<const String*>()}; }

Dict* Runtime::dict() { return make<Dict>(); }

DepthGuard::DepthGuard(size_t& depth, size_t limit) : depth_(depth) {
  if (depth_ >= limit) fault("nested deeper than {}", limit);
  ++depth_;
}

}  // namespace thimble::jinja
