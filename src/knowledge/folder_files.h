// The files of a folder, in a fixed order, and what in it was left out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace thimble {

struct Skipped {
  std::string path;  // relative to the folder, printable
  std::string reason;
  bool is_expected = false;  // no fault: of a kind that is left out anyway
};

struct FolderFiles {
  std::vector<std::string> paths;  // relative to the folder, with /, sorted; UTF-8
  std::vector<Skipped> skipped;
};

inline constexpr size_t kMostFiles = 200'000;
inline constexpr size_t kDeepestFolder = 64;

// Regular files, and links to them; links to folders are not followed, names that begin with a dot are left out without a
// word. Throws Error(bad_file) where the folder itself cannot be read, Error(failed) above kMostFiles.
FolderFiles files_of_folder(const std::string& folder);

// At most `most` bytes of a regular file and its time of change in nanoseconds. Throws Unreadable with the reason.
struct FileContents {
  std::string bytes;
  int64_t modified = 0;
};
FileContents read_contents(const std::string& path, size_t most);

}  // namespace thimble
