#include "base/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cassert>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <system_error>

#include "base/error.h"

namespace thimble {
namespace {

constexpr size_t kBufferBytes = 256 * 1024;
constexpr int kTemporaryNames = 1000;

[[noreturn]] void fail_writing(const std::string& path, int error) {
  fail(ExitCode::failed, "{}: cannot be written: {}", printable(path), std::generic_category().message(error));
}

std::string folder_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// The file a symbolic link leads to, so that the rename replaces that and not the link.
std::string resolved(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr), &std::free);
  return real ? std::string(real.get()) : path;
}

// Makes a new file in `folder` and stores its name: 0666 less the umask, which only open() applies without a race.
int open_temporary(const std::string& folder, std::string& name) {
  for (int i = 0; i < kTemporaryNames; ++i) {
    name = fmt::format("{}/.thimble-{}-{}.tmp", folder, ::getpid(), i);
    const int fd = ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (fd >= 0 || errno != EEXIST) return fd;
  }
  return -1;
}

}  // namespace

bool sync_folder(const std::string& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return errno == EACCES;  // a folder that can be written but not listed
  const bool synced = ::fsync(fd) == 0 || errno == EINVAL;
  const int error = errno;
  ::close(fd);
  errno = error;
  return synced;
}

AtomicFile::AtomicFile(const std::string& path) : path_(path) {
  if (path.empty() || path.find('\0') != std::string::npos || path.back() == '/') {
    fail(ExitCode::failed, "'{}' is no file name", printable(path));
  }
  struct stat old = {};
  const bool replaces = ::stat(path.c_str(), &old) == 0;
  if (replaces && !S_ISREG(old.st_mode)) {
    fail(ExitCode::failed, "{}: exists and is no regular file; it is not overwritten", printable(path));
  }
  if (replaces) path_ = resolved(path);
  fd_ = open_temporary(folder_of(path_), temporary_);
  if (fd_ < 0) fail_writing(path_, errno);
  if (replaces && ::fchmod(fd_, old.st_mode & 07777) != 0) {
    const int error = errno;
    ::close(fd_);
    ::unlink(temporary_.c_str());
    fail_writing(path_, error);
  }
}

AtomicFile::~AtomicFile() {
  if (fd_ < 0) return;
  ::close(fd_);
  ::unlink(temporary_.c_str());
}

void AtomicFile::write_through(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) fail_writing(path_, written < 0 ? errno : EIO);
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
}

void AtomicFile::flush() {
  write_through(buffer_);
  buffer_.clear();
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  assert(fd_ >= 0);
  if (buffer_.size() + bytes.size() > kBufferBytes) flush();
  if (bytes.size() > kBufferBytes) {
    write_through(bytes);
  } else {
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  }
  position_ += bytes.size();
}

void AtomicFile::write(std::string_view text) { write(std::as_bytes(std::span(text))); }

void AtomicFile::commit() {
  assert(fd_ >= 0);
  flush();
  if (::fsync(fd_) != 0) fail_writing(path_, errno);
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail_writing(path_, errno);
  // From here on the new file is in place under its name: the temporary one is gone.
  const int fd = fd_;
  fd_ = -1;
  const bool closed = ::close(fd) == 0 || errno == EINTR;
  if (!closed || !sync_folder(folder_of(path_))) fail_writing(path_, errno);
}

void require_different_files(const std::string& input, const std::string& output) {
  struct stat in = {};
  struct stat out = {};
  if (::stat(input.c_str(), &in) != 0 || ::stat(output.c_str(), &out) != 0) return;
  if (in.st_dev != out.st_dev || in.st_ino != out.st_ino) return;
  fail(ExitCode::usage, "{}: is the input itself; name another output file", printable(output));
}

}  // namespace thimble
