// A whole regular file, mapped read-only. Move-only; the mapping lives as long as the object.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace thimble {

class MappedFile {
 public:
  // Throws Error(bad_file) for what is no readable regular file (missing, directory, FIFO, device, empty, no
  // permission), Error(does_not_fit) where the address space has no room for it. The open never blocks.
  static MappedFile open(const std::string& path);

  // A file of `size` bytes of which only the beginning is at hand: a copy of `prefix`, then zeros that take no memory. `name`
  // stands for the path in messages. read_at() refuses. Throws Error(bad_file) where the prefix is empty or longer than the
  // file, or the address space has no room for `size` bytes.
  static MappedFile from_prefix(const std::string& name, std::span<const std::byte> prefix, uint64_t size);

  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  const std::string& path() const { return path_; }

  // Copies out.size() bytes from `offset` without making the mapping's pages resident, for data of which little is
  // needed. Throws Error(bad_file) where the file no longer has them.
  void read_at(uint64_t offset, std::span<std::byte> out) const;

  // The pages of `part` (of bytes()), and what the system mapped beside them when they were read, leave this process's memory until
  // they are read again: for a pass over more than should be resident at once.
  void forget(std::span<const std::byte> part) const;

 private:
  MappedFile(std::string path, const std::byte* data, size_t size, int fd);
  std::string path_;
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
  int fd_ = -1;
};

}  // namespace thimble
