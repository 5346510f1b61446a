#include "text/regular_expression.h"

#include <utf8proc.h>

#include <array>
#include <string>

#include "text/pattern_reader.h"

namespace thimble {
namespace {

using Ranges = std::vector<CodePointSet::Range>;

const CodePointSet& digits() {
  static const CodePointSet set({{'0', '9'}});
  return set;
}

const CodePointSet& word_characters() {
  static const CodePointSet set({{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}});
  return set;
}

// ECMAScript's WhiteSpace and LineTerminator.
const CodePointSet& spaces() {
  static const CodePointSet set({{9, 13},
                                 {' ', ' '},
                                 {0xa0, 0xa0},
                                 {0x1680, 0x1680},
                                 {0x2000, 0x200a},
                                 {0x2028, 0x2029},
                                 {0x202f, 0x202f},
                                 {0x205f, 0x205f},
                                 {0x3000, 0x3000},
                                 {0xfeff, 0xfeff}});
  return set;
}

const CodePointSet& line_ends() {
  static const CodePointSet set({{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}});
  return set;
}

// "Lu", or "L" for all that begin so.
CodePointSet category(std::string_view name) {
  Ranges ranges;
  for (uint32_t point = 0; point <= 0x10ffff; ++point) {
    if (!std::string_view(utf8proc_category_string(static_cast<utf8proc_int32_t>(point))).starts_with(name)) continue;
    if (!ranges.empty() && ranges.back().last + 1 == point) {
      ++ranges.back().last;
    } else {
      ranges.push_back({point, point});
    }
  }
  return CodePointSet(std::move(ranges));
}

struct LongName {
  std::string_view name;
  std::string_view category;
};
constexpr std::array kCategories = std::to_array<LongName>({{"Letter", "L"},
                                                            {"Uppercase_Letter", "Lu"},
                                                            {"Lowercase_Letter", "Ll"},
                                                            {"Mark", "M"},
                                                            {"Number", "N"},
                                                            {"Decimal_Number", "Nd"},
                                                            {"digit", "Nd"},
                                                            {"Punctuation", "P"},
                                                            {"punct", "P"},
                                                            {"Symbol", "S"},
                                                            {"Separator", "Z"},
                                                            {"Space_Separator", "Zs"},
                                                            {"Other", "C"},
                                                            {"Control", "Cc"}});

class RegexParser {
 public:
  RegexParser(GrammarRules& rules, std::string_view text, std::string_view what, const Spelling& spell)
      : rules_(rules), in_(text, what), text_(text), spell_(spell) {}

  ExprId parse() {
    const ExprId expr = alternatives(0);
    if (!in_.at_end()) in_.refuse("there is no group that this ')' ends");
    return expr;
  }

 private:
  ExprId alternatives(size_t depth) {
    if (depth > GrammarLimits::kDepth) in_.refuse("groups are nested more than {} deep", GrammarLimits::kDepth);
    std::vector<ExprId> choices = {sequence(depth)};
    while (in_.skip("|")) choices.push_back(sequence(depth));
    return choices.size() == 1 ? choices[0] : rules_.choice(std::move(choices));
  }

  ExprId sequence(size_t depth) {
    std::vector<ExprId> parts;
    while (!in_.at_end() && in_.peek() != '|' && in_.peek() != ')') {
      const size_t begin = in_.at();
      const bool is_anchor = in_.peek() == '^' || in_.peek() == '$';
      const ExprId part = atom(depth);
      parts.push_back(is_anchor ? part : quantified(part, begin));
    }
    return parts.size() == 1 ? parts[0] : parts.empty() ? rules_.text("") : rules_.sequence(std::move(parts));
  }

  ExprId quantified(ExprId part, size_t begin) {
    uint32_t least = 0;
    uint32_t most = GrammarRules::kNoEnd;
    if (in_.skip("*")) {
    } else if (in_.skip("+")) {
      least = 1;
    } else if (in_.skip("?")) {
      most = 1;
    } else if (in_.peek() == '{' && is_bounds()) {
      in_.skip("{");
      const PatternReader::Bounds bounds = in_.bounds();
      least = bounds.least;
      most = bounds.most;
    } else {
      return part;
    }
    if (in_.peek() == '+') in_.refuse("possessive repetition is not supported");
    in_.skip("?");  // as few as possible: the same texts
    if (in_.peek() == '*' || in_.peek() == '+' || in_.peek() == '?' || (in_.peek() == '{' && is_bounds())) {
      in_.refuse_at(begin, "a repetition is repeated: put it in a group");
    }
    return rules_.repeat(part, least, most);
  }

