// Runs a Tree: expressions to values, statements to text. One evaluator renders once.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/jinja_ast.h"
#include "text/jinja_runtime.h"

namespace thimble::jinja {

// Evaluation nests as deep as the source does, once more for each call that is running; this many times the depth limit
// bounds the sum, and by it the machine's stack.
constexpr size_t kNestingPerDepth = 8;

// The names set in one block; looked up from the inside out. Owned by the heap: macros keep the scope they are made in.
struct Scope : Object {
  explicit Scope(Scope* outer_scope) : outer(outer_scope) {}
  Scope* const outer;
  bool kept = false;  // by a macro
  std::vector<std::pair<std::string_view, Value>> names;
};

class Evaluator {
 public:
  // `context` has the variables given to the template.
  Evaluator(Runtime& runtime, const Tree& tree, const Dict& context);

  // The text of the whole template. Throws Fault with the offset of the node that failed.
  std::string render();

 private:
  enum class Flow { next, leave_loop, next_round };

  Value evaluate(const Expression& node);
  Value evaluate_node(const Expression& node);
  Value evaluate_name(const Expression& node);
  Value evaluate_dict(const Expression& node);
  Value evaluate_slice(const Expression& node);
  Value evaluate_logic(const Expression& node);
  Value evaluate_comparison(const Expression& node);
  Value evaluate_concatenation(const Expression& node);
  Value evaluate_conditional(const Expression& node);
  Value evaluate_arithmetic(const Expression& node);
  Value evaluate_filter(const Expression& node, const Value* captured);
  Value evaluate_test(const Expression& node);
  Value evaluate_call(const Expression& node, const Value* caller);
  std::vector<Value> evaluate_all(const std::vector<const Expression*>& nodes);
  Arguments evaluate_arguments(const Expression& node);
  // A chain of filters whose innermost operand is `captured` text.
  Value apply_filters(const Expression& chain, const Value& captured);

  Flow run(const Body& body);
  Flow run(const Statement& statement);
  Flow run_condition(const Statement& statement);
  Flow run_loop(const Statement& statement);
  Flow run_loop_over(const Statement& statement, const Value& items, size_t depth);
  Flow run_set_block(const Statement& statement);
  Flow run_filter_block(const Statement& statement);
  Flow run_scope(const Statement& statement);
  // Runs a body in a new scope and takes its text away from the output.
  Flow capture(const Body& body, std::string& text);

  Value make_macro(const Statement& statement, std::string_view name);
  Value call_macro(const Statement& statement, Scope* scope, const Arguments& arguments);
  void bind_parameters(const Statement& statement, const Arguments& arguments);
  // What no parameter takes: varargs and kwargs where the macro names them.
  void bind_surplus(const Statement& statement, const Arguments& arguments,
                    const std::vector<std::pair<std::string_view, Value>>& named);

  void assign(const Expression& target, const Value& value);
  void assign_name(std::string_view name, const Value& value);
  void emit(std::string_view text);

  Runtime& runtime_;
  const Tree& tree_;
  const Dict& context_;
  Scope* scope_;
  std::string output_;
  size_t captures_ = 0;  // how many captures the output is inside of
  size_t depth_ = 0;     // of evaluation: source and calls together
  size_t calls_ = 0;     // macros and recursive loops running
  size_t offset_ = 0;    // of the node being evaluated, for errors
};

}  // namespace thimble::jinja
