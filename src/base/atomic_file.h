// A file that appears whole or not at all: written under a temporary name in the same folder, then fsync and rename.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace thimble {

class AtomicFile {
 public:
  // Throws Error(failed) when the folder cannot be written or `path` exists and is no regular file. A file already
  // there is replaced by commit() and passes its permissions on; a symbolic link to it stays.
  explicit AtomicFile(const std::string& path);
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile();  // without commit() nothing is left behind

  // Buffered; throws Error(failed), for instance when the disk is full.
  void write(std::span<const std::byte> bytes);
  void write(std::string_view text);
  uint64_t position() const { return position_; }
  const std::string& path() const { return path_; }
  // Flushes, syncs, renames and syncs the folder; throws Error(failed) where a step fails, with the old file still
  // there up to the rename. Nothing may be written after.
  void commit();

 private:
  void flush();
  void write_through(std::span<const std::byte> bytes);

  std::string path_;
  std::string temporary_;
  std::vector<std::byte> buffer_;
  int fd_ = -1;
  uint64_t position_ = 0;
};

// Makes a rename in the folder durable. File systems that cannot sync a folder count as having done so: nothing more can be
// done there. False with errno where it failed.
bool sync_folder(const std::string& folder);

// Throws Error(usage) when both names lead to one existing file: writing the output would destroy the input.
void require_different_files(const std::string& input, const std::string& output);

}  // namespace thimble
