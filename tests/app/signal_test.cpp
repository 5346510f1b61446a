// Whatever signal stops the program, and whenever: the terminal has the modes it had before, and files are there whole or not
// at all.
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <random>
#include <string>

#include "model/arch_spec.h"
#include "program_runner.h"
#include "support/temp_file.h"
#include "support/tiny_model.h"

namespace thimble {
namespace {

constexpr int kEnding[] = {SIGTERM, SIGHUP, SIGQUIT};

class Signals : public testing::Test {
 protected:
  void SetUp() override {
    test::write_tiny_model(find_architecture("llama", "test"), {}, file("model.gguf"));
    std::filesystem::create_directories(file("state/thimble"));
    test::write_file(file("state/thimble/history"), kHistory);
  }
  std::string file(std::string_view name) const { return folder_ / std::string(name); }
  test::Variables variables() const { return {{"XDG_STATE_HOME", file("state")}, {"THIMBLE_MEMORY_LIMIT", "1GB"}}; }
  test::Arguments with_model(test::Arguments arguments) const {
    arguments.insert(arguments.end(), {"-m", file("model.gguf"), "--seed", "1"});
    return arguments;
  }
  test::Arguments chat() const { return with_model({"chat", "--ignore-eos", "--context-full", "shift"}); }

  static void expect_same_modes(const termios& found, const termios& expected) {
    EXPECT_EQ(found.c_iflag, expected.c_iflag);
    EXPECT_EQ(found.c_oflag, expected.c_oflag);
    EXPECT_EQ(found.c_cflag, expected.c_cflag);
    EXPECT_EQ(found.c_lflag, expected.c_lflag);
    for (int i = 0; i < NCCS; ++i) EXPECT_EQ(found.c_cc[i], expected.c_cc[i]) << i;
  }
  // What a terminal has that nobody has changed.
  static termios fresh_modes() {
    int ours = -1, theirs = -1;
    EXPECT_EQ(::openpty(&ours, &theirs, nullptr, nullptr, nullptr), 0);
    termios modes{};
    EXPECT_EQ(::tcgetattr(ours, &modes), 0);
    ::close(ours);
    ::close(theirs);
    return modes;
  }
  void expect_whole_history() const {
    EXPECT_EQ(test::read_file(file("state/thimble/history")).rfind(kHistory, 0), 0u);
    EXPECT_FALSE(std::filesystem::exists(file("state/thimble/history.new")));
  }

