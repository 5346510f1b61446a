#include "app/text_input.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>

#include "app/interrupt.h"
#include "base/error.h"
#include "base/mapped_file.h"

namespace thimble {
namespace {

constexpr size_t kMostBytes = 256 << 20;

[[noreturn]] void refuse_length(const std::string& path) {
  fail(ExitCode::usage, "{}: the text is longer than {} bytes", path, kMostBytes);
}

std::string read_stdin() {
  std::string text;
  for (;;) {
    const std::string block = read_input_block();
    if (block.empty()) return text;
    text += block;
    if (text.size() > kMostBytes) refuse_length("standard input");
  }
}

}  // namespace

std::string read_input_block() {
  char block[16 << 10];
  for (;;) {
    const ssize_t got = ::read(STDIN_FILENO, block, sizeof block);
    stop_if_interrupted();
    if (got >= 0) return {block, static_cast<size_t>(got)};
    if (errno != EINTR)
      fail(ExitCode::failed, "standard input cannot be read: {}", std::generic_category().message(errno));
  }
}

std::string read_file(const std::string& path) {
  const MappedFile file = MappedFile::open(path);
  if (file.bytes().size() > kMostBytes) refuse_length(printable(path));
  std::string text(file.bytes().size(), '\0');
  file.read_at(0, std::as_writable_bytes(std::span(text)));
  return text;
}

std::string read_text(const std::string& path) { return path == "-" ? read_stdin() : read_file(path); }

bool input_is_terminal() { return ::isatty(STDIN_FILENO) == 1; }

std::string without_last_newline(std::string text) {
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  return text;
}

}  // namespace thimble
