// Small files of ours, and folders.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace thimble {

// The whole text of a regular file; nullopt where there is none, it cannot be read, or it is longer than `most` bytes.
std::optional<std::string> read_small_file(const std::string& path, size_t most);

// With those above it, for this user alone as far as the umask says. Throws Error(failed).
void make_folders(const std::string& path);

// Makes a rename of this file durable. Throws Error(failed).
void sync_folder_of(const std::string& path);

bool is_regular_file(const std::string& path);  // links followed
uint64_t file_bytes(const std::string& path);   // 0 where there is none

// Throws Error(failed) where `folder` has no room for `bytes` more and some to spare.
void require_disk_space(const std::string& folder, uint64_t bytes, const std::string& what);

}  // namespace thimble
