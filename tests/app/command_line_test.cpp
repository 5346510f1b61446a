#include "app/command_line.h"

#include <gtest/gtest.h>

#include <map>

#include "base/error.h"

namespace thimble {
namespace {

struct Options {
  std::string model;
  std::optional<int64_t> ctx;
  int64_t predict = -1;
  double temperature = 0.8;
  std::string type = "";
  std::optional<std::string> prompt, file, word;
  std::vector<std::string> stop;
  bool json = false;
  bool help = false;
  OptionTable table;

  Options() {
    table.text("-m,--model", "FILE", model, "Model").required();
    table.integer("-c,--ctx-size", ctx, 0, 4096, "Context");
    table.integer("-n,--predict", predict, -1, 100, "Tokens");
    table.real("--temp", temperature, 0, 2, "Temperature");
    table.choice("-ctk,--cache-type-k", "TYPE", type, {"f16", "q8_0"}, "Type");
    table.text("-p,--prompt", "TEXT", prompt, "Prompt").only_one_of("prompt");
    table.text("-f,--file", "FILE", file, "File").only_one_of("prompt");
    table.texts("--stop,-r,--reverse-prompt", "TEXT", stop, "Stop");
    table.flag("--json", json, "JSON");
    table.text("WORD", "WORD", word, "Word");
    table.flag("-h,--help", help, "Help").without_environment();
  }

  bool apply(const std::vector<std::string>& arguments, const std::map<std::string, std::string>& variables = {}) {
    return apply_command_line(table, "verb", arguments, [&](const char* name) {
      const auto found = variables.find(name);
      return found == variables.end() ? nullptr : found->second.c_str();
    });
  }

