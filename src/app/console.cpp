#include "app/console.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <system_error>

#include "base/utf8.h"

namespace thimble {
namespace {

constexpr size_t kBufferBytes = 64 << 10;

// 0 or the error number.
int write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    text.remove_prefix(static_cast<size_t>(written));
  }
  return 0;
}

bool is_control(uint32_t c) { return (c < 0x20 && c != '\n' && c != '\t') || (c >= 0x7f && c < 0xa0); }

bool has_variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0';
}

}  // namespace

Console::Console()
    : out_is_terminal_(::isatty(STDOUT_FILENO) == 1),
      error_is_terminal_(::isatty(STDERR_FILENO) == 1),
      has_color_(error_is_terminal_ && !has_variable("NO_COLOR")) {}

void Console::print(std::string_view text) {
  buffer_ += text;
  if (buffer_.size() >= kBufferBytes) flush();
}

void Console::flush() {
  const std::string text = std::exchange(buffer_, {});
  const int error = write_all(STDOUT_FILENO, text);
  if (error == EPIPE) throw BrokenPipe{};
  if (error != 0)
    fail(ExitCode::failed, "standard output cannot be written: {}", std::generic_category().message(error));
}

void Console::print_model_text(std::string_view text) {
  print(out_is_terminal_ ? without_controls(text) : std::string(text));
  flush();
}

void Console::print_json(const nlohmann::ordered_json& value) {
  print(value.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
  print("\n");
}

void Console::write_error(std::string_view text) const { write_all(STDERR_FILENO, text); }

void Console::write_note(const std::string& text) const { write_error("thimble: " + printable(text, 4000) + "\n"); }

std::string without_controls(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const CodePoint c = decode_utf8(text, at);
    if (!c.valid || is_control(c.value)) {
      append_utf8(out, 0xfffd);
    } else {
      out += text.substr(at, c.length);
    }
    at += c.length;
  }
  return out;
}

}  // namespace thimble