  // A brace that begins no bounds is a brace.
  bool is_bounds() const {
    size_t ahead = 1;
    const auto skip_digits = [&] {
      const size_t begin = ahead;
      while (in_.peek(ahead) >= '0' && in_.peek(ahead) <= '9') ++ahead;
      return ahead > begin;
    };
    const bool has_least = skip_digits();
    if (in_.peek(ahead) == ',') {
      ++ahead;
      if (!skip_digits() && !has_least) return false;
    } else if (!has_least) {
      return false;
    }
    return in_.peek(ahead) == '}';
  }

  ExprId atom(size_t depth) {
    const size_t begin = in_.at();
    if (in_.skip("(")) return group(depth, begin);
    if (in_.skip("[")) return spell_(rules_, character_class(begin));
    if (in_.skip(".")) return spell_(rules_, line_ends().complement());
    if (in_.skip("^")) return rules_.begin();
    if (in_.skip("$")) return rules_.end();
    if (in_.peek() == '*' || in_.peek() == '+' || in_.peek() == '?') {
      in_.refuse("there is nothing before {} that could be repeated", in_.found());
    }
    if (in_.skip("\\")) return spell_(rules_, escape(begin, false));
    const uint32_t point = in_.take_code_point();
    return spell_(rules_, CodePointSet({{point, point}}));
  }

  ExprId group(size_t depth, size_t begin) {
    if (in_.skip("?")) {
      if (in_.peek() == '=' || in_.peek() == '!') in_.refuse_at(begin, "lookahead is not supported");
      if (in_.peek() == '<' && (in_.peek(1) == '=' || in_.peek(1) == '!')) {
        in_.refuse_at(begin, "lookbehind is not supported");
      }
      if (in_.peek() == '>') in_.refuse_at(begin, "atomic groups are not supported");
      if (in_.skip("P<") || in_.skip("<")) {
        while (!in_.at_end() && in_.peek() != '>') in_.take_code_point();
        if (!in_.skip(">")) in_.refuse("expected '>' after the name of the group, found {}", in_.found());
      } else if (!in_.skip(":")) {
        in_.refuse_at(begin, "of groups that begin with (? only (?:...) and (?<name>...) are supported");
      }
    }
    const ExprId inner = alternatives(depth + 1);
    if (!in_.skip(")")) in_.refuse_at(begin, "this group is not closed");
    return inner;
  }

  CodePointSet character_class(size_t begin) {
    const bool is_negated = in_.skip("^");
    Ranges ranges;
    bool is_first = true;
    for (; is_first || in_.peek() != ']'; is_first = false) {
      if (in_.at_end()) in_.refuse_at(begin, "this character class is not closed");
      if (is_first && in_.peek() == ']') {
        // Python and PCRE take it as itself, ECMAScript as the end.
        in_.refuse("a ']' that begins a character class is written \\]");
      }
      const size_t place = in_.at();
      const CodePointSet first = class_member();
      if (in_.peek() == '-' && in_.peek(1) != ']' && in_.peek(1) != '\0') {
        in_.skip("-");
        const CodePointSet last = class_member();
        if (!is_single(first) || !is_single(last) || first.ranges()[0].first > last.ranges()[0].first) {
          in_.refuse_at(place, "this is no range of characters");
        }
        ranges.push_back({first.ranges()[0].first, last.ranges()[0].first});
      } else {
        ranges.insert(ranges.end(), first.ranges().begin(), first.ranges().end());
      }
    }
    in_.skip("]");
    CodePointSet set(std::move(ranges));
    return is_negated ? set.complement() : set;
  }

  static bool is_single(const CodePointSet& set) {
    return set.ranges().size() == 1 && set.ranges()[0].first == set.ranges()[0].last;
  }

  CodePointSet class_member() {
    const size_t begin = in_.at();
    if (in_.skip("[:")) in_.refuse_at(begin, "POSIX classes such as [:alpha:] are not supported");
    if (in_.skip("\\")) return escape(begin, true);
    if (in_.at_end()) in_.refuse("expected a character, found the end");
    const uint32_t point = in_.take_code_point();
    return CodePointSet({{point, point}});
  }

  CodePointSet escape(size_t begin, bool in_class) {
    if (in_.at_end()) in_.refuse_at(begin, "there is nothing after the backslash");
    const uint32_t c = in_.take_code_point();
    switch (c) {
      case 'd': return digits();
      case 'D': return digits().complement();
      case 'w': return word_characters();
      case 'W': return word_characters().complement();
      case 's': return spaces();
      case 'S': return spaces().complement();
      case 'p':
      case 'P': return property(begin, c == 'P');
      case 'b':
        if (in_class) return single('\b');
        [[fallthrough]];
      case 'B': in_.refuse_at(begin, "word boundaries are not supported");
      case 'k': in_.refuse_at(begin, "backreferences are not supported");
      case 'A':
      case 'Z':
      case 'z':
      case 'G': in_.refuse_at(begin, "of anchors only ^ and $ are supported");
      default: return single(escaped_character(c, begin));
    }
  }

