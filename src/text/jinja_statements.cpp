// Statements, macros and assignment.
#include <algorithm>
#include <optional>

#include "base/error.h"
#include "text/jinja_builtins.h"
#include "text/jinja_evaluator.h"
#include "text/jinja_fault.h"
#include "text/jinja_loop.h"
#include "text/jinja_python.h"

namespace thimble::jinja {
namespace {

// Sets a variable for as long as it lives.
template <class T>
class Restore {
 public:
  Restore(T& variable, T value) : variable_(variable), old_(std::exchange(variable, std::move(value))) {}
  ~Restore() { variable_ = std::move(old_); }
  Restore(const Restore&) = delete;
  Restore& operator=(const Restore&) = delete;

 private:
  T& variable_;
  T old_;
};

}  // namespace

std::string Evaluator::render() {
  try {
    run(tree_.body);
  } catch (Fault& fault) {
    if (!fault.offset) fault.offset = offset_;
    throw;
  }
  return std::move(output_);
}

void Evaluator::emit(std::string_view text) {
  if (text.size() > runtime_.limits().output_bytes - output_.size()) {
    fault("wrote more than {} bytes", runtime_.limits().output_bytes);
  }
  if (captures_ > 0) runtime_.charge(text.size());
  output_ += text;
}

Evaluator::Flow Evaluator::run(const Body& body) {
  for (const Statement* statement : body) {
    if (const Flow flow = run(*statement); flow != Flow::next) return flow;
  }
  return Flow::next;
}

Evaluator::Flow Evaluator::run(const Statement& statement) {
  const DepthGuard guard(depth_, runtime_.limits().depth * kNestingPerDepth);
  runtime_.step();
  offset_ = statement.offset;
  switch (statement.action) {
    case Action::text: emit(statement.text); break;
    case Action::output: {
      const Value value = evaluate(*statement.value);
      if (value.is_string()) {
        emit(value.text());
      } else {
        emit(to_text(runtime_, value));
      }
      break;
    }
    case Action::condition: return run_condition(statement);
    case Action::loop: return run_loop(statement);
    case Action::set: assign(*statement.target, evaluate(*statement.value)); break;
    case Action::set_block: return run_set_block(statement);
    case Action::macro: assign_name(statement.text, make_macro(statement, statement.text)); break;
    case Action::call_block: {
      const Value caller = make_macro(statement, "caller");
      emit(to_text(runtime_, evaluate_call(*statement.value, &caller)));
      break;
    }
    case Action::filter_block: return run_filter_block(statement);
    case Action::scope: return run_scope(statement);
    case Action::break_loop: return Flow::leave_loop;
    case Action::continue_loop: return Flow::next_round;
  }
  return Flow::next;
}

Evaluator::Flow Evaluator::run_condition(const Statement& statement) {
  for (const Branch& branch : statement.branches) {
    if (branch.test == nullptr || truthy(evaluate(*branch.test))) return run(branch.body);
  }
  return Flow::next;
}

Evaluator::Flow Evaluator::run_loop(const Statement& statement) {
  return run_loop_over(statement, evaluate(*statement.value), 0);
}

Evaluator::Flow Evaluator::run_loop_over(const Statement& statement, const Value& value, size_t depth) {
  Scope* const outer = scope_;
  const Restore<Scope*> restore(scope_, outer);
  Loop::Accept accept;
  if (statement.test != nullptr) {
    accept = [this, &statement, outer](const Value& item) {
      Scope names(outer);  // nothing in a test can keep it
      const Restore<Scope*> inner(scope_, &names);
      assign(*statement.target, item);
      return truthy(evaluate(*statement.test));
    };
  }
  Loop::Recurse recurse;
  if (statement.recursive) {
    recurse = [this, &statement, outer, depth](const Value& items) -> Value {
      const DepthGuard calls(calls_, runtime_.limits().depth);
      const Restore<Scope*> lexical(scope_, outer);
      const size_t captured = captures_ + 1;
      const Restore<size_t> capturing(captures_, captured);
      Restore<std::string> aside(output_, std::string());
      run_loop_over(statement, items, depth + 1);
      return runtime_.string(std::move(output_));
    };
  }
  offset_ = statement.value->offset;
  const auto& items = iterate(runtime_, value);
  Loop* loop = runtime_.make<Loop>(runtime_, items, std::move(accept), std::move(recurse), depth);
  bool finished_a_round = false;
  Scope* inner = nullptr;
  while (loop->advance()) {
    runtime_.step();
    if (inner == nullptr || inner->kept) inner = runtime_.make<Scope>(outer);
    inner->names.clear();
    scope_ = inner;
    assign_name("loop", static_cast<Instance*>(loop));
    assign(*statement.target, loop->current());
    const Flow flow = run(statement.body);
    if (flow == Flow::leave_loop) break;
    finished_a_round = finished_a_round || flow == Flow::next;
  }
  // As in jinja2, rounds that break or continue ends do not keep `else` from running.
  if (finished_a_round) return Flow::next;
  scope_ = runtime_.make<Scope>(outer);
  return run(statement.otherwise);
}

Evaluator::Flow Evaluator::capture(const Body& body, std::string& text) {
  const Restore<Scope*> inner(scope_, runtime_.make<Scope>(scope_));
  const Restore<size_t> capturing(captures_, captures_ + 1);
  const Restore<std::string> aside(output_, std::string());
  const Flow flow = run(body);
  text = std::move(output_);
  return flow;
}

Evaluator::Flow Evaluator::run_set_block(const Statement& statement) {
  std::string text;
  if (const Flow flow = capture(statement.body, text); flow != Flow::next) return flow;
  const Value captured = runtime_.string(std::move(text));
  assign(*statement.target, statement.value == nullptr ? captured : apply_filters(*statement.value, captured));
  return Flow::next;
}

Evaluator::Flow Evaluator::run_filter_block(const Statement& statement) {
  std::string text;
  if (const Flow flow = capture(statement.body, text); flow != Flow::next) return flow;
  emit(to_text(runtime_, apply_filters(*statement.value, runtime_.string(std::move(text)))));
  return Flow::next;
}

Evaluator::Flow Evaluator::run_scope(const Statement& statement) {
  std::vector<Value> values;
  for (const auto& [target, value] : statement.assignments) values.push_back(evaluate(*value));
  const Restore<Scope*> inner(scope_, runtime_.make<Scope>(scope_));
  for (size_t i = 0; i < values.size(); ++i) assign(*statement.assignments[i].first, values[i]);
  return run(statement.body);
}

Value Evaluator::make_macro(const Statement& statement, std::string_view name) {
  for (Scope* scope = scope_; scope != nullptr && !scope->kept; scope = scope->outer) scope->kept = true;
  return runtime_.callable(name, [this, &statement, scope = scope_](const Arguments& arguments) {
    return call_macro(statement, scope, arguments);
  });
}

Value Evaluator::call_macro(const Statement& statement, Scope* scope, const Arguments& arguments) {
  const DepthGuard calls(calls_, runtime_.limits().depth);
  const Restore<Scope*> lexical(scope_, runtime_.make<Scope>(scope));
  const size_t call_offset = offset_;
  bind_parameters(statement, arguments);
  std::string text;
  {
    const Restore<size_t> capturing(captures_, captures_ + 1);
    const Restore<std::string> aside(output_, std::string());
    run(statement.body);
    text = std::move(output_);
  }
  offset_ = call_offset;
  return runtime_.string(std::move(text));
}

void Evaluator::bind_parameters(const Statement& statement, const Arguments& arguments) {
  const auto& parameters = statement.parameters;
  std::vector<std::pair<std::string_view, Value>> named = arguments.named;
  const auto take_named = [&](std::string_view name) -> std::optional<Value> {
    const auto it = std::ranges::find(named, name, &std::pair<std::string_view, Value>::first);
    if (it == named.end()) return std::nullopt;
    const Value value = it->second;
    named.erase(it);
    return value;
  };
  // What is given comes first: a default sees every parameter, those without a value yet as undefined.
  std::vector<const Parameter*> to_default;
  for (size_t i = 0; i < parameters.size(); ++i) {
    const Parameter& parameter = parameters[i];
    if (i < arguments.positional.size()) {
      assign_name(parameter.name, arguments.positional[i]);
    } else if (const auto value = take_named(parameter.name)) {
      assign_name(parameter.name, *value);
    } else {
      assign_name(parameter.name, runtime_.undefined(fmt::format("parameter '{}' was not provided", parameter.name)));
      if (parameter.fallback != nullptr) to_default.push_back(&parameter);
    }
  }
  const bool names_caller = std::ranges::any_of(parameters, [](const Parameter& p) { return p.name == "caller"; });
  if (statement.takes_caller && !names_caller) {
    assign_name("caller", take_named("caller").value_or(runtime_.undefined("no caller defined")));
  }
  bind_surplus(statement, arguments, named);
  for (const Parameter* parameter : to_default) assign_name(parameter->name, evaluate(*parameter->fallback));
}

void Evaluator::bind_surplus(const Statement& statement, const Arguments& arguments,
                             const std::vector<std::pair<std::string_view, Value>>& named) {
  Dict* kwargs = runtime_.dict();
  for (const auto& [name, value] : named) {
    if (!statement.takes_kwargs) fault("macro '{}' takes no argument '{}'", statement.text, printable(name, 60));
    insert(runtime_, *kwargs, runtime_.string(std::string(name)), value);
  }
  const size_t count = arguments.positional.size();
  const size_t known = std::min(statement.parameters.size(), count);
  if (count > known && !statement.takes_varargs) {
    fault("macro '{}' takes at most {} arguments, {} given", statement.text, known, count);
  }
  const auto varargs = arguments.positional.begin() + static_cast<ptrdiff_t>(known);
  if (statement.takes_kwargs) assign_name("kwargs", kwargs);
  if (statement.takes_varargs) assign_name("varargs", runtime_.tuple({varargs, arguments.positional.end()}));
}

void Evaluator::assign(const Expression& target, const Value& value) {
  if (target.operation == Operation::name) {
    assign_name(target.text, value);
  } else if (target.operation == Operation::attribute) {
    const Value object = evaluate(*target.operands[0]);
    offset_ = target.offset;
    if (!object.is<Namespace*>()) fault("cannot set an attribute of a '{}', only of a namespace", type_name(object));
    if (target.text.starts_with('_')) fault("a namespace cannot hold '{}'", printable(target.text, 60));
    insert(runtime_, *object.get<Namespace*>()->attributes, runtime_.outside_string(target.text), value);
  } else {
    const std::vector<Value> items = iterate(runtime_, value);
    offset_ = target.offset;
    if (items.size() != target.operands.size()) {
      fault("cannot unpack {} values into {} names", items.size(), target.operands.size());
    }
    for (size_t i = 0; i < items.size(); ++i) assign(*target.operands[i], items[i]);
  }
}

void Evaluator::assign_name(std::string_view name, const Value& value) {
  for (auto& [known, old] : scope_->names) {
    if (known == name) {
      old = value;
      return;
    }
  }
  if (scope_->names.size() == scope_->names.capacity()) {
    runtime_.charge((scope_->names.size() + 1) * sizeof(std::pair<std::string_view, Value>));
  }
  scope_->names.emplace_back(name, value);
}

}  // namespace thimble::jinja
