// The token cursor and node factory that the expression and the statement parser share.
#pragma once

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "text/jinja_ast.h"
#include "text/jinja_fault.h"
#include "text/jinja_lexer.h"

namespace thimble::jinja {

class ParseState {
 public:
  ParseState(Tree& parsed, std::vector<Token> all, size_t depth_limit)
      : tree(parsed), tokens_(std::move(all)), depth_limit_(depth_limit) {}

  const Token& now() const { return tokens_[at_]; }
  const Token& ahead() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  const Token& take() { return at_ + 1 < tokens_.size() ? tokens_[at_++] : tokens_[at_]; }

  bool is(TokenType type) const { return now().type == type; }
  bool is_symbol(std::string_view text) const { return is(TokenType::symbol) && now().text == text; }
  bool is_name(std::string_view text) const { return is(TokenType::name) && now().text == text; }
  bool skip_symbol(std::string_view text) { return is_symbol(text) && (take(), true); }
  bool skip_name(std::string_view text) { return is_name(text) && (take(), true); }

  [[noreturn]] void unexpected(std::string_view expected) const {
    const std::string found = is(TokenType::end) ? "the end of the template" : "'" + printable(now().text, 40) + "'";
    fault_at(now().offset, "expected {}, found {}", expected, found);
  }
  void expect_symbol(std::string_view text) {
    if (!skip_symbol(text)) unexpected(fmt::format("'{}'", text));
  }
  void expect(TokenType type, std::string_view what) {
    if (!is(type)) unexpected(what);
    take();
  }
  std::string expect_name() {
    if (!is(TokenType::name)) unexpected("a name");
    return take().text;
  }

  Expression* make(Operation operation, size_t offset, std::vector<const Expression*> operands = {}) {
    Expression& node = tree.expressions.emplace_back(Expression{.operation = operation, .offset = offset});
    for (const Expression* operand : operands) adopt(node, operand);
    node.operands = std::move(operands);
    return &node;
  }
  // Keeps the height of `node` above that of its child.
  void adopt(Expression& node, const Expression* child) {
    if (child == nullptr) return;
    node.height = std::max(node.height, child->height + 1);
    if (node.height > depth_limit_) fault_at(node.offset, "expression nested deeper than {}", depth_limit_);
  }
  Expression* constant(size_t offset, Value value) {
    Expression* node = make(Operation::constant, offset);
    node->value = value;
    return node;
  }
  Expression* text_constant(size_t offset, std::string text) {
    return constant(offset, static_cast<const String*>(&tree.strings.emplace_back(std::move(text))));
  }

  // One level of the parser's own recursion.
  class Level {
   public:
    explicit Level(ParseState& state) : state_(state) {
      if (state_.depth_ >= state_.depth_limit_)
        fault_at(state_.now().offset, "nested deeper than {}", state_.depth_limit_);
      ++state_.depth_;
    }
    ~Level() { --state_.depth_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;

   private:
    ParseState& state_;
  };

  Tree& tree;
  // Names read since this was last cleared that mean something inside a macro.
  struct SpecialNames {
    bool caller = false;
    bool kwargs = false;
    bool varargs = false;
  } special;

 private:
  std::vector<Token> tokens_;
  size_t at_ = 0;
  size_t depth_ = 0;
  const size_t depth_limit_;
};

}  // namespace thimble::jinja
