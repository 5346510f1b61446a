#include "base/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <limits>
#include <system_error>
#include <utility>

#include "base/error.h"

namespace thimble {
namespace {

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  ~FileDescriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

std::string reason(int error) { return std::generic_category().message(error); }

const char* kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "a directory";
  if (S_ISFIFO(mode)) return "a FIFO";
  if (S_ISSOCK(mode)) return "a socket";
  if (S_ISCHR(mode) || S_ISBLK(mode)) return "a device";
  return "not a regular file";
}

}  // namespace

MappedFile MappedFile::open(const std::string& path) {
  // A path from C++ may hold a NUL that the system call would take as its end.
  if (path.empty() || path.find('\0') != std::string::npos) {
    fail(ExitCode::bad_file, "'{}' is no file name", printable(path));
  }
  // O_NONBLOCK: opening a FIFO nobody writes to would wait for ever.
  FileDescriptor fd(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (fd.get() < 0) fail(ExitCode::bad_file, "{}: cannot be opened: {}", printable(path), reason(errno));
  struct stat info = {};
  if (::fstat(fd.get(), &info) != 0) fail(ExitCode::bad_file, "{}: cannot be read: {}", printable(path), reason(errno));
  if (!S_ISREG(info.st_mode)) {
    fail(ExitCode::bad_file, "{}: expected a regular file, found {}", printable(path), kind_of(info.st_mode));
  }
  if (info.st_size == 0) fail(ExitCode::bad_file, "{}: the file is empty", printable(path));
  if (static_cast<uint64_t>(info.st_size) > std::numeric_limits<size_t>::max()) {
    fail(ExitCode::bad_file, "{}: {} bytes exceed this machine's address space", printable(path), info.st_size);
  }
  const size_t size = static_cast<size_t>(info.st_size);
  void* data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd.get(), 0);
  if (data == MAP_FAILED) {
    const ExitCode code = errno == ENOMEM ? ExitCode::does_not_fit : ExitCode::bad_file;
    fail(code, "{}: {} bytes cannot be mapped: {}", printable(path), size, reason(errno));
  }
  // Where the file system can, pages that are not in memory yet are read and mapped 2 MB at a time, which memory reads faster.
  // A wish that the system may not know: nothing depends on it.
  ::madvise(data, size, MADV_HUGEPAGE);
  return MappedFile(path, static_cast<const std::byte*>(data), size, fd.release());
}

MappedFile::MappedFile(std::string path, const std::byte* data, size_t size, int fd)
    : path_(std::move(path)), data_(data), size_(size), fd_(fd) {}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : path_(std::move(other.path_)),
      data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      fd_(std::exchange(other.fd_, -1)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(fd_, other.fd_);
  return *this;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
  if (fd_ >= 0) ::close(fd_);
}

void MappedFile::read_at(uint64_t offset, std::span<std::byte> out) const {
  while (!out.empty()) {
    const ssize_t got = ::pread(fd_, out.data(), out.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      fail(ExitCode::bad_file, "{}: {} bytes at offset {} cannot be read: {}", printable(path_), out.size(), offset,
           got == 0 ? "the file was cut short while in use" : reason(errno));
    }
    offset += static_cast<uint64_t>(got);
    out = out.subspan(static_cast<size_t>(got));
  }
}

}  // namespace thimble
