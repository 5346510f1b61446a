#include "knowledge/folder_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include "base/error.h"
#include "base/file_handle.h"
#include "base/utf8.h"
#include "knowledge/readers.h"

namespace thimble {
namespace {

namespace fs = std::filesystem;

class Walk {
 public:
  explicit Walk(const std::string& folder) : root_(folder) {}

  FolderFiles run() {
    std::error_code error;
    const fs::directory_iterator entries(root_, error);
    if (error)
      fail(ExitCode::bad_file, "{}: expected a folder that can be read: {}", printable(root_.native()),
           error.message());
    visit(entries, "", 0);
    std::ranges::sort(files_.paths);
    std::ranges::sort(files_.skipped, {}, &Skipped::path);
    return std::move(files_);
  }

 private:
  void skip(const std::string& path, std::string reason) {
    files_.skipped.push_back({printable(path), std::move(reason)});
  }

  void visit(fs::directory_iterator entries, const std::string& prefix, size_t depth) {
    std::error_code error;
    for (; entries != fs::directory_iterator(); entries.increment(error)) {
      const std::string name = entries->path().filename().native();
      if (!name.starts_with('.')) visit_entry(*entries, prefix + name, depth);
      if (files_.paths.size() > kMostFiles) {
        fail(ExitCode::failed, "{}: more than {} files; index parts of it", printable(root_.native()), kMostFiles);
      }
    }
    if (error) skip(prefix, error.message());
  }

  void visit_entry(const fs::directory_entry& entry, const std::string& path, size_t depth) {
    std::error_code error;
    const bool is_link = entry.is_symlink(error);
    const fs::file_status status = entry.status(error);
    if (!is_valid_utf8(path)) return skip(path, "its name is no UTF-8");
    if (status.type() == fs::file_type::regular) return files_.paths.push_back(path);
    if (status.type() != fs::file_type::directory) {
      return skip(path, is_link ? "a link that leads nowhere" : "no regular file");
    }
    if (is_link) return files_.skipped.push_back({printable(path), "a link to a folder", true});
    if (depth >= kDeepestFolder) return skip(path, fmt::format("more than {} folders deep", kDeepestFolder));
    const fs::directory_iterator entries(entry.path(), error);
    if (error) return skip(path, error.message());
    visit(entries, path + "/", depth + 1);
  }

  fs::path root_;
  FolderFiles files_;
};

}  // namespace

FolderFiles files_of_folder(const std::string& folder) { return Walk(folder).run(); }

FileContents read_contents(const std::string& path, size_t most) {
  const auto message = [] { return std::generic_category().message(errno); };
  const FileHandle file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file) throw Unreadable(message());
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) throw Unreadable(message());
  if (!S_ISREG(status.st_mode)) throw Unreadable("no regular file");
  const auto size = static_cast<uint64_t>(status.st_size);
  if (size > most) throw Unreadable(fmt::format("{} MB; {} MB is the limit", (size >> 20) + 1, most >> 20));
  FileContents contents;
  contents.bytes.resize(size);
  contents.modified = static_cast<int64_t>(status.st_mtim.tv_sec) * 1'000'000'000 + status.st_mtim.tv_nsec;
  for (size_t done = 0; done < size;) {
    const ssize_t got = ::read(file.get(), contents.bytes.data() + done, size - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw Unreadable(message());
    if (got == 0) contents.bytes.resize(done);  // it has become shorter
    done = got == 0 ? size : done + static_cast<size_t>(got);
  }
  return contents;
}

}  // namespace thimble
