#include "text/jinja_expression_parser.h"

#include <array>

#include "text/jinja_builtins.h"

namespace thimble::jinja {
namespace {

struct Symbol {
  std::string_view text;
  Operation operation;
};
constexpr std::array<Symbol, 2> kSums = {{{"+", Operation::add}, {"-", Operation::subtract}}};
constexpr std::array<Symbol, 4> kProducts = {
    {{"*", Operation::multiply}, {"/", Operation::divide}, {"//", Operation::floor_divide}, {"%", Operation::modulo}}};
constexpr std::array<std::pair<std::string_view, Comparison>, 6> kComparisons = {{{"==", Comparison::equal},
                                                                                  {"!=", Comparison::unequal},
                                                                                  {"<", Comparison::less},
                                                                                  {"<=", Comparison::less_equal},
                                                                                  {">", Comparison::greater},
                                                                                  {">=", Comparison::greater_equal}}};

template <size_t kCount>
std::optional<Operation> matching(const ParseState& s, const std::array<Symbol, kCount>& symbols) {
  for (const Symbol& symbol : symbols) {
    if (s.is_symbol(symbol.text)) return symbol.operation;
  }
  return std::nullopt;
}

std::optional<Comparison> take_comparison(ParseState& s) {
  for (const auto& [text, comparison] : kComparisons) {
    if (s.skip_symbol(text)) return comparison;
  }
  if (s.skip_name("in")) return Comparison::in;
  if (s.is_name("not") && s.ahead().type == TokenType::name && s.ahead().text == "in") {
    s.take();
    s.take();
    return Comparison::not_in;
  }
  return std::nullopt;
}

}  // namespace

const Expression* ExpressionParser::expression() {
  const ParseState::Level level(s_);
  const bool known_before = !unknown_;
  const Expression* result = logical_or();
  while (s_.is_name("if")) {
    if (known_before) unknown_.reset();
    const size_t offset = s_.take().offset;
    const bool outer = std::exchange(soft_, true);
    const Expression* condition = logical_or();
    const Expression* otherwise = s_.skip_name("else") ? expression() : nullptr;
    soft_ = outer;
    result = s_.make(Operation::conditional, offset, {condition, result, otherwise});
  }
  return result;
}

const Expression* ExpressionParser::unconditional() {
  const ParseState::Level level(s_);
  return logical_or();
}

const Expression* ExpressionParser::logical_or() {
  const Expression* first = logical_and();
  std::vector<const Expression*> operands = {first};
  while (s_.skip_name("or")) operands.push_back(logical_and());
  return operands.size() == 1 ? first : s_.make(Operation::logical_or, first->offset, std::move(operands));
}

const Expression* ExpressionParser::logical_and() {
  const Expression* first = logical_not();
  std::vector<const Expression*> operands = {first};
  while (s_.skip_name("and")) operands.push_back(logical_not());
  return operands.size() == 1 ? first : s_.make(Operation::logical_and, first->offset, std::move(operands));
}

const Expression* ExpressionParser::logical_not() {
  if (!s_.is_name("not")) return comparison();
  const ParseState::Level level(s_);
  const size_t offset = s_.take().offset;
  return s_.make(Operation::logical_not, offset, {logical_not()});
}

const Expression* ExpressionParser::comparison() {
  const Expression* first = sum();
  std::vector<const Expression*> operands = {first};
  std::vector<Comparison> comparisons;
  size_t offset = s_.now().offset;
  while (const auto comparison = take_comparison(s_)) {
    comparisons.push_back(*comparison);
    operands.push_back(sum());
  }
  if (comparisons.empty()) return first;
  Expression* node = s_.make(Operation::compare, offset, std::move(operands));
  node->comparisons = std::move(comparisons);
  return node;
}

const Expression* ExpressionParser::sum() {
  const Expression* left = concatenation();
  while (const auto operation = matching(s_, kSums)) {
    const size_t offset = s_.take().offset;
    left = s_.make(*operation, offset, {left, concatenation()});
  }
  return left;
}

const Expression* ExpressionParser::concatenation() {
  const Expression* first = product();
  std::vector<const Expression*> operands = {first};
  const size_t offset = s_.now().offset;
  while (s_.skip_symbol("~")) operands.push_back(product());
  return operands.size() == 1 ? first : s_.make(Operation::concat, offset, std::move(operands));
}

const Expression* ExpressionParser::product() {
  const Expression* left = power();
  while (const auto operation = matching(s_, kProducts)) {
    const size_t offset = s_.take().offset;
    left = s_.make(*operation, offset, {left, power()});
  }
  return left;
}

const Expression* ExpressionParser::power() {
  const Expression* left = unary();
  while (s_.is_symbol("**")) {
    const size_t offset = s_.take().offset;
    left = s_.make(Operation::power, offset, {left, unary()});
  }
  return left;
}

const Expression* ExpressionParser::unary(bool with_filters) {
  const Expression* result = nullptr;
  if (s_.is_symbol("-") || s_.is_symbol("+")) {
    const ParseState::Level level(s_);
    const Token& sign = s_.take();
    result = s_.make(sign.text == "-" ? Operation::negative : Operation::positive, sign.offset, {unary(false)});
  } else {
    result = primary();
  }
  result = postfix(result);
  return with_filters ? filtered(result) : result;
}

const Expression* ExpressionParser::primary() {
  const Token& token = s_.now();
  switch (token.type) {
    case TokenType::name: {
      s_.take();
      if (token.text == "true" || token.text == "True") return s_.constant(token.offset, true);
      if (token.text == "false" || token.text == "False") return s_.constant(token.offset, false);
      if (token.text == "none" || token.text == "None") return s_.constant(token.offset, None{});
      Expression* name = s_.make(Operation::name, token.offset);
      name->text = token.text;
      s_.special.caller |= token.text == "caller";
      s_.special.kwargs |= token.text == "kwargs";
      s_.special.varargs |= token.text == "varargs";
      return name;
    }
    case TokenType::string: {
      std::string text;
      while (s_.is(TokenType::string)) text += s_.take().text;
      return s_.text_constant(token.offset, std::move(text));
    }
    case TokenType::integer: return s_.constant(token.offset, s_.take().integer);
    case TokenType::real: return s_.constant(token.offset, s_.take().real);
    default: break;
  }
  if (token.type == TokenType::symbol) {
    if (token.text == "(") return parenthesized();
    if (token.text == "[") return list();
    if (token.text == "{") return dict();
  }
  s_.unexpected("an expression");
}

const Expression* ExpressionParser::parenthesized() {
  const size_t offset = s_.take().offset;
  const Expression* inner = s_.is_symbol(")") ? s_.make(Operation::tuple, offset) : tuple();
  s_.expect_symbol(")");
  return inner;
}

const Expression* ExpressionParser::list() {
  const size_t offset = s_.take().offset;
  std::vector<const Expression*> items;
  while (!s_.is_symbol("]")) {
    if (!items.empty()) s_.expect_symbol(",");
    if (s_.is_symbol("]")) break;
    items.push_back(expression());
  }
  s_.expect_symbol("]");
  return s_.make(Operation::list, offset, std::move(items));
}

const Expression* ExpressionParser::dict() {
  const size_t offset = s_.take().offset;
  std::vector<const Expression*> items;
  while (!s_.is_symbol("}")) {
    if (!items.empty()) s_.expect_symbol(",");
    if (s_.is_symbol("}")) break;
    items.push_back(expression());
    s_.expect_symbol(":");
    items.push_back(expression());
  }
  s_.expect_symbol("}");
  return s_.make(Operation::dict, offset, std::move(items));
}

bool ExpressionParser::ends_tuple(std::string_view end) const {
  return s_.is(TokenType::variable_end) || s_.is(TokenType::block_end) || s_.is_symbol(")") ||
         (!end.empty() && s_.is_name(end));
}

const Expression* ExpressionParser::tuple(bool conditional, std::string_view end) {
  const size_t offset = s_.now().offset;
  std::vector<const Expression*> items = {conditional ? expression() : unconditional()};
  bool is_tuple = false;
  while (s_.skip_symbol(",")) {
    is_tuple = true;
    if (ends_tuple(end)) break;
    items.push_back(conditional ? expression() : unconditional());
  }
  return is_tuple ? s_.make(Operation::tuple, offset, std::move(items)) : items[0];
}

const Expression* ExpressionParser::target(bool attributes, std::string_view end) {
  const ParseState::Level level(s_);
  const size_t offset = s_.now().offset;
  std::vector<const Expression*> items;
  bool is_tuple = false;
  do {
    if (is_tuple && ends_tuple(end)) break;
    const Expression* item = nullptr;
    if (s_.skip_symbol("(")) {
      item = target(attributes);
      s_.expect_symbol(")");
    } else {
      if (!s_.is(TokenType::name)) s_.unexpected("a name to assign to");
      item = primary();
      if (item->operation != Operation::name) fault_at(item->offset, "cannot assign to a constant");
      if (attributes && s_.skip_symbol(".")) {
        Expression* attribute = s_.make(Operation::attribute, item->offset, {item});
        attribute->text = s_.expect_name();
        item = attribute;
      }
    }
    items.push_back(item);
    is_tuple = is_tuple || s_.is_symbol(",");
  } while (s_.skip_symbol(","));
  return is_tuple ? s_.make(Operation::tuple, offset, std::move(items)) : items[0];
}

const Expression* ExpressionParser::postfix(const Expression* operand) {
  while (true) {
    if (s_.is_symbol(".") || s_.is_symbol("[")) {
      operand = subscript(operand);
    } else if (s_.is_symbol("(")) {
      operand = call(operand);
    } else {
      return operand;
    }
  }
}

const Expression* ExpressionParser::filtered(const Expression* operand) {
  while (true) {
    if (s_.is_symbol("|")) {
      operand = filters(operand);
    } else if (s_.is_name("is")) {
      operand = test(operand);
    } else if (s_.is_symbol("(")) {
      operand = call(operand);
    } else {
      return operand;
    }
  }
}

const Expression* ExpressionParser::subscript(const Expression* operand) {
  const Token& token = s_.take();
  if (token.text == ".") {
    const Token& name = s_.take();
    if (name.type == TokenType::integer) {
      return s_.make(Operation::item, token.offset, {operand, s_.constant(name.offset, name.integer)});
    }
    if (name.type != TokenType::name) fault_at(name.offset, "expected a name or a number behind '.'");
    Expression* node = s_.make(Operation::attribute, token.offset, {operand});
    node->text = name.text;
    return node;
  }
  const Expression* result = subscript_item(operand, token.offset);
  s_.expect_symbol("]");
  return result;
}

const Expression* ExpressionParser::subscript_item(const Expression* operand, size_t offset) {
  const Expression* first = s_.is_symbol(":") ? nullptr : expression();
  if (!s_.skip_symbol(":")) {
    if (!s_.is_symbol(",")) return s_.make(Operation::item, offset, {operand, first});
    std::vector<const Expression*> keys = {first};
    while (s_.skip_symbol(",") && !s_.is_symbol("]")) keys.push_back(expression());
    return s_.make(Operation::item, offset, {operand, s_.make(Operation::tuple, offset, std::move(keys))});
  }
  const auto bound = [&]() -> const Expression* {
    return s_.is_symbol(":") || s_.is_symbol("]") ? nullptr : expression();
  };
  const Expression* last = bound();
  const Expression* step = s_.skip_symbol(":") ? bound() : nullptr;
  return s_.make(Operation::slice, offset, {operand, first, last, step});
}

const Expression* ExpressionParser::call(const Expression* operand) {
  Expression* node = s_.make(Operation::call, s_.now().offset, {operand});
  call_arguments(*node);
  return node;
}

void ExpressionParser::call_arguments(Expression& node) {
  s_.expect_symbol("(");
  bool first = true;
  while (!s_.is_symbol(")")) {
    if (!std::exchange(first, false)) s_.expect_symbol(",");
    if (s_.is_symbol(")")) break;
    const size_t offset = s_.now().offset;
    const Expression* value = nullptr;
    if (s_.skip_symbol("*")) {
      if (node.more_arguments != nullptr || node.more_named != nullptr) fault_at(offset, "a call has one '*' at most");
      node.more_arguments = value = expression();
    } else if (s_.skip_symbol("**")) {
      if (node.more_named != nullptr) fault_at(offset, "a call has one '**' at most");
      node.more_named = value = expression();
    } else if (node.more_named != nullptr) {
      fault_at(offset, "an argument follows '**'");
    } else if (s_.is(TokenType::name) && s_.ahead().type == TokenType::symbol && s_.ahead().text == "=") {
      const std::string name = s_.take().text;
      s_.take();
      value = expression();
      const auto same = [&](const auto& argument) { return argument.first == name; };
      if (std::ranges::any_of(node.named, same)) fault_at(offset, "argument '{}' is given twice", printable(name, 60));
      node.named.emplace_back(name, value);
    } else {
      if (!node.named.empty() || node.more_arguments != nullptr)
        fault_at(offset, "a positional argument follows others");
      node.arguments.push_back(value = expression());
    }
    s_.adopt(node, value);
  }
  s_.expect_symbol(")");
}

const Expression* ExpressionParser::filter(const Expression* operand) {
  Expression* node = s_.make(Operation::filter, s_.now().offset, {operand});
  node->text = s_.expect_name();
  while (s_.skip_symbol(".")) node->text += "." + s_.expect_name();
  check_known(*node);
  if (s_.is_symbol("(")) call_arguments(*node);
  return node;
}

const Expression* ExpressionParser::filters(const Expression* operand) {
  while (s_.skip_symbol("|")) operand = filter(operand);
  return operand;
}

const Expression* ExpressionParser::test(const Expression* operand) {
  const size_t offset = s_.take().offset;
  const bool negated = s_.skip_name("not");
  Expression* node = s_.make(Operation::test, s_.now().offset, {operand});
  node->text = s_.expect_name();
  check_known(*node);
  const bool literal = s_.is(TokenType::string) || s_.is(TokenType::integer) || s_.is(TokenType::real) ||
                       s_.is_symbol("[") || s_.is_symbol("{");
  const bool keyword = s_.is_name("else") || s_.is_name("or") || s_.is_name("and");
  if (s_.is_name("is")) fault_at(s_.now().offset, "tests cannot be chained with 'is'");
  if (s_.is_symbol("(")) {
    call_arguments(*node);
  } else if (literal || (s_.is(TokenType::name) && !keyword)) {
    const ParseState::Level level(s_);
    const Expression* argument = postfix(primary());
    node->arguments.push_back(argument);
    s_.adopt(*node, argument);
  }
  return negated ? s_.make(Operation::logical_not, offset, {node}) : node;
}

void ExpressionParser::check_known(const Expression& node) {
  const bool is_filter = node.operation == Operation::filter;
  const bool known = is_filter ? find_filter(node.text) != nullptr : find_test(node.text) != nullptr;
  if (known || soft_ || unknown_) return;
  unknown_ =
      Fault{fmt::format("no {} named '{}'", is_filter ? "filter" : "test", printable(node.text, 60)), node.offset};
}

}  // namespace thimble::jinja
