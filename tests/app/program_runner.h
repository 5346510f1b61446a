// Runs the whole program in a child process, with its streams on pipes or on a terminal of its own.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "app/program.h"

namespace thimble::test {

using Arguments = std::vector<std::string>;
using Variables = std::map<std::string, std::string>;

inline constexpr unsigned kMostSeconds = 60;

// Never returns. The environment has nothing of the program's own but `variables`.
[[noreturn]] inline void become_program(const Arguments& arguments, const Variables& variables) {
  ::alarm(kMostSeconds);
  ::setenv("TERM", "xterm", 1);
  for (const char* name : {"XDG_CACHE_HOME", "XDG_STATE_HOME", "NO_COLOR"}) ::unsetenv(name);
  for (const auto& [name, value] : variables) ::setenv(name.c_str(), value.c_str(), 1);
  prepare_process();
  const auto environment = [&](const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  };
  ::_exit(run_program(arguments, environment));
}

// What a file descriptor gives within `seconds`, or until `wanted` is in it and what came `before`.
inline std::string read_from(int fd, double seconds, std::string_view wanted = {}, const std::string& before = {}) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  std::string text;
  while (std::chrono::steady_clock::now() < end) {
    pollfd ready{fd, POLLIN, 0};
    if (::poll(&ready, 1, 50) <= 0) continue;
    char block[4096];
    const ssize_t got = ::read(fd, block, sizeof block);
    if (got <= 0) break;
    text.append(block, static_cast<size_t>(got));
    if (!wanted.empty() && (before + text).find(wanted) != std::string::npos) break;
  }
  return text;
}

// The exit code, or minus the signal that ended the process.
inline int exit_code(pid_t child) {
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

struct Outcome {
  int code = 0;
  std::string out;
  std::string error;
};

// A child with stdin from a file, stdout and stderr on pipes. `prepare` runs in the child first.
class PipedProgram {
 public:
  template <class Prepare>
  PipedProgram(const Arguments& arguments, const Variables& variables, std::string_view input, Prepare&& prepare) {
    int out[2], error[2];
    EXPECT_EQ(::pipe(out), 0);
    EXPECT_EQ(::pipe(error), 0);
    std::FILE* in = std::tmpfile();
    if (!input.empty()) std::fwrite(input.data(), 1, input.size(), in);
    std::fflush(in);
    ::lseek(::fileno(in), 0, SEEK_SET);
    child_ = ::fork();
    if (child_ == 0) {
      ::dup2(::fileno(in), STDIN_FILENO);
      ::dup2(out[1], STDOUT_FILENO);
      ::dup2(error[1], STDERR_FILENO);
      for (const int fd : {out[0], out[1], error[0], error[1], ::fileno(in)}) ::close(fd);
      prepare();
      become_program(arguments, variables);
    }
    ::close(out[1]);
    ::close(error[1]);
    std::fclose(in);
    out_ = out[0];
    error_ = error[0];
  }
  ~PipedProgram() {
    close_out();
    ::close(error_);
  }
  PipedProgram(const PipedProgram&) = delete;
  PipedProgram& operator=(const PipedProgram&) = delete;

  std::string read_out(double seconds, std::string_view wanted) const { return read_from(out_, seconds, wanted); }
  void send(int signal) const { ::kill(child_, signal); }
  void close_out() {
    if (out_ >= 0) ::close(out_);
    out_ = -1;
  }
  // Once, at the end.
  Outcome finish() const {
    Outcome outcome;
    if (out_ >= 0) outcome.out = read_from(out_, kMostSeconds);
    outcome.error = read_from(error_, kMostSeconds);
    outcome.code = exit_code(child_);
    return outcome;
  }

 private:
  pid_t child_ = -1;
  int out_ = -1;
  int error_ = -1;
};

inline Outcome run(const Arguments& arguments, const Variables& variables = {}, std::string_view input = {}) {
  return PipedProgram(arguments, variables, input, [] {}).finish();
}

// A child on a terminal of its own.
class TerminalProgram {
 public:
  TerminalProgram(const Arguments& arguments, const Variables& variables) {
    winsize size{};
    size.ws_row = 40;
    size.ws_col = 200;
    child_ = ::forkpty(&terminal_, nullptr, nullptr, &size);
    if (child_ == 0) become_program(arguments, variables);
  }
  ~TerminalProgram() { ::close(terminal_); }
  TerminalProgram(const TerminalProgram&) = delete;
  TerminalProgram& operator=(const TerminalProgram&) = delete;

  // What is shown from where the last call ended to the end of `wanted`, which must come within some seconds.
  std::string read_until(std::string_view wanted) {
    if (shown_.find(wanted) == std::string::npos) shown_ += read_from(terminal_, 20, wanted, shown_);
    const size_t at = shown_.find(wanted);
    EXPECT_NE(at, std::string::npos) << "not shown: " << wanted << "\nshown: " << shown_;
    const size_t end = at == std::string::npos ? shown_.size() : at + wanted.size();
    const std::string text = shown_.substr(0, end);
    shown_.erase(0, end);
    return text;
  }
  // Until the line editor waits for keys: it shows its prompt just before it takes over the terminal.
  std::string read_until_prompt(std::string_view prompt = "> ") {
    std::string text = read_until(prompt);
    for (int i = 0; i < 400 && is_cooked(); ++i) ::usleep(10'000);
    EXPECT_FALSE(is_cooked());
    return text;
  }
  void type(std::string_view text) const {
    ASSERT_EQ(::write(terminal_, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  void send(int signal) const { ::kill(child_, signal); }
  termios modes() const {
    termios mode{};
    EXPECT_EQ(::tcgetattr(terminal_, &mode), 0);
    return mode;
  }
  // Whether the terminal echoes and edits lines by itself, as it does for a shell.
  bool is_cooked() const {
    const termios mode = modes();
    return (mode.c_lflag & ECHO) != 0 && (mode.c_lflag & ICANON) != 0 && (mode.c_lflag & ISIG) != 0;
  }
  int wait() const {
    read_from(terminal_, kMostSeconds);  // until the other end closes
    return exit_code(child_);
  }

 private:
  pid_t child_ = -1;
  int terminal_ = -1;
  std::string shown_;
};

}  // namespace thimble::test
