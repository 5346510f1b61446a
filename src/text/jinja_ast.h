// The parsed form of a template. Nodes are owned by the Tree and point at each other, so that neither building nor
// destroying recurses; `height` bounds how deep evaluation does.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "text/jinja_value.h"

namespace thimble::jinja {

enum class Operation {
  constant,     // value
  name,         // text
  list,         // operands
  tuple,        // operands
  dict,         // operands: key, value, key, value, ...
  attribute,    // operands[0].text
  item,         // operands[0][operands[1]]
  slice,        // operands[0][operands[1]:operands[2]:operands[3]], each of the three may be null
  call,         // operands[0](arguments)
  filter,       // operands[0] | text(arguments); operands[0] is null in filter blocks
  test,         // operands[0] is text(arguments)
  conditional,  // operands[1] if operands[0] else operands[2], which may be null
  logical_and,
  logical_or,
  logical_not,
  compare,  // operands, with comparisons[i] between i and i + 1
  concat,   // operands joined as text
  negative,
  positive,
  add,
  subtract,
  multiply,
  divide,
  floor_divide,
  modulo,
  power,
};

enum class Comparison { equal, unequal, less, less_equal, greater, greater_equal, in, not_in };

struct Expression {
  Operation operation;
  size_t offset;
  size_t height = 1;
  std::string text{};
  Value value{};
  std::vector<const Expression*> operands{};
  std::vector<Comparison> comparisons{};
  std::vector<std::pair<std::string, const Expression*>> named{};  // keyword arguments of call, filter, test
  std::vector<const Expression*> arguments{};                      // positional ones
  const Expression* more_arguments = nullptr;                      // *arguments
  const Expression* more_named = nullptr;                          // **arguments
};

enum class Action {
  text,          // text
  output,        // value
  condition,     // branches
  loop,          // for target in value if test; body, otherwise
  set,           // target = value
  set_block,     // target = body, through the filter `value` where there is one
  macro,         // text(parameters): body
  call_block,    // value is the call; parameters and body make its caller
  filter_block,  // value is the filter
  scope,         // assignments, body: with and generation
  break_loop,
  continue_loop,
};

struct Statement;
using Body = std::vector<const Statement*>;

struct Parameter {
  std::string name;
  const Expression* fallback = nullptr;  // null: required
};

struct Branch {
  const Expression* test;  // null: else
  Body body;
};

struct Statement {
  Action action;
  size_t offset;
  std::string text{};
  const Expression* target = nullptr;
  const Expression* value = nullptr;
  const Expression* test = nullptr;
  bool recursive = false;
  bool takes_caller = false;  // a macro's body names these
  bool takes_kwargs = false;
  bool takes_varargs = false;
  Body body{};
  Body otherwise{};
  std::vector<Branch> branches{};
  std::vector<Parameter> parameters{};
  std::vector<std::pair<const Expression*, const Expression*>> assignments{};  // target, value
};

struct Tree {
  std::string source;  // normalized; offsets point into it
  std::deque<Expression> expressions;
  std::deque<Statement> statements;
  std::deque<String> strings;  // of constants
  Body body;
};

}  // namespace thimble::jinja
