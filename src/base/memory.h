// What memory the machine has free for this process, what the process uses, and buffers whose size is known beforehand.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace thimble {

struct AvailableMemory {
  uint64_t bytes;
  std::string source;  // what set the limit: "MemAvailable", "cgroup memory.max", "address space limit"
};

// The least of MemAvailable, memory.max - memory.current of this cgroup and its ancestors, and RLIMIT_AS less what is mapped.
AvailableMemory available_memory();

uint64_t resident_bytes();       // now
uint64_t peak_resident_bytes();  // VmHWM
// What is resident now is the peak from here on, where the system allows it to be set.
void reset_peak_resident_bytes();

// Zeroed, page-aligned memory, resident from the start so that a plan and a measurement agree. Move-only.
class Buffer {
 public:
  Buffer() = default;
  // Throws Error(does_not_fit) naming `what` where the system refuses.
  Buffer(size_t bytes, const std::string& what);
  Buffer(Buffer&& other) noexcept;
  Buffer& operator=(Buffer&& other) noexcept;
  ~Buffer();

  std::byte* data() const { return data_; }
  size_t size() const { return size_; }

  // Bytes of memory that a buffer of this size takes (whole pages).
  static size_t footprint(size_t bytes);

 private:
  std::byte* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace thimble