  static CodePointSet single(uint32_t point) { return CodePointSet({{point, point}}); }

  uint32_t escaped_character(uint32_t c, size_t begin) {
    switch (c) {
      case 'n': return '\n';
      case 'r': return '\r';
      case 't': return '\t';
      case 'f': return '\f';
      case 'v': return '\v';
      case 'a': return '\a';
      case 'e': return 0x1b;
      case '0':
        if (in_.peek() < '0' || in_.peek() > '9') return 0;
        in_.refuse_at(begin, "octal escapes are not supported");
      case 'x': return in_.hexadecimal(2);
      case 'u': return unicode_escape(begin);
      case 'U': return scalar(in_.hexadecimal(8), begin);
      case 'c': return control_character(begin);
      default: break;
    }
    if (c >= '1' && c <= '9') in_.refuse_at(begin, "backreferences are not supported");
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) in_.refuse_at(begin, "this escape is not known");
    return c;
  }

  uint32_t control_character(size_t begin) {
    const char letter = in_.peek();
    const bool is_letter = (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z');
    if (!is_letter) in_.refuse_at(begin, "a letter is expected after \\c");
    in_.take_code_point();
    return static_cast<uint32_t>(letter) & 31;
  }

  uint32_t unicode_escape(size_t begin) {
    if (!in_.skip("{")) {
      const uint32_t high = in_.hexadecimal(4);
      if (high < 0xd800 || high > 0xdbff || !in_.skip("\\u")) return scalar(high, begin);
      const uint32_t low = in_.hexadecimal(4);
      if (low < 0xdc00 || low > 0xdfff) in_.refuse_at(begin, "this is no Unicode character");
      return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
    }
    uint32_t value = 0;
    size_t count = 0;
    for (; in_.peek() != '}'; ++count) {
      if (count == 6) in_.refuse_at(begin, "this is no Unicode character");
      value = value * 16 + in_.hexadecimal(1);
    }
    in_.skip("}");
    if (count == 0) in_.refuse_at(begin, "expected hexadecimal digits");
    return scalar(value, begin);
  }

  uint32_t scalar(uint32_t value, size_t begin) const {
    if (value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff)) in_.refuse_at(begin, "this is no Unicode character");
    return value;
  }

  CodePointSet property(size_t begin, bool is_negated) {
    std::string_view name = text_.substr(in_.at(), 1);
    if (in_.skip("{")) {
      const size_t end = text_.find('}', in_.at());
      if (end == std::string_view::npos) in_.refuse_at(begin, "this \\p{...} is not closed");
      name = text_.substr(in_.at(), end - in_.at());
      in_.go_to(end + 1);
    } else if (!in_.at_end()) {
      in_.take_code_point();
    }
    for (const std::string_view prefix : {"General_Category=", "gc="}) {
      if (name.starts_with(prefix)) name.remove_prefix(prefix.size());
    }
    for (const LongName& known : kCategories) {
      if (name == known.name) name = known.category;
    }
    const CodePointSet set = name.empty() || name.size() > 2 ? CodePointSet() : category(name);
    if (set.is_empty()) in_.refuse_at(begin, "of \\p{...} only general categories are supported, such as L, Lu or Nd");
    return is_negated ? set.complement() : set;
  }

  GrammarRules& rules_;
  PatternReader in_;
  std::string_view text_;
  const Spelling& spell_;
};

}  // namespace

Dfa compile_whole_match(std::string_view expression, std::string_view what, const Spelling& spell,
                        CompileBudget& budget) {
  GrammarRules rules;
  return compile(rules, RegexParser(rules, expression, what, spell).parse(), budget);
}

Dfa compile_search(std::string_view expression, std::string_view what, const Spelling& spell, CompileBudget& budget) {
  GrammarRules rules;
  const ExprId around = rules.repeat(spell(rules, CodePointSet::all()), 0);
  const ExprId wanted = RegexParser(rules, expression, what, spell).parse();
  return compile(rules, rules.sequence({around, wanted, around}), budget);
}

Grammar compile_regular_expression(std::string_view expression) {
  constexpr std::string_view kWhat = "regular expression";
  CompileBudget budget;
  GrammarRules rules;
  const RuleId root = rules.declare("root");
  rules.define(root, rules.automaton(compile_whole_match(expression, kWhat, spelled_plainly, budget)));
  return Grammar(rules, root, budget, kWhat);
}

}  // namespace thimble
