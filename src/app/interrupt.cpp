#include "app/interrupt.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <string_view>

#include "base/error.h"

namespace thimble {
namespace {

// Signal handlers can reach nothing but what is global.
// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables)
std::atomic<int> interruptions{0};
static_assert(std::atomic<int>::is_always_lock_free);

void say(std::string_view line) {
  // Nothing can be done in a handler where stderr is gone.
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
}

void on_interrupt(int) {
  if (interruptions.fetch_add(1) == 0) return;
  say("\n");
  ::_exit(static_cast<int>(ExitCode::interrupted));
}

void on_bus_error(int) {
  say("thimble: a file in use was cut short, or its disk failed: give the file again whole and start anew\n");
  ::_exit(static_cast<int>(ExitCode::bad_file));
}

void handle(int signal, void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;
  sigemptyset(&action.sa_mask);
  ::sigaction(signal, &action, nullptr);  // without SA_RESTART: waiting for input ends too
}

}  // namespace

void install_signal_handlers() {
  handle(SIGINT, on_interrupt);
  handle(SIGTERM, on_interrupt);
  handle(SIGBUS, on_bus_error);
  handle(SIGPIPE, SIG_IGN);
}

bool interrupted() { return interruptions.load() > 0; }

void clear_interruption() { interruptions.store(0); }

void stop_if_interrupted() {
  if (interrupted()) fail(ExitCode::interrupted, "interrupted");
}

}  // namespace thimble
