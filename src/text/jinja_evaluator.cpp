// Expressions.
#include "text/jinja_evaluator.h"

#include <algorithm>

#include "base/error.h"
#include "text/jinja_builtins.h"
#include "text/jinja_fault.h"
#include "text/jinja_python.h"

namespace thimble::jinja {
namespace {

bool compare(Runtime& runtime, Comparison comparison, const Value& a, const Value& b) {
  switch (comparison) {
    case Comparison::equal: return equal(runtime, a, b);
    case Comparison::unequal: return !equal(runtime, a, b);
    case Comparison::less: return less(runtime, a, b);
    case Comparison::greater: return less(runtime, b, a);
    case Comparison::less_equal: return less(runtime, a, b) || equal(runtime, a, b);
    case Comparison::greater_equal: return less(runtime, b, a) || equal(runtime, a, b);
    case Comparison::in: return contains(runtime, b, a);
    case Comparison::not_in: return !contains(runtime, b, a);
  }
  return false;
}

}  // namespace

Evaluator::Evaluator(Runtime& runtime, const Tree& tree, const Dict& context)
    : runtime_(runtime), tree_(tree), context_(context), scope_(runtime.make<Scope>(nullptr)) {}

Value Evaluator::evaluate(const Expression& node) {
  const DepthGuard guard(depth_, runtime_.limits().depth * kNestingPerDepth);
  runtime_.step();
  offset_ = node.offset;
  return evaluate_node(node);
}

Value Evaluator::evaluate_node(const Expression& node) {
  switch (node.operation) {
    case Operation::constant: return node.value;
    case Operation::name: return evaluate_name(node);
    case Operation::list: return runtime_.list(evaluate_all(node.operands));
    case Operation::tuple: return runtime_.tuple(evaluate_all(node.operands));
    case Operation::dict: return evaluate_dict(node);
    case Operation::slice: return evaluate_slice(node);
    case Operation::call: return evaluate_call(node, nullptr);
    case Operation::filter: return evaluate_filter(node, nullptr);
    case Operation::test: return evaluate_test(node);
    case Operation::conditional: return evaluate_conditional(node);
    case Operation::logical_and:
    case Operation::logical_or: return evaluate_logic(node);
    case Operation::logical_not: return !truthy(evaluate(*node.operands[0]));
    case Operation::compare: return evaluate_comparison(node);
    case Operation::concat: return evaluate_concatenation(node);
    case Operation::attribute: {
      const Value object = evaluate(*node.operands[0]);
      offset_ = node.offset;
      return get_attribute(runtime_, object, node.text);
    }
    case Operation::item: {
      const Value object = evaluate(*node.operands[0]);
      const Value key = evaluate(*node.operands[1]);
      offset_ = node.offset;
      return get_item(runtime_, object, key);
    }
    default: return evaluate_arithmetic(node);
  }
}

Value Evaluator::evaluate_name(const Expression& node) {
  for (const Scope* scope = scope_; scope != nullptr; scope = scope->outer) {
    for (const auto& [name, value] : scope->names) {
      if (name == node.text) return value;
    }
  }
  const Value* given = find(context_, node.text);
  return given != nullptr ? *given : find_global(runtime_, node.text);
}

Value Evaluator::evaluate_dict(const Expression& node) {
  Dict* dict = runtime_.dict();
  for (size_t i = 0; i + 1 < node.operands.size(); i += 2) {
    const Value key = evaluate(*node.operands[i]);
    insert(runtime_, *dict, key, evaluate(*node.operands[i + 1]));
  }
  return dict;
}

Value Evaluator::evaluate_slice(const Expression& node) {
  const Value object = evaluate(*node.operands[0]);
  const auto bound = [&](size_t i) {
    return node.operands[i] == nullptr ? Value(None{}) : evaluate(*node.operands[i]);
  };
  const Value first = bound(1);
  const Value last = bound(2);
  const Value step = bound(3);
  offset_ = node.offset;
  return slice(runtime_, object, first, last, step);
}

Value Evaluator::evaluate_logic(const Expression& node) {
  const bool stops_at = node.operation == Operation::logical_or;
  Value value;
  for (const Expression* operand : node.operands) {
    value = evaluate(*operand);
    if (truthy(value) == stops_at) break;
  }
  return value;
}

Value Evaluator::evaluate_comparison(const Expression& node) {
  Value left = evaluate(*node.operands[0]);
  for (size_t i = 0; i < node.comparisons.size(); ++i) {
    const Value right = evaluate(*node.operands[i + 1]);
    offset_ = node.offset;
    if (!compare(runtime_, node.comparisons[i], left, right)) return false;
    left = right;
  }
  return true;
}

Value Evaluator::evaluate_concatenation(const Expression& node) {
  std::string text;
  for (const Expression* operand : node.operands) append_text(runtime_, text, evaluate(*operand));
  return runtime_.string(std::move(text));
}

Value Evaluator::evaluate_conditional(const Expression& node) {
  if (truthy(evaluate(*node.operands[0]))) return evaluate(*node.operands[1]);
  if (node.operands[2] != nullptr) return evaluate(*node.operands[2]);
  return runtime_.undefined("the inline if was false and has no else");
}

Value Evaluator::evaluate_arithmetic(const Expression& node) {
  const Value a = evaluate(*node.operands[0]);
  const Value b = node.operands.size() > 1 ? evaluate(*node.operands[1]) : Value();
  offset_ = node.offset;
  switch (node.operation) {
    case Operation::negative: return negative(a);
    case Operation::positive: return positive(a);
    case Operation::add: return add(runtime_, a, b);
    case Operation::subtract: return subtract(a, b);
    case Operation::multiply: return multiply(runtime_, a, b);
    case Operation::divide: return divide(a, b);
    case Operation::floor_divide: return floor_divide(a, b);
    case Operation::modulo: return modulo(runtime_, a, b);
    case Operation::power: return power(a, b);
    default: break;
  }
  assert(false);
  return {};
}

std::vector<Value> Evaluator::evaluate_all(const std::vector<const Expression*>& nodes) {
  std::vector<Value> values;
  values.reserve(nodes.size());
  for (const Expression* node : nodes) values.push_back(evaluate(*node));
  return values;
}

Arguments Evaluator::evaluate_arguments(const Expression& node) {
  Arguments arguments;
  arguments.positional = evaluate_all(node.arguments);
  for (const auto& [name, value] : node.named) arguments.named.emplace_back(name, evaluate(*value));
  if (node.more_arguments != nullptr) {
    const auto& more = iterate(runtime_, evaluate(*node.more_arguments));
    runtime_.charge(more.size() * sizeof(Value));
    arguments.positional.insert(arguments.positional.end(), more.begin(), more.end());
  }
  if (node.more_named != nullptr) {
    const Value more = evaluate(*node.more_named);
    if (!more.is_dict()) fault("'**' needs a dict, found '{}'", type_name(more));
    for (const auto& [name, value] : more.get<Dict*>()->entries) {
      if (!name.is_string()) fault("'**' needs names as keys, found '{}'", type_name(name));
      runtime_.charge(sizeof(std::pair<std::string_view, Value>));
      arguments.named.emplace_back(name.text(), value);
    }
  }
  return arguments;
}

Value Evaluator::apply_filters(const Expression& chain, const Value& captured) {
  return evaluate_filter(chain, &captured);
}

Value Evaluator::evaluate_filter(const Expression& node, const Value* captured) {
  const DepthGuard guard(depth_, runtime_.limits().depth * kNestingPerDepth);
  const Expression* operand = node.operands[0];
  Value subject;
  if (operand == nullptr) {
    subject = *captured;
  } else {
    subject = captured != nullptr ? evaluate_filter(*operand, captured) : evaluate(*operand);
  }
  const Arguments arguments = evaluate_arguments(node);
  offset_ = node.offset;
  const Filter filter = find_filter(node.text);
  if (filter == nullptr) fault("no filter named '{}'", printable(node.text, 60));
  return filter(runtime_, subject, arguments);
}

Value Evaluator::evaluate_test(const Expression& node) {
  const Value subject = evaluate(*node.operands[0]);
  const Arguments arguments = evaluate_arguments(node);
  offset_ = node.offset;
  const Test test = find_test(node.text);
  if (test == nullptr) fault("no test named '{}'", printable(node.text, 60));
  return test(runtime_, subject, arguments);
}

Value Evaluator::evaluate_call(const Expression& node, const Value* caller) {
  const Value function = evaluate(*node.operands[0]);
  Arguments arguments = evaluate_arguments(node);
  if (caller != nullptr) arguments.named.emplace_back("caller", *caller);
  offset_ = node.offset;
  runtime_.step();
  return call(function, arguments);
}

}  // namespace thimble::jinja
