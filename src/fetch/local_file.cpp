#include "fetch/local_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <vector>

#include "base/error.h"
#include "base/file_handle.h"
#include "fetch/part_file.h"
#include "fetch/small_file.h"

namespace thimble {
namespace {

namespace fs = std::filesystem;

constexpr size_t kCopyBytes = 1 << 20;

}  // namespace

std::string link_or_copy(const std::string& source, const std::string& final_path, const FetchEvents& events) {
  const std::string part_path = PartFile::path_for(final_path);
  ::unlink(part_path.c_str());
  if (::linkat(AT_FDCWD, source.c_str(), AT_FDCWD, part_path.c_str(), 0) == 0) {
    if (::rename(part_path.c_str(), final_path.c_str()) != 0) {
      fail(ExitCode::failed, "{}: cannot be made: {}", printable(final_path), std::generic_category().message(errno));
    }
    sync_folder_of(final_path);
    return "linked";
  }
  const FileHandle file(::open(source.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info = {};
  if (!file || ::fstat(file.get(), &info) != 0) {
    fail(ExitCode::failed, "{}: cannot be read: {}", printable(source), std::generic_category().message(errno));
  }
  const auto size = static_cast<uint64_t>(info.st_size);
  require_disk_space(fs::path(final_path).parent_path().string(), size, source);
  PartFile part(final_path);
  part.begin({source, {}, {}, size});
  std::vector<std::byte> block(kCopyBytes);
  while (part.size() < size) {
    const ssize_t got = ::read(file.get(), block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) fail(ExitCode::failed, "{}: it was cut short while it was copied", printable(source));
    part.append(std::span(block).first(static_cast<size_t>(got)));
    events.progress("copying", part.size(), size, 0);
    if (events.cancelled()) fail(ExitCode::interrupted, "interrupted");
  }
  part.publish();
  return "copied";
}

}  // namespace thimble
