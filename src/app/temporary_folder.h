// A folder among the system's temporary files, gone with the object.
#pragma once

#include <string>

namespace thimble {

class TemporaryFolder {
 public:
  TemporaryFolder();  // throws Error(failed)
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder();

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace thimble