  std::string refusal(const std::vector<std::string>& arguments,
                      const std::map<std::string, std::string>& variables = {}) {
    try {
      apply(arguments, variables);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::usage);
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
      return error.what();
    }
    ADD_FAILURE() << "accepted";
    return {};
  }
};

TEST(CommandLine, TakesARepeatedArgumentAsOftenAsGiven) {
  std::vector<std::string> names;
  bool json = false;
  OptionTable table;
  table.texts("NAME", "NAME", names, "Name").required();
  table.flag("--json", json, "JSON");
  const auto no_variables = [](const char*) -> const char* { return nullptr; };
  const std::vector<std::string> arguments = {"a", "--json", "b", "c"};
  EXPECT_TRUE(apply_command_line(table, "verb", arguments, no_variables));
  EXPECT_EQ(names, (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_TRUE(json);
  EXPECT_THROW(apply_command_line(table, "verb", {}, no_variables), Error);
}

TEST(CommandLine, TakesEverySpellingOfAnOption) {
  for (const std::vector<std::string>& spelling :
       {std::vector<std::string>{"-c", "512"}, {"-c512"}, {"--ctx-size", "512"}, {"--ctx-size=512"}, {"-c=512"}}) {
    Options options;
    ASSERT_TRUE(options.apply({"-m", "x"})) << spelling[0];
    std::vector<std::string> arguments = {"-m", "x"};
    arguments.insert(arguments.end(), spelling.begin(), spelling.end());
    Options given;
    ASSERT_TRUE(given.apply(arguments)) << spelling[0];
    EXPECT_EQ(given.ctx, 512) << spelling[0];
  }
}

TEST(CommandLine, TakesSingleDashNamesOfSeveralLetters) {
  Options options;
  options.apply({"-m", "x", "-ctk", "q8_0"});
  EXPECT_EQ(options.type, "q8_0");
  Options with_equals;
  with_equals.apply({"-m", "x", "-ctk=f16"});
  EXPECT_EQ(with_equals.type, "f16");
}

TEST(CommandLine, AValueMayLookLikeAnything) {
  for (const char* value :
       {"", "-ctk", "--json", "-h", "--help", "{}", "[a,b]", "%%", "\"x\"", "-", "--", "a=b", "-5", "ä\n"}) {
    Options options;
    ASSERT_TRUE(options.apply({"-m", "x", "-p", value, "--stop", value, "-r", value}));
    EXPECT_EQ(options.prompt, value);
    EXPECT_EQ(options.stop, (std::vector<std::string>{value, value}));
    EXPECT_FALSE(options.json);
    Options with_equals;
    ASSERT_TRUE(with_equals.apply({"-m", "x", std::string("--prompt=") + value}));
    EXPECT_EQ(with_equals.prompt, value);
  }
}

TEST(CommandLine, PositionalArgumentsStandAnywhere) {
  Options options;
  options.apply({"hello world", "-m", "x"});
  EXPECT_EQ(options.word, "hello world");
  Options after;
  after.apply({"-m", "x", "--", "--json"});
  EXPECT_EQ(after.word, "--json");
  EXPECT_FALSE(after.json);
  EXPECT_NE(Options().refusal({"-m", "x", "a", "b"}).find("'b'"), std::string::npos);
}

TEST(CommandLine, TheLastOfSeveralWins) {
  Options options;
  options.apply({"-m", "x", "-n", "1", "-n", "2"});
  EXPECT_EQ(options.predict, 2);
}

TEST(CommandLine, FlagsTakeAValueOnlyAfterEquals) {
  Options on;
  on.apply({"-m", "x", "--json"});
  EXPECT_TRUE(on.json);
  Options off;
  off.apply({"-m", "x", "--json=off"}, {{"THIMBLE_JSON", "1"}});
  EXPECT_FALSE(off.json);
}

TEST(CommandLine, EnvironmentFillsGapsAndFlagsWin) {
  const std::map<std::string, std::string> variables = {
      {"THIMBLE_MODEL", "env"}, {"THIMBLE_CTX_SIZE", "64"},        {"THIMBLE_PREDICT", ""}, {"THIMBLE_JSON", "yes"},
      {"THIMBLE_TEMP", "0.25"}, {"THIMBLE_REVERSE_PROMPT", "a,b"}, {"THIMBLE_HELP", "1"},   {"THIMBLE_WORD", "no"}};
  Options options;
  ASSERT_TRUE(options.apply({"-c", "128"}, variables));
  EXPECT_EQ(options.model, "env");
  EXPECT_EQ(options.ctx, 128);
  EXPECT_EQ(options.predict, -1);
  EXPECT_TRUE(options.json);
  EXPECT_EQ(options.temperature, 0.25);
  EXPECT_EQ(options.stop, (std::vector<std::string>{"a,b"}));
  EXPECT_FALSE(options.word);
}

TEST(CommandLine, AFlagAlsoWinsOverItsRivalInTheEnvironment) {
  Options options;
  options.apply({"-m", "x", "-p", "flag"}, {{"THIMBLE_FILE", "env"}});
  EXPECT_EQ(options.prompt, "flag");
  EXPECT_FALSE(options.file);
  EXPECT_NE(Options().refusal({"-m", "x", "-p", "a", "-f", "b"}).find("together"), std::string::npos);
}

TEST(CommandLine, RefusalsNameTheFlagOrVariable) {
  EXPECT_NE(Options().refusal({}).find("-m/--model"), std::string::npos);
  EXPECT_NE(Options().refusal({"-m"}).find("--model"), std::string::npos);
  EXPECT_NE(Options().refusal({"-m", "x", "-c", "5000"}).find("-c/--ctx-size: expected"), std::string::npos);
  EXPECT_NE(Options().refusal({"-m", "x"}, {{"THIMBLE_CTX_SIZE", "nan"}}).find("THIMBLE_CTX_SIZE: expected"),
            std::string::npos);
  EXPECT_NE(Options().refusal({"-m", "x", "-ctk", "q9"}).find("f16, q8_0"), std::string::npos);
  EXPECT_NE(Options().refusal({"-m", "x", "--ctx-sise", "1"}).find("did you mean --ctx-size"), std::string::npos);
  EXPECT_NE(Options().refusal({"-m", "x", "--frobnicate"}).find("unknown option --frobnicate"), std::string::npos);
  EXPECT_NE(Options().refusal({"-m", "x", "-q"}).find("unknown option -q"), std::string::npos);
  EXPECT_NE(Options().refusal({"-m", "x", "--bad\x1b[31m"}).find("\\x1b"), std::string::npos);
}

TEST(CommandLine, HelpNeedsNothingElse) {
  EXPECT_FALSE(Options().apply({"--help"}));
  EXPECT_FALSE(Options().apply({"-h", "-c", "99999"}));
}

TEST(NearestName, IsNearOrNothing) {
  const std::vector<std::string> names = {"chat", "generate", "tokenize"};
  EXPECT_EQ(nearest_name("chta", names), "");
  EXPECT_EQ(nearest_name("chatt", names), "chat");
  EXPECT_EQ(nearest_name("tokenise", names), "tokenize");
  EXPECT_EQ(nearest_name("x", names), "");
  EXPECT_EQ(nearest_name(std::string(100000, 'x'), names), "");
}

}  // namespace
}  // namespace thimble
