#include "app/temporary_folder.h"

#include <stdlib.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "base/error.h"

namespace thimble {

namespace fs = std::filesystem;

TemporaryFolder::TemporaryFolder() {
  std::error_code error;
  path_ = (fs::temp_directory_path(error) / "thimble-XXXXXX").string();
  if (!error && ::mkdtemp(path_.data()) == nullptr) error.assign(errno, std::generic_category());
  if (error) fail(ExitCode::failed, "{}: no temporary folder: {}", printable(path_), error.message());
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

}  // namespace thimble
