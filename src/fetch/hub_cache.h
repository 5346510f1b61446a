// The standard Hugging Face cache, read and never changed: models--owner--repository/{refs,snapshots/<commit>}. Layout:
// huggingface_hub, "Understand caching".
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "fetch/reference.h"

namespace thimble {

struct HubCacheFile {
  std::string repository;  // "owner/repository"
  std::string commit;
  std::string path;  // in the repository
  std::string file;  // on this machine
  uint64_t size = 0;
};

class HubCache {
 public:
  // An empty folder is a cache with nothing in it.
  explicit HubCache(std::string folder) : folder_(std::move(folder)) {}

  std::vector<HubCacheFile> list() const;  // GGUF files, by name
  // What the reference means among the files of its revision; nullopt where it is not here. As ModelStore::find.
  std::optional<std::string> find(const HubReference& reference) const;
  // A file of this commit with this size, or one of the same digest from another commit.
  std::optional<std::string> find_file(const HubReference& reference, const std::string& commit,
                                       const RepositoryFile& file) const;

 private:
  std::string repository_folder(const HubReference& reference) const;
  std::vector<HubCacheFile> files_of_snapshot(const std::string& snapshot) const;
  std::optional<std::string> snapshot_of(const HubReference& reference) const;
  std::string folder_;
};

}  // namespace thimble
