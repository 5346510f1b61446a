#include "faults/failing_memory.h"

#include <sys/mman.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <new>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

namespace thimble::test {
namespace {

std::atomic<uint64_t> requests{0};
std::atomic<uint64_t> first_refused{0};
std::atomic<bool> refuses_all_after{false};
std::atomic<int64_t> live{0};

bool refused() {
  const uint64_t request = requests.fetch_add(1) + 1;
  const uint64_t first = first_refused.load();
  return first != 0 && (request == first || (refuses_all_after.load() && request > first));
}

void* take(size_t bytes, size_t alignment) {
  void* memory = nullptr;
  if (!refused() && ::posix_memalign(&memory, alignment, bytes == 0 ? 1 : bytes) == 0) live.fetch_add(1);
  return memory;
}

void* take_or_throw(size_t bytes, size_t alignment) {
  void* memory = take(bytes, alignment);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

void give_back(void* memory) {
  if (memory != nullptr) live.fetch_sub(1);
  std::free(memory);
}

constexpr size_t kDefault = __STDCPP_DEFAULT_NEW_ALIGNMENT__;

}  // namespace

void fail_request(uint64_t failing, bool persistent) {
  refuses_all_after = persistent;
  requests = 0;
  first_refused = failing;
}

uint64_t stop_failing() {
  first_refused = 0;
  return requests.load();
}

int64_t live_allocations() { return live.load(); }

}  // namespace thimble::test

using thimble::test::give_back;
using thimble::test::kDefault;
using thimble::test::refused;
using thimble::test::take;
using thimble::test::take_or_throw;

void* operator new(size_t bytes) { return take_or_throw(bytes, kDefault); }
void* operator new[](size_t bytes) { return take_or_throw(bytes, kDefault); }
void* operator new(size_t bytes, std::align_val_t alignment) {
  return take_or_throw(bytes, static_cast<size_t>(alignment));
}
void* operator new[](size_t bytes, std::align_val_t alignment) {
  return take_or_throw(bytes, static_cast<size_t>(alignment));
}
void* operator new(size_t bytes, const std::nothrow_t&) noexcept { return take(bytes, kDefault); }
void* operator new[](size_t bytes, const std::nothrow_t&) noexcept { return take(bytes, kDefault); }
void operator delete(void* memory) noexcept { give_back(memory); }
void operator delete[](void* memory) noexcept { give_back(memory); }
void operator delete(void* memory, size_t) noexcept { give_back(memory); }
void operator delete[](void* memory, size_t) noexcept { give_back(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { give_back(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { give_back(memory); }
void operator delete(void* memory, size_t, std::align_val_t) noexcept { give_back(memory); }
void operator delete[](void* memory, size_t, std::align_val_t) noexcept { give_back(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { give_back(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { give_back(memory); }

// The linker sends the rooms' calls of these functions here (--wrap).
extern "C" {

void* __real_mmap(void*, size_t, int, int, int, off_t);
void* __wrap_mmap(void* at, size_t bytes, int protection, int flags, int fd, off_t offset) {
  if (!refused()) return __real_mmap(at, bytes, protection, flags, fd, offset);
  errno = ENOMEM;
  return MAP_FAILED;
}

void* __real_aligned_alloc(size_t, size_t);
void* __wrap_aligned_alloc(size_t alignment, size_t bytes) {
  return refused() ? nullptr : __real_aligned_alloc(alignment, bytes);
}

pcre2_code* __real_pcre2_compile_8(PCRE2_SPTR, PCRE2_SIZE, uint32_t, int*, PCRE2_SIZE*, pcre2_compile_context*);
pcre2_code* __wrap_pcre2_compile_8(PCRE2_SPTR pattern, PCRE2_SIZE length, uint32_t options, int* error,
                                   PCRE2_SIZE* place, pcre2_compile_context* context) {
  if (!refused()) return __real_pcre2_compile_8(pattern, length, options, error, place, context);
  *error = PCRE2_ERROR_HEAP_FAILED;
  return nullptr;
}

pcre2_match_data* __real_pcre2_match_data_create_from_pattern_8(const pcre2_code*, pcre2_general_context*);
pcre2_match_data* __wrap_pcre2_match_data_create_from_pattern_8(const pcre2_code* code,
                                                                pcre2_general_context* context) {
  return refused() ? nullptr : __real_pcre2_match_data_create_from_pattern_8(code, context);
}

pcre2_match_context* __real_pcre2_match_context_create_8(pcre2_general_context*);
pcre2_match_context* __wrap_pcre2_match_context_create_8(pcre2_general_context* context) {
  return refused() ? nullptr : __real_pcre2_match_context_create_8(context);
}

}  // extern "C"
