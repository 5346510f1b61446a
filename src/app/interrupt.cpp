#include "app/interrupt.h"

#include <signal.h>
#include <termios.h>
#include <unistd.h>

#include <atomic>
#include <string_view>

#include "base/error.h"

namespace thimble {
namespace {

// Signal handlers can reach nothing but what is global.
// NOLINTBEGIN(cppcoreguidelines-avoid-non-const-global-variables)
std::atomic<int> interruptions{0};
std::atomic<bool> ending{false};
std::atomic<bool> has_bus_error{false};
termios modes_at_start;
bool has_terminal = false;
// NOLINTEND(cppcoreguidelines-avoid-non-const-global-variables)
static_assert(std::atomic<int>::is_always_lock_free && std::atomic<bool>::is_always_lock_free);

void restore_terminal() {
  if (has_terminal) ::tcsetattr(STDIN_FILENO, TCSANOW, &modes_at_start);
}

void say(std::string_view line) {
  // Nothing can be done in a handler where stderr is gone.
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
}

void on_interrupt(int signal) {
  if (signal != SIGINT) ending = true;
  if (interruptions.fetch_add(1) == 0) return;
  restore_terminal();
  say("\n");
  ::_exit(static_cast<int>(ExitCode::interrupted));
}

void on_bus_error(int) {
  // Several threads may meet what is gone; the first one says so and ends them all.
  while (has_bus_error.exchange(true)) ::pause();
  restore_terminal();
  say("thimble: a file in use was cut short, or its disk failed: give the file again whole and start anew\n");
  ::_exit(static_cast<int>(ExitCode::bad_file));
}

// Ctrl-Z while a line is edited: the shell gets its terminal as it was, and the editor its own when it goes on.
void on_stop(int) {
  termios modes;
  const bool is_ours = has_terminal && ::tcgetattr(STDIN_FILENO, &modes) == 0;
  restore_terminal();
  struct sigaction stop = {};
  stop.sa_handler = SIG_DFL;
  struct sigaction ours;
  sigset_t only, before;
  sigemptyset(&only);
  sigaddset(&only, SIGTSTP);
  ::sigaction(SIGTSTP, &stop, &ours);
  ::raise(SIGTSTP);
  ::sigprocmask(SIG_UNBLOCK, &only, &before);  // it stops here
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  ::sigaction(SIGTSTP, &ours, nullptr);
  if (is_ours) ::tcsetattr(STDIN_FILENO, TCSADRAIN, &modes);
}

void handle(int signal, void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;
  sigemptyset(&action.sa_mask);
  ::sigaction(signal, &action, nullptr);  // without SA_RESTART: waiting for input ends too
}

}  // namespace

void install_signal_handlers() {
  has_terminal = ::isatty(STDIN_FILENO) == 1 && ::tcgetattr(STDIN_FILENO, &modes_at_start) == 0;
  for (const int signal : {SIGINT, SIGTERM, SIGQUIT}) handle(signal, on_interrupt);
  struct sigaction hangup = {};
  ::sigaction(SIGHUP, nullptr, &hangup);
  if (hangup.sa_handler != SIG_IGN) handle(SIGHUP, on_interrupt);  // nohup
  if (has_terminal) handle(SIGTSTP, on_stop);
  handle(SIGBUS, on_bus_error);
  handle(SIGPIPE, SIG_IGN);
  handle(SIGXFSZ, SIG_IGN);  // a write past the limit then fails with a message, and what was begun is removed
}

bool interrupted() { return interruptions.load() > 0; }

bool must_end() { return ending.load(); }

void clear_interruption() {
  interruptions.store(0);
  if (must_end()) interruptions.store(1);  // in this order, so that a signal in between is not lost
}

void stop_if_interrupted() {
  if (interrupted()) fail(ExitCode::interrupted, "interrupted");
}

}  // namespace thimble
