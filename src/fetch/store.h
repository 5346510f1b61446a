// Thimble's own cache of models: `<folder>/<name>/<file>.gguf`, each with `<file>.gguf.json` that says where it came from. A
// repository's name is "owner--repository", with "@revision" where one was given; anything else has its file's name. Only
// what is in it is ever removed; links are not followed out of it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/file_handle.h"
#include "fetch/reference.h"

namespace thimble {

// Where a file came from, as kept beside it.
struct SourceRecord {
  std::string source;  // "hf:owner/repository/file.gguf", an address or a path
  std::string url;
  std::string commit;     // of a hub; else empty
  std::string validator;  // that the server gave
  std::string sha256;
  uint64_t size = 0;
};

struct StoredModel {
  std::string name;    // what -m and rm take
  std::string folder;  // its name alone
  std::string path;
  uint64_t size = 0;                   // of the file, or of what has come of it
  std::optional<uint64_t> whole_size;  // of one that is still being fetched
  std::optional<SourceRecord> record;
};

// One process at a time in a model's folder.
class FolderLock {
 public:
  // Waits, calling `waiting` about twenty times a second; that may throw to stop.
  FolderLock(const std::string& folder, const std::function<void()>& waiting);
  // nullopt where another process has it.
  static std::optional<FolderLock> try_now(const std::string& folder);

 private:
  explicit FolderLock(FileHandle file) : file_(std::move(file)) {}
  FileHandle file_;
};

class ModelStore {
 public:
  explicit ModelStore(std::string folder) : folder_(std::move(folder)) {}

  static std::string name_for(const HubReference& reference);
  std::string folder_for(const std::string& name) const { return folder_ + "/" + name; }

  std::vector<StoredModel> list() const;  // by name; what is still being fetched too
  // The files of one name that are whole; empty where there is none.
  std::vector<RepositoryFile> files_in(const std::string& name) const;
  // The path of what the reference means; nullopt where it is not here. Of a split model the first part, where all are there.
  std::optional<std::string> find(const HubReference& reference) const;

  static std::optional<SourceRecord> read_record(const std::string& path);  // of the file with this path
  static void write_record(const std::string& path, const SourceRecord& record);

  // Temporary files that a kill left in a folder, which must be locked.
  static void remove_leftovers(const std::string& folder);
  // The folder itself, where it is locked and nothing but the lock is in it.
  static void remove_if_empty(const std::string& folder);

  struct Removal {
    std::vector<std::string> paths;  // of models, whole or not
    uint64_t freed_bytes = 0;        // files that have other names too free nothing
  };
  // A name as list() gives it, the name of a folder for all that is in it, or hf:... Throws Error(bad_file) where there is no
  // such model, Error(usage) where the name could lead out of the cache, and Error(failed) where it is being fetched or its
  // folder is a link.
  Removal remove(const std::string& name);

 private:
  Removal remove_files(const std::string& name, const std::vector<std::string>& files);
  std::string folder_;
};

}  // namespace thimble
