// Grammars in GBNF: what they accept, what they are a beginning of, and what is refused.
#include "text/grammar.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "text/gbnf.h"
#include "text/grammar_matcher.h"

namespace thimble {
namespace {

struct Case {
  std::string grammar;
  std::vector<std::string> accepted;
  std::vector<std::string> rejected;
};

std::vector<Case> cases() {
  return {
      {"root ::= \"a\" | \"bc\"", {"a", "bc"}, {"", "b", "ab", "bca"}},
      {"root ::= \"\"", {""}, {"a", " "}},
      {"root ::= item+\nitem ::= \"x\" | \"y\"", {"x", "xyx"}, {"", "xz"}},
      {"root ::= \"a\"? \"b\"*", {"", "a", "abbb", "bb"}, {"aa", "ba"}},
      {"root ::= [a-c]{2}", {"ab", "cc"}, {"a", "abc", "ad"}},
      {"root ::= [a-c]{2,}", {"ab", "abcabc"}, {"a", ""}},
      {"root ::= [a-c]{1,3}", {"a", "ab", "abc"}, {"", "abca"}},
      {"root ::= [a-c]{,2}", {"", "a", "ab"}, {"abc"}},
      {"root ::= \"x\"{0}", {""}, {"x"}},
      {"root ::= (\"ab\" | \"c\" ){2} \"!\"", {"abab!", "cab!", "cc!"}, {"ab!", "abcc!"}},
      {"root ::= [^\"\\n]+", {"abc", "äöü", "日本"}, {"a\nb", "\"", ""}},
      {"root ::= [\\]\\-x]+", {"]", "-", "x-]"}, {"\\", "["}},
      {"root ::= [a-]", {"a", "-"}, {"b"}},
      {"root ::= \"\\x41\\u00e9\\U0001F600\\t\\\\\\\"\"", {"A\u00e9\U0001F600\t\\\""}, {"A\u00e9"}},
      {"root ::= .", {"a", "é", "😀", "\n"}, {"", "ab"}},
      {"root ::= [😀-😂]", {"😀", "😁", "😂"}, {"😃", "a"}},
      {"# a comment\nroot ::= a # another\n\n\na ::= (\n \"x\"\n | \"y\" # within\n)\n", {"x", "y"}, {"xy"}},
      {"root ::= \"a\"\n  | \"b\"\n  | \"c\"\n", {"a", "b", "c"}, {"ab"}},
      {"root ::= \"(\" root \")\" | \"x\"", {"x", "(x)", "(((x)))"}, {"(x", "x)", "()"}},
      {"root ::= pair*\npair ::= \"[\" root \"]\"", {"", "[]", "[[][]]"}, {"[", "[]]"}},
      {"root ::= s\ns ::= \"a\" s \"b\" | \"a\" s \"c\" | \"d\"", {"d", "adb", "aadcb"}, {"ad", "aadb"}},
      // Ambiguous, with endings that decide only later.
      {"root ::= e\ne ::= t (\"+\" e)?\nt ::= f (\"*\" t)?\nf ::= [0-9]+ | \"(\" e \")\"",
       {"1", "1+2*3", "(1+2)*(3)", "((4))"},
       {"1+", "(1", "1)", "*1"}},
      {"root ::= ws \"x\" ws\nws ::= [ \\t]*", {"x", " x", "x  ", "\tx "}, {"", "xx"}},
      {"root ::= opt opt opt \"x\"\nopt ::= \"a\"?", {"x", "ax", "aax", "aaax"}, {"aaaax", "a"}},
      {"root ::= (ws item)*\nws ::= \" \"*\nitem ::= \"i\"", {"", "i", "  i i"}, {"j"}},
      {"root ::= a\na ::= \"x\" a | \"\"", {"", "x", "xxxx"}, {"y"}},
      // What cannot be completed is left out.
      {"root ::= \"a\" | \"b\" loop\nloop ::= \"c\" loop", {"a"}, {"b", "bc"}},
      {"root ::= \"\\xc3\\xa9\"", {"Ã©"}, {"é"}},
      {"root-1 ::= \"never used\"\nroot ::= my_rule-2\nmy_rule-2 ::= \"r\"", {"r"}, {"root"}},
  };
}

TEST(Grammar, AcceptsWhatItSays) {
  for (const Case& c : cases()) {
    const Grammar grammar = compile_gbnf(c.grammar);
    for (const std::string& text : c.accepted) EXPECT_TRUE(matches(grammar, text)) << c.grammar << "\n" << text;
    for (const std::string& text : c.rejected) EXPECT_FALSE(matches(grammar, text)) << c.grammar << "\n" << text;
  }
}

// A position that is alive can be completed: each beginning of an accepted text is viable, and nothing else is alive.
TEST(Grammar, EveryBeginningOfAnAcceptedTextIsViable) {
  for (const Case& c : cases()) {
    const Grammar grammar = compile_gbnf(c.grammar);
    for (const std::string& text : c.accepted) {
      for (size_t length = 0; length <= text.size(); ++length) {
        EXPECT_TRUE(is_viable_prefix(grammar, text.substr(0, length))) << c.grammar << "\n" << text;
      }
    }
  }
  EXPECT_FALSE(is_viable_prefix(compile_gbnf(cases()[0].grammar), "ab"));
}

std::string refusal(const std::string& grammar) {
  try {
    compile_gbnf(grammar);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::usage);
    return error.what();
  }
  return "";
}

TEST(Grammar, RefusalsNameThePlace) {
  const std::vector<std::pair<std::string, std::string>> refusals = {
      {"", "the rule 'root' is missing"},
      {"a ::= \"x\"", "the rule 'root' is missing"},
      {"root ::= b", "line 1, column 10: the rule 'b' is not defined"},
      {"root ::= \"x\"\nroot ::= \"y\"", "line 2, column 1: this rule is defined already"},
      {"root = \"x\"", "line 1, column 6: expected '::='"},
      {"root ::= \"x", "line 1, column 12: expected a character, found the end"},
      {"root ::= [a", "expected a character, found the end"},
      {"root ::= [b-a]", "line 1, column 11: the range of characters is in the wrong order"},
      {"root ::= (\"x\"", "expected ')'"},
      {"root ::= \"x\")", "expected the end of the line, found ')'"},
      {"root ::= * \"x\"", "there is nothing before '*'"},
      {"root ::= \"x\"{3,1}", "wrong order"},
      {"root ::= \"x\"{1,1000000}", "bounds up to 10000, found 1000000"},
      {"root ::= \"x\"{a}", "expected a number"},
      {"root ::= \"\\q\"", "line 1, column 11: this escape is not known"},
      {"root ::= \"\\ud800\"", "no Unicode character"},
      {"root ::= \"\\x4\"", "expected 2 hexadecimal digits"},
      {"root ::= <think>", "tokens such as <think>"},
      {"root ::= root", "no finite text"},
      {"root ::= \"a\" root", "no finite text"},
      {"root ::= root \"a\" | \"b\"", "the rule 'root' is left-recursive"},
      {"root ::= a\na ::= b \"x\" | \"y\"\nb ::= a \"z\"", "left-recursive"},
      {"root ::= ws root \"x\" | \"y\"\nws ::= \" \"*", "left-recursive"},
      {"root ::= \"\xff\"", "not valid UTF-8"},
  };
  for (const auto& [grammar, expected] : refusals) {
    const std::string message = refusal(grammar);
    EXPECT_NE(message.find(expected), std::string::npos) << grammar << "\n" << message;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  }
}

// Each of these is refused or compiled within a second, and so is following it.
TEST(Grammar, NothingExplodes) {
  const auto many = [](const std::string& text, size_t count) {
    std::string out;
    for (size_t i = 0; i < count; ++i) out += text;
    return out;
  };
  EXPECT_NE(refusal("root ::= " + many("(", 60'000)), "");
  EXPECT_NE(refusal("root ::= " + many("(", 100'000) + "\"x\"" + many(")", 100'000)), "");
  EXPECT_NE(refusal("root ::= (((\"a\"{1,1000}){1,1000}){1,1000}){1,1000}"), "");
  EXPECT_NE(refusal("root ::= (((\"\"{1000}){1000}){1000}){1000}"), "");
  EXPECT_NE(refusal("root ::= [ab]* \"a\" [ab]{40}"), "");
  EXPECT_NE(refusal("root ::= " + many("a", 2'000'000)), "");
  const Grammar optional = compile_gbnf("root ::= " + many("\"a\"? ", 1000) + many("\"a\" ", 1000));
  EXPECT_TRUE(matches(optional, many("a", 1500)));
  EXPECT_FALSE(matches(optional, many("a", 2001)));
  std::string alternatives = "root ::= r0";
  for (size_t i = 1; i < 10'000; ++i) alternatives += " | r" + std::to_string(i);
  for (size_t i = 0; i < 10'000; ++i)
    alternatives += "\nr" + std::to_string(i) + " ::= [a-z]* \"" + std::to_string(i) + "\"";
  const Grammar wide = compile_gbnf(alternatives);
  EXPECT_TRUE(matches(wide, "abc9999"));
  EXPECT_FALSE(matches(wide, "abc10000"));
  std::string chain = "root ::= r0\n";
  for (size_t i = 0; i < 19'000; ++i)
    chain += "r" + std::to_string(i) + " ::= \"(\" r" + std::to_string(i + 1) + " \")\"\n";
  EXPECT_FALSE(is_viable_prefix(compile_gbnf(chain + "r19000 ::= \"x\""), many("(", 19'000)));  // nested too deep
  const Grammar ambiguous =
      compile_gbnf("root ::= e\ne ::= \"a\" | \"(\" e e \")\" | \"(\" e \")\" | \"(\" e e e \")\"");
  EXPECT_TRUE(matches(ambiguous, many("(", 500) + "a" + many(")", 500)));
  EXPECT_FALSE(matches(ambiguous, many("(", 500) + "a" + many(")", 501)));
}

}  // namespace
}  // namespace thimble
