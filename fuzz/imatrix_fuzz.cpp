// Any bytes through the reader of importance matrices: refused with an Error, or what is read merges with itself and is written
// and read back the same.
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/error.h"
#include "format/imatrix.h"
#include "memory_file.h"

namespace {

using namespace thimble;

// In a folder that goes with the process.
const std::string& output() {
  struct Folder {
    Folder() {
      std::string pattern = (std::filesystem::temp_directory_path() / "thimble-fuzz-XXXXXX").string();
      if (::mkdtemp(pattern.data()) == nullptr) std::abort();
      path = pattern + "/out.gguf";
    }
    ~Folder() {
      std::error_code error;
      std::filesystem::remove_all(std::filesystem::path(path).parent_path(), error);
    }
    std::string path;
  };
  static const Folder folder;
  return folder.path;
}

void run(const std::string& path) {
  const Imatrix imatrix = Imatrix::read(path);
  for (const auto& [name, entry] : imatrix.entries) entry.mean_squares();
  Imatrix sum;
  sum.merge(imatrix, 512);
  sum.merge(imatrix, 512);
  sum.write(output());
  const Imatrix back = Imatrix::read(output());
  if (back.entries.size() != sum.entries.size()) std::abort();
  for (const auto& [name, entry] : sum.entries) {
    if (back.entries.at(name).sums != entry.sums) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const fuzz::MemoryFile file(data, size);
  try {
    run(file.path());
  } catch (const Error&) {
  }
  return 0;
}