  static constexpr std::string_view kHistory = "_HiStOrY_V2_\nan\\040old\\040line\n";
  test::TempFolder folder_;
};

TEST_F(Signals, EndAChatThatWaits) {
  for (const int signal : kEnding) {
    for (const char* typed : {"", "half a line"}) {
      SCOPED_TRACE(std::string(strsignal(signal)) + " after '" + typed + "'");
      test::TerminalProgram program(chat(), variables());
      program.read_until_prompt();
      program.type(typed);
      program.read_until(typed);
      program.send(signal);
      EXPECT_EQ(program.wait(), 130);
      expect_same_modes(program.modes(), fresh_modes());
      expect_whole_history();
    }
  }
}

TEST_F(Signals, EndAChatAtAnyMoment) {
  std::mt19937 random(7);
  for (int i = 0; i < 12; ++i) {
    const int signal = kEnding[i % 3];
    const auto wait = random() % 40'000;
    SCOPED_TRACE(std::string(strsignal(signal)) + " after " + std::to_string(wait) + " us");
    test::TerminalProgram program(chat(), variables());
    program.read_until_prompt();
    program.type("go on\n");
    ::usleep(static_cast<useconds_t>(wait));
    program.send(signal);
    if (i % 2 == 0) program.send(signal);  // the second one ends it at once
    EXPECT_EQ(program.wait(), 130);
    expect_same_modes(program.modes(), fresh_modes());
    // Saved as it was, or with the new line; a save that was cut off leaves the old one.
    EXPECT_EQ(test::read_file(file("state/thimble/history")).rfind(kHistory, 0), 0u);
  }
}

// The program is alone in its session, so that nothing could wake it: the system does not let it stop.
TEST_F(Signals, CtrlZLeavesAChatAndItsTerminalAsTheyWere) {
  test::TerminalProgram program(chat(), variables());
  program.read_until_prompt();
  const termios editing = program.modes();
  program.send(SIGTSTP);
  program.type("/stats\n");
  program.read_until("tokens used");
  program.read_until_prompt("\r\n> ");
  expect_same_modes(program.modes(), editing);
  program.type("/exit\n");
  EXPECT_EQ(program.wait(), 0);
  expect_same_modes(program.modes(), fresh_modes());
}

TEST_F(Signals, LeaveNoPartOfAFile) {
  std::string ids = "1";
  for (int i = 0; i < 400; ++i) ids += ",1";
  std::mt19937 random(11);
  for (int i = 0; i < 16; ++i) {
    const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    const int signal = signals[i % 4];
    const auto wait = 5'000 + random() % 60'000;
    SCOPED_TRACE(std::string(strsignal(signal)) + " after " + std::to_string(wait) + " us");
    const std::string folder = file("out" + std::to_string(i));
    std::filesystem::create_directory(folder);
    test::PipedProgram program({"logits", "-m", file("model.gguf"), "--ids", ids, "--out", folder + "/logits.npy"},
                               variables(), "", [] {});
    ::usleep(static_cast<useconds_t>(wait));
    program.send(signal);
    const test::Outcome outcome = program.finish();
    const bool is_written = std::filesystem::exists(folder + "/logits.npy");
    // A signal before the program is set up ends it as the system does.
    EXPECT_TRUE(outcome.code == 130 || outcome.code == -signal || (outcome.code == 0 && is_written)) << outcome.code;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      EXPECT_EQ(entry.path().filename(), "logits.npy");
      EXPECT_EQ(entry.file_size(), 128 + 401 * 320 * sizeof(float));
    }
  }
}

TEST_F(Signals, EndWorkWithTheDocumentedCode) {
  for (const int signal : {SIGHUP, SIGQUIT}) {
    test::PipedProgram program(with_model({"generate", "-p", "x", "--ignore-eos", "--context-full", "shift"}),
                               variables(), "", [] {});
    ASSERT_FALSE(program.read_out(20, "\xef\xbf\xbd").empty());
    program.send(signal);
    const test::Outcome outcome = program.finish();
    EXPECT_EQ(outcome.code, 130);
    EXPECT_EQ(outcome.error, "thimble: interrupted\n");
  }
  test::PipedProgram unattended(with_model({"generate", "-p", "x", "-n", "40", "--ignore-eos"}), variables(), "",
                                [] { ::signal(SIGHUP, SIG_IGN); });
  ASSERT_FALSE(unattended.read_out(20, "\xef\xbf\xbd").empty());
  unattended.send(SIGHUP);  // as under nohup
  EXPECT_EQ(unattended.finish().code, 0);
}

TEST_F(Signals, AModelMayShrinkAtAnyMoment) {
  std::mt19937 random(13);
  for (int i = 0; i < 24; ++i) {
    const std::string path = file("shrinking" + std::to_string(i) + ".gguf");
    std::filesystem::copy_file(file("model.gguf"), path);
    test::PipedProgram program({"generate", "-m", path, "-p", "x", "-n", "100", "--ignore-eos", "--seed", "1"},
                               variables(), "", [] {});
    ::usleep(random() % 20'000);
    std::filesystem::resize_file(path, random() % std::filesystem::file_size(path));
    const test::Outcome outcome = program.finish();
    // It may have been done with what is gone.
    EXPECT_TRUE(outcome.code == 0 || outcome.code == 4) << outcome.code << ": " << outcome.error;
    if (outcome.code == 4) {
      EXPECT_EQ(std::count(outcome.error.begin(), outcome.error.end(), '\n'), 1) << outcome.error;
    }
  }
}

}  // namespace
}  // namespace thimble
