#include "app/line_editor.h"

#include <histedit.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cwchar>
#include <filesystem>

#include "app/interrupt.h"
#include "base/error.h"

namespace thimble {
namespace {

constexpr int kHistoryLines = 1000;

// libedit asks for the prompt through a function that gets the editor; its client data is this string.
char* prompt_of(EditLine* editor) {
  void* prompt = nullptr;
  el_get(editor, EL_CLIENTDATA, &prompt);
  return static_cast<std::string*>(prompt)->data();
}

// Waits until there is input; false where Ctrl-C came first. Signals are let in only while waiting, so that none can
// come unnoticed between the question and the wait.
bool wait_for_input(int fd) {
  sigset_t interrupts, before;
  sigemptyset(&interrupts);
  for (const int signal : {SIGINT, SIGTERM, SIGQUIT, SIGHUP}) sigaddset(&interrupts, signal);
  ::sigprocmask(SIG_BLOCK, &interrupts, &before);
  pollfd ready{fd, POLLIN, 0};
  while (!interrupted() && ::ppoll(&ready, 1, nullptr, &before) < 0 && errno == EINTR) {
  }
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  return !interrupted();
}

// libedit's own reader goes on after a signal. 1 for a character, 0 at the end of input, -1 after Ctrl-C.
int read_character(EditLine*, wchar_t* character) {
  std::mbstate_t state{};
  for (;;) {
    char byte;
    if (!wait_for_input(STDIN_FILENO)) return -1;
    const ssize_t got = ::read(STDIN_FILENO, &byte, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return static_cast<int>(got);
    const size_t used = std::mbrtowc(character, &byte, 1, &state);
    if (used == static_cast<size_t>(-2)) continue;  // the beginning of a character
    if (used == static_cast<size_t>(-1)) *character = L'\ufffd';
    return 1;
  }
}

}  // namespace

struct LineEditor::State {
  std::string history_file;
  std::string prompt;
  EditLine* editor = nullptr;
  History* history = nullptr;
};

LineEditor::LineEditor(std::string history_file) : state_(std::make_unique<State>()) {
  state_->history_file = std::move(history_file);
  state_->history = history_init();
  state_->editor = el_init("thimble", stdin, stderr, stderr);
  if (state_->history == nullptr || state_->editor == nullptr)
    fail(ExitCode::failed, "the terminal's line editor cannot be started");
  HistEvent event;
  history(state_->history, &event, H_SETSIZE, kHistoryLines);
  history(state_->history, &event, H_SETUNIQUE, 1);
  if (!state_->history_file.empty()) history(state_->history, &event, H_LOAD, state_->history_file.c_str());
  el_set(state_->editor, EL_CLIENTDATA, &state_->prompt);
  el_set(state_->editor, EL_PROMPT, &prompt_of);
  el_set(state_->editor, EL_GETCFN, &read_character);
  el_set(state_->editor, EL_EDITOR, "emacs");
  el_set(state_->editor, EL_HIST, &history, state_->history);
}

LineEditor::~LineEditor() {
  if (state_->editor != nullptr) el_end(state_->editor);
  if (state_->history != nullptr) history_end(state_->history);
}

LineEditor::Input LineEditor::read(const std::string& prompt) {
  state_->prompt = prompt;
  clear_interruption();
  int length = 0;
  const char* line = el_gets(state_->editor, &length);
  if (interrupted()) return {discard_line() && !must_end() ? End::discarded : End::interrupted, {}};
  if (line == nullptr || length <= 0) return {End::end_of_input, {}};
  std::string text(line, static_cast<size_t>(length));
  if (text.ends_with('\n')) text.pop_back();
  return {End::line, std::move(text)};
}

bool LineEditor::discard_line() {
  const LineInfo* line = el_line(state_->editor);
  const bool had_text = line->lastchar != line->buffer;
  el_reset(state_->editor);
  return had_text;
}

void LineEditor::remember(const std::string& line) {
  HistEvent event;
  if (line.find_first_not_of(" \t") != std::string::npos) history(state_->history, &event, H_ENTER, line.c_str());
}

void LineEditor::save_history() const {
  if (state_->history_file.empty()) return;
  std::error_code error;  // of the folder: what follows says more
  std::filesystem::create_directories(std::filesystem::path(state_->history_file).parent_path(), error);
  const std::string fresh = state_->history_file + ".new";
  HistEvent event;
  if (history(state_->history, &event, H_SAVE, fresh.c_str()) < 0) {
    fail(ExitCode::failed, "{}: the history cannot be written: {}", printable(fresh), event.str);
  }
  std::filesystem::rename(fresh, state_->history_file, error);
  if (error)
    fail(ExitCode::failed, "{}: the history cannot be written: {}", printable(state_->history_file), error.message());
}

}  // namespace thimble
