#include "assist/log_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "base/error.h"
#include "base/file_handle.h"

namespace thimble {
namespace {

constexpr size_t kChunk = size_t{256} << 10;
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

// Up to `size` bytes; fewer at the end of the file only, so that what a pipe gives comes in the same pieces each time.
size_t read_some(int fd, char* data, size_t size, const std::string& name, const std::function<void()>& on_signal) {
  size_t got = 0;
  while (got < size) {
    const ssize_t count = ::read(fd, data + got, size - got);
    if (count == 0) break;
    if (count > 0) {
      got += static_cast<size_t>(count);
    } else if (errno == EINTR) {
      on_signal();
    } else {
      fail(ExitCode::bad_file, "{}: cannot read: {}", printable(name), std::strerror(errno));
    }
  }
  return got;
}

std::string_view without_mark(std::string_view text) {
  return text.starts_with(kByteOrderMark) ? text.substr(kByteOrderMark.size()) : text;
}

}  // namespace

LogFacts analyze_log_file(const std::string& path, LogWindow window, const LogProgress& progress) {
  const bool is_input = path == "-";
  const std::string name = is_input ? "standard input" : path;
  FileHandle file;
  if (!is_input) {
    file = FileHandle(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
    if (!file) fail(ExitCode::bad_file, "{}: cannot open: {}", printable(name), std::strerror(errno));
  }
  const int fd = is_input ? STDIN_FILENO : file.get();
  struct stat status {};
  if (::fstat(fd, &status) != 0) fail(ExitCode::bad_file, "{}: cannot read: {}", printable(name), std::strerror(errno));
  if (S_ISDIR(status.st_mode)) fail(ExitCode::bad_file, "{}: a folder, expected a log file", printable(name));
  const uint64_t total = S_ISREG(status.st_mode) ? static_cast<uint64_t>(status.st_size) : 0;
  LogAnalyzer analyzer(window);
  std::vector<char> buffer(kChunk);
  uint64_t done = 0;
  const auto report = [&] {
    if (progress && !progress(done, total)) fail(ExitCode::interrupted, "interrupted");
  };
  while (!analyzer.is_past_window()) {
    const size_t count = read_some(fd, buffer.data(), buffer.size(), name, report);
    std::string_view bytes(buffer.data(), count);
    if (done == 0) {
      require_log_text(bytes, name);
      bytes = without_mark(bytes);
    }
    analyzer.feed(bytes);
    done += count;
    report();
    if (count < buffer.size()) break;
  }
  return analyzer.finish();
}

LogFacts analyze_log_text(std::string_view text, std::string_view name, LogWindow window) {
  require_log_text(text, name);
  LogAnalyzer analyzer(window);
  analyzer.feed(without_mark(text));
  return analyzer.finish();
}

}  // namespace thimble
