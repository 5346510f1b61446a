// The conversation at a terminal, typed into a terminal of its own.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "app/console.h"
#include "app/progress_bar.h"
#include "model/arch_spec.h"
#include "program_runner.h"
#include "support/temp_file.h"
#include "support/tiny_model.h"

namespace thimble {
namespace {

class Terminal : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new test::TempFolder;
    test::write_tiny_model(find_architecture("llama", "test"), {}, *folder_ / "model.gguf");
  }
  static void TearDownTestSuite() { delete folder_; }
  static std::string file(std::string_view name) { return *folder_ / name; }
  static test::Variables variables() { return {{"XDG_STATE_HOME", file("state")}, {"THIMBLE_MEMORY_LIMIT", "1GB"}}; }
  static test::Arguments chat(const test::Arguments& more = {}) {
    test::Arguments arguments = {"chat", "-m", file("model.gguf"), "--seed", "1"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }
  static test::Arguments endless_chat() { return chat({"--ignore-eos", "--context-full", "shift"}); }

 private:
  static inline test::TempFolder* folder_ = nullptr;
};

TEST_F(Terminal, HoldsAConversationAndObeysCommands) {
  const std::string saved = file("conversation.json");
  test::TerminalProgram program(chat({"-n", "5"}), variables());
  program.read_until_prompt();
  program.type("/system Be brief.\n");
  program.read_until_prompt("\r\n> ");
  program.type("one\\\n");
  program.read_until_prompt("\r\n. ");
  program.type("two\n");
  program.read_until_prompt("\r\n> ");
  program.type("/stats\n");
  EXPECT_NE(program.read_until("tokens/s").find("of 512 tokens used"), std::string::npos);
  program.read_until_prompt();
  program.type("/save " + saved + "\n");
  program.read_until_prompt("\r\n> ");
  program.type("/frob\n");
  program.read_until("no such command: /frob");
  program.read_until_prompt();
  program.type("/load " + file("nothing") + "\n");
  program.read_until("cannot be opened");
  program.read_until_prompt();
  program.type("/clear\n");
  program.read_until_prompt();
  program.type("/load " + saved + "\n");
  program.read_until("3 messages");
  program.read_until_prompt();
  program.type("/help\n");
  program.read_until("/exit");
  program.read_until_prompt("\r\n> ");
  program.type("/exit\n");
  EXPECT_EQ(program.wait(), 0);
  const nlohmann::json messages = nlohmann::json::parse(test::read_file(saved));
  ASSERT_EQ(messages.size(), 3u);
  EXPECT_EQ(messages[0], nlohmann::json({{"role", "system"}, {"content", "Be brief."}}));
  EXPECT_EQ(messages[1], nlohmann::json({{"role", "user"}, {"content", "one\ntwo"}}));
  EXPECT_EQ(messages[2]["role"], "assistant");
  EXPECT_NE(test::read_file(file("state/thimble/history")).find("stats"), std::string::npos);
}

TEST_F(Terminal, RemembersWhatWasTypedLastTime) {
  {
    test::TerminalProgram program(chat(), variables());
    program.read_until_prompt();
    program.type("/clear remember-this\n");
    program.read_until_prompt("\r\n> ");
    program.type("\x04");
    EXPECT_EQ(program.wait(), 0);
  }
  test::TerminalProgram program(chat(), variables());
  program.read_until_prompt();
  program.type("\x1b[A");
  program.read_until("remember-this");
  program.type("\n");
  program.read_until_prompt();
  program.type("\x04");
  EXPECT_EQ(program.wait(), 0);
}

TEST_F(Terminal, AFullContextLosesTheOldestTurnsOrSaysSo) {
  const std::string message = std::string(60, 'a') + "\n";
  test::TerminalProgram shifting(chat({"-c", "256", "-n", "4", "--context-full", "shift"}), variables());
  shifting.read_until_prompt();
  shifting.type(message);
  shifting.read_until_prompt("\r\n> ");
  shifting.type(message);
  shifting.read_until("the 2 oldest messages are forgotten");
  shifting.read_until_prompt("\r\n> ");
  shifting.type("\x04");
  EXPECT_EQ(shifting.wait(), 0);

  test::TerminalProgram stopping(chat({"-c", "128", "-n", "4"}), variables());
  stopping.read_until_prompt();
  stopping.type(std::string(150, 'a') + "\n");
  stopping.read_until("the context holds 128");
  stopping.read_until_prompt("\r\n> ");
  stopping.type("short\n");  // the message that was too long is not kept
  EXPECT_EQ(stopping.read_until_prompt("\r\n> ").find("thimble:"), std::string::npos);
  stopping.type("\x04");
  EXPECT_EQ(stopping.wait(), 0);
}

TEST_F(Terminal, CtrlCStopsTheAnswerAndThenTheProgram) {
  test::TerminalProgram program(endless_chat(), variables());
  program.read_until_prompt();
  program.type("go on\n");
  program.read_until("\xef\xbf\xbd");
  EXPECT_TRUE(program.is_cooked());  // while it answers
  program.type("\x03");
  program.read_until("thimble: interrupted");
  program.read_until_prompt();
  program.type("/stats\n");
  program.read_until("tokens used");
  program.read_until_prompt("\r\n> ");
  program.type("half a line");
  program.read_until("half a line");
  program.type("\x03");
  program.read_until_prompt("\r\n> ");
  program.type("\x03");
  program.read_until("\n");
  EXPECT_EQ(program.wait(), 130);
  EXPECT_TRUE(program.is_cooked());
}

TEST_F(Terminal, NoInteractiveModeForOneQuestionOrJson) {
  test::TerminalProgram once(chat({"-p", "hi", "-n", "3"}), variables());
  EXPECT_EQ(once.wait(), 0);
  test::TerminalProgram as_json(chat({"--json"}), variables());
  as_json.read_until("--json");
  EXPECT_EQ(as_json.wait(), 2);
  test::TerminalProgram no_prompt({"generate", "-m", file("model.gguf")}, variables());
  no_prompt.read_until("a prompt is required");
  EXPECT_EQ(no_prompt.wait(), 2);
}

TEST_F(Terminal, ModelTextCannotSteerTheTerminal) {
  test::TerminalProgram program(
      chat({"-p", "x", "-n", "400", "--ignore-eos", "--temp", "5", "--top-k", "0", "--min-p", "0", "--top-p", "1"}),
      variables());
  const std::string shown = program.read_until("\n");
  for (const char c : shown) {
    EXPECT_TRUE(static_cast<unsigned char>(c) >= 0x20 || c == '\n' || c == '\r' || c == '\t') << int{c};
  }
  EXPECT_EQ(program.wait(), 0);
}

TEST(WithoutControls, KeepsTextAndReplacesTheRest) {
  EXPECT_EQ(without_controls("a\tb\nc ü €"), "a\tb\nc ü €");
  EXPECT_EQ(without_controls("\x1b[31m"), "\xef\xbf\xbd[31m");
  EXPECT_EQ(without_controls("a\rb\x7f"),
            "a\xef\xbf\xbd"
            "b\xef\xbf\xbd");
  EXPECT_EQ(without_controls("\xc2\x9b"), "\xef\xbf\xbd");  // the C1 form of escape [
  EXPECT_EQ(without_controls("\xff"), "\xef\xbf\xbd");
}

TEST(ProgressLine, SaysDoneRateAndTimeLeft) {
  EXPECT_EQ(progress_line("reading", "tokens", 25, 100, 5),
            "reading [######..................] 25/100 tokens, 5.00/s, 0:15 left");
  EXPECT_EQ(progress_line("reading", "tokens", 0, 0, 0), "reading [........................] 0/0 tokens");
  EXPECT_NE(progress_line("x", "chunks", 1, 10000, 1).find("2:46:39 left"), std::string::npos);
  EXPECT_EQ(progress_line("fetching", "bytes", 250'000'000, 1'000'000'000, 5, 150'000'000),
            "fetching [######..................] 25% 250.0/1000.0 MB, 20 MB/s, 0:38 left");
}

}  // namespace
}  // namespace thimble
