#include "text/jinja_parser.h"

#include <initializer_list>

#include "text/jinja_expression_parser.h"
#include "text/jinja_parse_state.h"

namespace thimble::jinja {
namespace {

using Names = std::initializer_list<std::string_view>;

class StatementParser {
 public:
  StatementParser(Tree& tree, size_t depth_limit) : s_(tree, tokenize(tree.source), depth_limit), expressions_(s_) {}

  Body run() {
    Body body = statements({});
    if (!s_.is(TokenType::end)) s_.unexpected("the end of the template");
    if (expressions_.unknown()) throw *expressions_.unknown();
    return body;
  }

 private:
  Statement* make(Action action, size_t offset) {
    return &s_.tree.statements.emplace_back(Statement{.action = action, .offset = offset});
  }
  void expect_block_end() { s_.expect(TokenType::block_end, "'%}'"); }

  bool at_any(Names names) const {
    return std::ranges::any_of(names, [&](std::string_view name) { return s_.is_name(name); });
  }

  // Text and statements up to a tag named in `ends`, whose name is then the current token.
  Body statements(Names ends) {
    const ParseState::Level level(s_);
    Body body;
    while (!s_.is(TokenType::end)) {
      const Token& token = s_.take();
      if (token.type == TokenType::data) {
        Statement* text = make(Action::text, token.offset);
        text->text = token.text;
        body.push_back(text);
      } else if (token.type == TokenType::variable_begin) {
        Statement* output = make(Action::output, token.offset);
        output->value = expressions_.tuple();
        body.push_back(output);
        s_.expect(TokenType::variable_end, "'}}'");
      } else {
        if (at_any(ends)) return body;
        body.push_back(statement());
        expect_block_end();
      }
    }
    return body;
  }

  // The body of a block tag: from behind its %} to the closing tag, whose name is consumed.
  Body block(std::string_view tag, std::string_view end) {
    s_.skip_symbol(":");
    expect_block_end();
    Body body = statements({end});
    if (!s_.skip_name(end)) s_.unexpected(fmt::format("'{{% {} %}}' for '{}'", end, tag));
    return body;
  }

  const Statement* statement() {
    const Token& token = s_.now();
    const std::string name = s_.expect_name();
    const size_t offset = token.offset;
    if (name == "for") return loop(offset);
    if (name == "if") return condition(offset);
    if (name == "set") return set(offset);
    if (name == "macro") return macro(offset);
    if (name == "call") return call_block(offset);
    if (name == "filter") return filter_block(offset);
    if (name == "with") return with(offset);
    if (name == "generation") return generation(offset);
    if (name == "break" || name == "continue") {
      if (!in_loop_) fault_at(offset, "'{}' outside of a loop", name);
      return make(name == "break" ? Action::break_loop : Action::continue_loop, offset);
    }
    fault_at(offset, "unknown or unsupported tag '{}'", printable(name, 60));
  }

  // Inside of loops `loop` is theirs.
  void check_target(const Expression& target) const {
    if (around_loop_ && target.text == "loop") fault_at(target.offset, "cannot assign to 'loop' inside a loop");
    for (const Expression* item : target.operands) check_target(*item);
  }
  const Expression* target(bool attributes, std::string_view end) {
    const Expression* result = expressions_.target(attributes, end);
    check_target(*result);
    return result;
  }

  const Statement* loop(size_t offset) {
    Statement* node = make(Action::loop, offset);
    const bool nested = std::exchange(around_loop_, true);
    node->target = target(false, "in");
    if (!s_.skip_name("in")) s_.unexpected("'in'");
    node->value = expressions_.tuple(false, "recursive");
    if (s_.skip_name("if")) node->test = expressions_.expression();
    node->recursive = s_.skip_name("recursive");
    s_.skip_symbol(":");
    expect_block_end();
    const bool outer = std::exchange(in_loop_, true);
    node->body = statements({"endfor", "else"});
    in_loop_ = outer;
    if (s_.skip_name("else")) {
      node->otherwise = block("for", "endfor");
    } else if (!s_.skip_name("endfor")) {
      s_.unexpected("'{% endfor %}'");
    }
    around_loop_ = nested;
    return node;
  }

