#include "app/memory_reserve.h"

#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <string_view>

#include "base/error.h"

namespace thimble {
namespace {

constexpr size_t kReserveBytes = 512 << 10;

// A new-handler can reach nothing but what is global.
// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables)
std::atomic<void*> reserve{nullptr};

// Returning means that the request is tried again.
void give_reserve() {
  void* const held = reserve.exchange(nullptr);
  if (held == nullptr) throw std::bad_alloc();
  std::free(held);
}

}  // namespace

void reserve_memory() {
  reserve = std::malloc(kReserveBytes);
  if (reserve == nullptr) {
    // An exception would need memory too.
    constexpr std::string_view kLine = "thimble: out of memory: the limit leaves none to start with\n";
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, kLine.data(), kLine.size());
    ::_exit(static_cast<int>(ExitCode::does_not_fit));
  }
  std::set_new_handler(give_reserve);
}

}  // namespace thimble
