#include "base/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <limits>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "base/file_handle.h"

namespace thimble {
namespace {

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
  FileHandle fd(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
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

MappedFile MappedFile::from_prefix(const std::string& name, std::span<const std::byte> prefix, uint64_t size) {
  if (prefix.empty() || prefix.size() > size) {
    fail(ExitCode::bad_file, "{}: the first {} bytes of a file of {} bytes say nothing", printable(name), prefix.size(),
         size);
  }
  const auto refuse = [&] {
    fail(ExitCode::bad_file, "{}: {} bytes cannot be mapped: {}", printable(name), size, reason(errno));
  };
  if (size > std::numeric_limits<size_t>::max()) {
    errno = EOVERFLOW;
    refuse();
  }
  // Read-only, so that the system does not count what is never written; the prefix alone becomes memory.
  void* data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (data == MAP_FAILED) refuse();
  MappedFile file(name, static_cast<const std::byte*>(data), size, -1);
  if (::mprotect(data, prefix.size(), PROT_READ | PROT_WRITE) != 0) refuse();
  std::memcpy(data, prefix.data(), prefix.size());
  if (::mprotect(data, prefix.size(), PROT_READ) != 0) refuse();
  return file;
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

void MappedFile::forget(std::span<const std::byte> part) const {
  if (fd_ < 0) return;  // a prefix is the only copy
  static const size_t page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  // Pages that two pieces share are in neither whole, and the system maps others around each that is read, those just forgotten
  // among them. Over a large file both add up.
  constexpr size_t kMappedAround = 128 << 10;
  const size_t first = static_cast<size_t>(part.data() - data_);
  const size_t begin = (first - std::min(first, kMappedAround)) / page * page;
  const size_t end = std::min((first + part.size() + kMappedAround) / page * page, size_);
  if (begin < end) ::madvise(const_cast<std::byte*>(data_ + begin), end - begin, MADV_DONTNEED);
}

}  // namespace thimble