  const Statement* condition(size_t offset) {
    Statement* node = make(Action::condition, offset);
    const bool outer = expressions_.soft();
    while (true) {
      Branch branch{expressions_.tuple(false), {}};
      s_.skip_symbol(":");
      expect_block_end();
      expressions_.set_soft(true);
      branch.body = statements({"elif", "else", "endif"});
      node->branches.push_back(std::move(branch));
      if (!s_.skip_name("elif")) break;
    }
    if (s_.skip_name("else")) {
      node->branches.push_back({nullptr, block("if", "endif")});
    } else if (!s_.skip_name("endif")) {
      s_.unexpected("'{% endif %}'");
    }
    expressions_.set_soft(outer);
    return node;
  }

  const Statement* set(size_t offset) {
    Statement* node = make(Action::set, offset);
    node->target = target(true, {});
    if (s_.skip_symbol("=")) {
      node->value = expressions_.tuple();
      return node;
    }
    node->action = Action::set_block;
    if (s_.is_symbol("|")) node->value = expressions_.filters(nullptr);
    node->body = block("set", "endset");
    return node;
  }

  std::vector<Parameter> signature() {
    std::vector<Parameter> parameters;
    s_.expect_symbol("(");
    while (!s_.is_symbol(")")) {
      if (!parameters.empty()) s_.expect_symbol(",");
      const size_t offset = s_.now().offset;
      Parameter parameter{s_.expect_name()};
      const auto same = [&](const Parameter& other) { return other.name == parameter.name; };
      if (std::ranges::any_of(parameters, same)) fault_at(offset, "a parameter is named twice");
      if (s_.skip_symbol("=")) {
        parameter.fallback = expressions_.expression();
      } else if (!parameters.empty() && parameters.back().fallback != nullptr) {
        fault_at(offset, "a parameter without a default follows one with a default");
      }
      parameters.push_back(std::move(parameter));
    }
    s_.expect_symbol(")");
    return parameters;
  }

  // A body that runs as a function: no loop around it can be left from inside.
  Body function_body(std::string_view tag, std::string_view end) {
    const bool outer = std::exchange(in_loop_, false);
    Body body = block(tag, end);
    in_loop_ = outer;
    return body;
  }

  void macro_body(Statement& node, std::string_view tag, std::string_view end) {
    const auto outer = std::exchange(s_.special, {});
    node.body = function_body(tag, end);
    node.takes_caller = s_.special.caller;
    node.takes_kwargs = s_.special.kwargs;
    node.takes_varargs = s_.special.varargs;
    s_.special = {outer.caller || s_.special.caller, outer.kwargs || s_.special.kwargs,
                  outer.varargs || s_.special.varargs};
  }

  const Statement* macro(size_t offset) {
    Statement* node = make(Action::macro, offset);
    node->text = s_.expect_name();
    node->parameters = signature();
    macro_body(*node, "macro", "endmacro");
    return node;
  }

  const Statement* call_block(size_t offset) {
    Statement* node = make(Action::call_block, offset);
    if (s_.is_symbol("(")) node->parameters = signature();
    node->value = expressions_.expression();
    if (node->value->operation != Operation::call) fault_at(node->value->offset, "expected a call");
    macro_body(*node, "call", "endcall");
    return node;
  }

  const Statement* filter_block(size_t offset) {
    Statement* node = make(Action::filter_block, offset);
    node->value = expressions_.filters(expressions_.filter(nullptr));
    node->body = block("filter", "endfilter");
    return node;
  }

  const Statement* with(size_t offset) {
    Statement* node = make(Action::scope, offset);
    while (!s_.is(TokenType::block_end)) {
      if (!node->assignments.empty()) s_.expect_symbol(",");
      const Expression* target = expressions_.target(false);
      s_.expect_symbol("=");
      node->assignments.emplace_back(target, expressions_.expression());
    }
    node->body = block("with", "endwith");
    return node;
  }

  // Hugging Face's mark around what the assistant says; it changes nothing in the text.
  const Statement* generation(size_t offset) {
    Statement* node = make(Action::scope, offset);
    node->body = function_body("generation", "endgeneration");
    return node;
  }

  ParseState s_;
  ExpressionParser expressions_;
  bool in_loop_ = false;      // break and continue have a loop to act on
  bool around_loop_ = false;  // a loop encloses this place, maybe around a macro
};

}  // namespace

std::unique_ptr<const Tree> parse(std::string_view source, size_t depth) {
  auto tree = std::make_unique<Tree>();
  tree->source = normalize_newlines(source);
  tree->body = StatementParser(*tree, depth).run();
  return tree;
}

}  // namespace thimble::jinja
