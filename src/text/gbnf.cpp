#include "text/gbnf.h"

#include <map>
#include <string>

#include "text/pattern_reader.h"

namespace thimble {
namespace {

constexpr std::string_view kWhat = "grammar";

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

class GbnfParser {
 public:
  explicit GbnfParser(std::string_view text) : text_(text), in_(text, kWhat) {}

  Grammar parse() {
    skip_space(true);
    while (!in_.at_end()) parse_rule();
    for (const auto& [name, known] : rules_by_name_) {
      if (!known.is_defined)
        in_.refuse_at(known.first_use, fmt::format("the rule '{}' is not defined", printable(name, 60)));
    }
    const auto root = rules_by_name_.find("root");
    if (root == rules_by_name_.end())
      fail(ExitCode::usage, "{}: the rule 'root' is missing: it says what the whole text is", kWhat);
    CompileBudget budget;
    return Grammar(rules_, root->second.id, budget, kWhat);
  }

 private:
  struct KnownRule {
    RuleId id;
    size_t first_use;
    bool is_defined = false;
  };

  // Blanks and comments; line ends too where a rule may go on after them.
  void skip_space(bool over_lines) {
    for (;;) {
      const char c = in_.peek();
      if (c == '#') {
        while (!in_.at_end() && in_.peek() != '\n' && in_.peek() != '\r') in_.go_to(in_.at() + 1);
      } else if (c == ' ' || c == '\t' || (over_lines && (c == '\n' || c == '\r'))) {
        in_.go_to(in_.at() + 1);
      } else {
        return;
      }
    }
  }

  std::string_view name() {
    const size_t begin = in_.at();
    while (!in_.at_end() && is_name_character(in_.peek())) in_.go_to(in_.at() + 1);
    if (in_.at() == begin) in_.refuse("expected the name of a rule, found {}", in_.found());
    return text_.substr(begin, in_.at() - begin);
  }

  KnownRule& rule_named(std::string_view name, size_t place) {
    const auto found = rules_by_name_.find(name);
    if (found != rules_by_name_.end()) return found->second;
    return rules_by_name_.emplace(std::string(name), KnownRule{rules_.declare(std::string(name)), place}).first->second;
  }

  void parse_rule() {
    const size_t begin = in_.at();
    KnownRule& rule = rule_named(name(), begin);
    if (rule.is_defined) in_.refuse_at(begin, "this rule is defined already");
    rule.is_defined = true;
    skip_space(false);
    if (!in_.skip("::=")) in_.refuse("expected '::=', found {}", in_.found());
    skip_space(true);
    rules_.define(rule.id, alternatives(0));
    if (!in_.at_end() && in_.peek() != '\n' && in_.peek() != '\r') {
      in_.refuse("expected the end of the line, found {}", in_.found());
    }
    skip_space(true);
  }

  // Within a group lines may be broken anywhere; in a rule itself only after `::=` and '|'.
  ExprId alternatives(size_t depth) {
    if (depth > GrammarLimits::kDepth) in_.refuse("groups are nested more than {} deep", GrammarLimits::kDepth);
    std::vector<ExprId> choices = {sequence(depth)};
    while (in_.skip("|")) {
      skip_space(true);
      choices.push_back(sequence(depth));
    }
    return choices.size() == 1 ? choices[0] : rules_.choice(std::move(choices));
  }

  ExprId sequence(size_t depth) {
    std::vector<ExprId> parts;
    for (;;) {
      const char c = in_.peek();
      if (c == '"') {
        parts.push_back(literal());
      } else if (c == '[') {
        parts.push_back(character_class());
      } else if (c == '.') {
        in_.skip(".");
        parts.push_back(rules_.any_of(CodePointSet::all()));
      } else if (c == '(') {
        in_.skip("(");
        skip_space(true);
        parts.push_back(alternatives(depth + 1));
        if (!in_.skip(")")) in_.refuse("expected ')', found {}", in_.found());
      } else if (c == '<' || (c == '!' && in_.peek(1) == '<')) {
        in_.refuse("tokens such as <think> or <[1000]> are not supported in grammars: they say what text is to be");
      } else if (!in_.at_end() && is_name_character(c)) {
        const size_t begin = in_.at();
        parts.push_back(rules_.rule(rule_named(name(), begin).id));
      } else if (c == '*' || c == '+' || c == '?' || c == '{') {
        if (parts.empty()) in_.refuse("there is nothing before {} that could be repeated", in_.found());
        parts.back() = repetition(parts.back());
      } else {
        return parts.size() == 1 ? parts[0] : parts.empty() ? rules_.text("") : rules_.sequence(std::move(parts));
      }
      skip_space(depth > 0);
      skip_to_alternative();
    }
  }

  // An alternative may stand on a line of its own.
  void skip_to_alternative() {
    const size_t begin = in_.at();
    skip_space(true);
    if (in_.peek() != '|') in_.go_to(begin);
  }

  ExprId repetition(ExprId part) {
    if (in_.skip("*")) return rules_.repeat(part, 0);
    if (in_.skip("+")) return rules_.repeat(part, 1);
    if (in_.skip("?")) return rules_.optional(part);
    in_.skip("{");
    const PatternReader::Bounds bounds = in_.bounds();
    return rules_.repeat(part, bounds.least, bounds.most);
  }

  ExprId literal() {
    in_.skip("\"");
    std::string bytes;
    while (!in_.skip("\"")) append_utf8(bytes, character());
    return rules_.text(std::move(bytes));
  }

  ExprId character_class() {
    in_.skip("[");
    const bool is_negated = in_.skip("^");
    std::vector<CodePointSet::Range> ranges;
    while (!in_.skip("]")) {
      const size_t begin = in_.at();
      const uint32_t first = character();
      uint32_t last = first;
      if (in_.peek() == '-' && in_.peek(1) != ']') {
        in_.skip("-");
        last = character();
      }
      if (first > last) in_.refuse_at(begin, "the range of characters is in the wrong order");
      ranges.push_back({first, last});
    }
    CodePointSet set(std::move(ranges));
    return rules_.any_of(is_negated ? set.complement() : std::move(set));
  }

  uint32_t character() {
    if (in_.at_end()) in_.refuse("expected a character, found the end");
    const size_t begin = in_.at();
    if (!in_.skip("\\")) return in_.take_code_point();
    const uint32_t value = escape(begin);
    if (value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff)) in_.refuse_at(begin, "this is no Unicode character");
    return value;
  }

  uint32_t escape(size_t begin) {
    const char c = in_.peek();
    in_.go_to(in_.at() + (in_.at_end() ? 0 : 1));
    switch (c) {
      case 'x': return in_.hexadecimal(2);
      case 'u': return in_.hexadecimal(4);
      case 'U': return in_.hexadecimal(8);
      case 't': return '\t';
      case 'r': return '\r';
      case 'n': return '\n';
      case '\\':
      case '"':
      case '[':
      case ']':
      case '-':
      case '^': return static_cast<uint8_t>(c);
      default:
        in_.refuse_at(
            begin,
            "this escape is not known; there are \\n \\r \\t \\\\ \\\" \\[ \\] \\- \\^ \\xHH \\uHHHH \\UHHHHHHHH");
    }
  }

  std::string_view text_;
  PatternReader in_;
  GrammarRules rules_;
  std::map<std::string, KnownRule, std::less<>> rules_by_name_;
};

}  // namespace

Grammar compile_gbnf(std::string_view text) { return GbnfParser(text).parse(); }

}  // namespace thimble
