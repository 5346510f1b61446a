// Lines typed by a person, with editing and a history that is kept between runs (libedit).
#pragma once

#include <memory>
#include <optional>
#include <string>

namespace thimble {

class LineEditor {
 public:
  // `history_file`: where lines are remembered; empty for nowhere. What cannot be read there is ignored.
  explicit LineEditor(std::string history_file);
  LineEditor(const LineEditor&) = delete;
  LineEditor& operator=(const LineEditor&) = delete;
  ~LineEditor();  // leaves the terminal as it was

  enum class End {
    line,
    end_of_input,  // Ctrl-D
    discarded,     // Ctrl-C with something typed
    interrupted    // Ctrl-C with nothing typed
  };
  struct Input {
    End end;
    std::string text;  // without the line feed
  };
  // The prompt and the echo go to stderr. The terminal is in its usual mode again when this returns.
  Input read(const std::string& prompt);

  void remember(const std::string& line);
  // Throws Error(failed) where the history cannot be written.
  void save_history() const;

 private:
  bool discard_line();  // whether there was text in it
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace thimble
