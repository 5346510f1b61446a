// Help, manual page and completions are made from the option tables: nothing that can be given is missing from them.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <sstream>

#include "app/completion.h"
#include "app/help_text.h"
#include "app/man_page.h"
#include "app/verbs.h"
#include "model/arch_spec.h"
#include "program_runner.h"
#include "support/temp_file.h"

namespace thimble {
namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::string in_roff(const std::string& text) {
  std::string out;
  for (const char c : text) out += c == '-' ? "\\-" : std::string(1, c);
  return out;
}

TEST(Documentation, EveryVerbIsComplete) {
  std::set<std::string_view> names;
  for (const Verb* verb : all_verbs()) {
    EXPECT_TRUE(names.insert(verb->name).second) << verb->name;
    EXPECT_FALSE(verb->summary.empty()) << verb->name;
    EXPECT_FALSE(verb->examples.empty()) << verb->name;
    EXPECT_EQ(find_verb(verb->name), verb);
    EXPECT_TRUE(contains(overview_text(), std::string(verb->name)));
  }
}

TEST(Documentation, OptionsAreDeclaredOnceAndInFull) {
  for (const Verb* verb : all_verbs()) {
    const VerbInstance instance(*verb);
    std::set<std::string> names;
    for (const OptionSpec& spec : instance.options.specs()) {
      EXPECT_FALSE(spec.help.empty()) << verb->name << " " << spec.label();
      EXPECT_TRUE(spec.is_positional() || std::ranges::any_of(spec.names, [](auto& n) { return n.starts_with("--"); }))
          << spec.label();
      for (const std::string& name : spec.names) EXPECT_TRUE(names.insert(name).second) << verb->name << " " << name;
    }
  }
}

TEST(Documentation, HelpManualAndCompletionsNameEveryOption) {
  const std::string manual = man_page();
  const std::string bash = bash_completion();
  const std::string zsh = zsh_completion();
  const std::string fish = fish_completion();
  for (const Verb* verb : all_verbs()) {
    const VerbInstance instance(*verb);
    const std::string help = help_text(instance);
    EXPECT_TRUE(contains(manual, ".SS thimble " + in_roff(std::string(verb->name))));
    for (const Example& example : verb->examples) EXPECT_TRUE(contains(help, std::string(example.command)));
    for (const OptionSpec& spec : instance.options.specs()) {
      EXPECT_TRUE(contains(help, option_heading(spec))) << spec.label();
      EXPECT_TRUE(contains(manual, ".B " + in_roff(option_heading(spec)) + "\n")) << spec.label();
      for (const std::string& variable : spec.environment_variables()) EXPECT_TRUE(contains(manual, variable));
      if (spec.is_positional()) continue;
      for (const std::string& name : spec.names) {
        EXPECT_TRUE(contains(bash, name)) << name;
        EXPECT_TRUE(contains(zsh, "'*" + name + "[")) << name;
        EXPECT_TRUE(contains(fish, (name.starts_with("--") ? " -l "
                                    : name.size() == 2     ? " -s "
                                                           : " -o ") +
                                       name.substr(name.starts_with("--") ? 2 : 1) + " "))
            << name;
      }
    }
  }
}

TEST(Documentation, ExamplesUseOptionsThatExist) {
  for (const Verb* verb : all_verbs()) {
    const VerbInstance instance(*verb);
    for (const Example& example : verb->examples) {
      EXPECT_TRUE(example.command.starts_with(verb->name)) << example.command;
      std::string command(example.command);
      // What stands in quotes or after a pipe is not ours.
      for (size_t at; (at = command.find('"')) != std::string::npos;)
        command.erase(at, command.find('"', at + 1) - at + 1);
      command.resize(std::min({command.size(), command.find('|'), command.find('>')}));
      std::istringstream words(command);
      for (std::string word; words >> word;) {
        if (word[0] != '-') continue;
        EXPECT_NE(instance.options.find(word), nullptr) << example.command << ": " << word;
      }
    }
  }
}

TEST(Documentation, ModelsPageIsTheRegistry) {
  const std::string page = test::run({"help", "models"}).out;
  EXPECT_EQ(page, test::read_file(std::string(THIMBLE_TEST_DATA) + "/../../docs/models.md"))
      << "docs/models.md: write it with 'thimble help models > docs/models.md'";
  for (const ArchSpec* spec : all_architectures()) EXPECT_TRUE(contains(page, "`" + std::string(spec->name) + "`"));
}

TEST(Documentation, HelpIsReachedInEveryWay) {
  const std::string help = help_text(VerbInstance(*find_verb("eval perplexity")));
  for (const test::Arguments& arguments : {test::Arguments{"help", "eval", "perplexity"},
                                           {"eval", "perplexity", "--help"},
                                           {"eval", "perplexity", "-h"}}) {
    const test::Outcome outcome = test::run(arguments);
    EXPECT_EQ(outcome.code, 0);
    EXPECT_EQ(outcome.out, help);
    EXPECT_EQ(outcome.error, "");
  }
  EXPECT_EQ(test::run({"--help"}).out, overview_text());
  EXPECT_EQ(test::run({"help"}).out, overview_text());
  EXPECT_EQ(test::run({"--version"}).out, test::run({"version"}).out);
  EXPECT_EQ(test::run({"man"}).out, man_page());
  EXPECT_EQ(test::run({"completion", "fish"}).out, fish_completion());
}

TEST(Documentation, BashCompletesVerbsOptionsAndValues) {
  if (std::system("bash -c true") != 0) GTEST_SKIP() << "there is no bash here";
  const auto offered = [](const std::string& words, int at) {
    const std::string script = bash_completion() + "COMP_WORDS=(" + words + ")\nCOMP_CWORD=" + std::to_string(at) +
                               "\n_thimble\necho \"${COMPREPLY[*]}\"\n";
    std::FILE* pipe = ::popen(("bash -c '" +
                               [&] {
                                 std::string quoted;
                                 for (const char c : script) quoted += c == '\'' ? "'\\''" : std::string(1, c);
                                 return quoted;
                               }() +
                               "'")
                                  .c_str(),
                              "r");
    std::string out;
    char block[4096];
    while (const size_t got = std::fread(block, 1, sizeof block, pipe)) out.append(block, got);
    EXPECT_EQ(::pclose(pipe), 0);
    return out;
  };
  EXPECT_EQ(offered("thimble tok", 1), "tokenize\n");
  EXPECT_EQ(offered("thimble eval p", 2), "perplexity\n");
  EXPECT_EQ(offered("thimble eval perplexity --chu", 3), "--chunks\n");
  EXPECT_EQ(offered("thimble chat -ctk q8", 3), "q8_0\n");
  EXPECT_EQ(offered("thimble plan --bud", 2), "--budget\n");
}

}  // namespace
}  // namespace thimble
