#include "base/memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <limits>
#include <utility>

#include "base/error.h"
#include "base/file_handle.h"

namespace thimble {
namespace {

constexpr uint64_t kUnlimited = std::numeric_limits<uint64_t>::max();

// "Key:   123 kB" lines of /proc files.
uint64_t proc_kilobytes(const char* file, std::string_view key) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(key)) return std::strtoull(line.c_str() + key.size(), nullptr, 10) * 1024;
  }
  return 0;
}

uint64_t number_in(const std::string& file) {
  std::ifstream in(file);
  std::string text;
  if (!(in >> text) || text == "max") return kUnlimited;
  return std::strtoull(text.c_str(), nullptr, 10);
}

// File pages the kernel can take back count as free: a mapped model is of that kind.
uint64_t reclaimable_in(const std::string& stat_file) {
  std::ifstream in(stat_file);
  std::string key;
  uint64_t value = 0, total = 0;
  while (in >> key >> value) {
    if (key == "inactive_file" || key == "active_file") total += value;
  }
  return total;
}

struct CgroupFiles {
  const char* root;
  const char* limit;
  const char* usage;
};
constexpr CgroupFiles kCgroupV2{"/sys/fs/cgroup", "/memory.max", "/memory.current"};
constexpr CgroupFiles kCgroupV1{"/sys/fs/cgroup/memory", "/memory.limit_in_bytes", "/memory.usage_in_bytes"};

uint64_t cgroup_free() {
  uint64_t least = kUnlimited;
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    const bool v2 = line.starts_with("0::");
    if (!v2 && line.find(":memory:") == std::string::npos) continue;
    const CgroupFiles& files = v2 ? kCgroupV2 : kCgroupV1;
    for (std::string path = line.substr(line.rfind(':') + 1);;) {
      const std::string folder = std::string(files.root) + (path == "/" ? "" : path);
      const uint64_t limit = number_in(folder + files.limit);
      const uint64_t used = number_in(folder + files.usage);
      if (limit != kUnlimited && used != kUnlimited) {
        const uint64_t held = used - std::min(used, reclaimable_in(folder + "/memory.stat"));
        least = std::min(least, limit - std::min(limit, held));
      }
      const size_t slash = path.rfind('/');
      if (path.size() <= 1 || slash == std::string::npos) break;
      path.resize(std::max<size_t>(slash, 1));
    }
  }
  return least;
}

uint64_t address_space_free() {
  rlimit limit{};
  if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return kUnlimited;
  const uint64_t mapped = proc_kilobytes("/proc/self/status", "VmSize:");
  return limit.rlim_cur - std::min<uint64_t>(limit.rlim_cur, mapped);
}

size_t page_size() { return static_cast<size_t>(sysconf(_SC_PAGESIZE)); }

#if defined(__SANITIZE_ADDRESS__)

// From the heap, whose ends the sanitizer watches; those of a mapping it does not.
void* take_pages(size_t bytes) {
  const size_t whole = Buffer::footprint(bytes);
  void* memory = std::aligned_alloc(page_size(), whole);
  if (memory != nullptr) std::memset(memory, 0, whole);
  return memory;
}

void give_back_pages(std::byte* data, size_t) { std::free(data); }

#else

void* take_pages(size_t bytes) {
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  return memory == MAP_FAILED ? nullptr : memory;
}

void give_back_pages(std::byte* data, size_t bytes) { munmap(data, bytes); }

#endif

}  // namespace

AvailableMemory available_memory() {
  AvailableMemory least{proc_kilobytes("/proc/meminfo", "MemAvailable:"), "MemAvailable"};
  if (const uint64_t bytes = cgroup_free(); bytes < least.bytes) least = {bytes, "cgroup memory limit"};
  if (const uint64_t bytes = address_space_free(); bytes < least.bytes) least = {bytes, "address space limit"};
  return least;
}

uint64_t resident_bytes() { return proc_kilobytes("/proc/self/status", "VmRSS:"); }

uint64_t peak_resident_bytes() { return proc_kilobytes("/proc/self/status", "VmHWM:"); }

void reset_peak_resident_bytes() {
  const FileHandle file(::open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC));
  constexpr char kPeak = '5';                               // proc(5)
  if (file && ::write(file.get(), &kPeak, 1) != 1) return;  // the peak stays what it was
}

size_t Buffer::footprint(size_t bytes) { return (bytes + page_size() - 1) / page_size() * page_size(); }

Buffer::Buffer(size_t bytes, const std::string& what) : size_(bytes) {
  if (bytes == 0) return;
  void* memory = take_pages(bytes);
  if (memory == nullptr) {
    fail(ExitCode::does_not_fit, "no memory for {}: {} bytes asked for; try a smaller context (-c) or batch (-b)", what,
         bytes);
  }
  data_ = static_cast<std::byte*>(memory);
}

Buffer::Buffer(Buffer&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

Buffer::~Buffer() {
  if (data_ != nullptr) give_back_pages(data_, size_);
}

}  // namespace thimble
