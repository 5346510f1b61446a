#include "fetch/small_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/file_handle.h"

namespace thimble {
namespace {

constexpr uint64_t kSpareBytes = 64 << 20;

}  // namespace

std::optional<std::string> read_small_file(const std::string& path, size_t most) {
  const FileHandle file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  struct stat info = {};
  if (!file || ::fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode)) return std::nullopt;
  if (info.st_size < 0 || static_cast<uint64_t>(info.st_size) > most) return std::nullopt;
  std::string text(static_cast<size_t>(info.st_size), '\0');
  for (size_t at = 0; at < text.size();) {
    const ssize_t got = ::pread(file.get(), text.data() + at, text.size() - at, static_cast<off_t>(at));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return std::nullopt;
    at += static_cast<size_t>(got);
  }
  return text;
}

void make_folders(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) fail(ExitCode::failed, "{}: the folder cannot be made: {}", printable(path), error.message());
}

void sync_folder_of(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  if (sync_folder(folder)) return;
  fail(ExitCode::failed, "{}: cannot be written: {}", printable(folder), std::generic_category().message(errno));
}

bool is_regular_file(const std::string& path) {
  std::error_code error;
  return std::filesystem::is_regular_file(path, error);
}

uint64_t file_bytes(const std::string& path) {
  std::error_code error;
  const uint64_t size = std::filesystem::file_size(path, error);
  return error ? 0 : size;
}

void require_disk_space(const std::string& folder, uint64_t bytes, const std::string& what) {
  struct statvfs info = {};
  if (::statvfs(folder.c_str(), &info) != 0) return;  // then the write will tell
  const uint64_t available = static_cast<uint64_t>(info.f_bavail) * info.f_frsize;
  if (available >= kSpareBytes && available - kSpareBytes >= bytes) return;
  fail(ExitCode::failed,
       "{}: {:.1f} MB are still to come, but {} has {:.1f} MB free ({} MB are kept free): make room, or set "
       "XDG_CACHE_HOME to a larger disk",
       printable(what), static_cast<double>(bytes) / 1e6, printable(folder), static_cast<double>(available) / 1e6,
       kSpareBytes >> 20);
}

}  // namespace thimble
