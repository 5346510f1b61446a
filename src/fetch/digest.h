// SHA-256 by OpenSSL.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace thimble {

class Sha256 {
 public:
  Sha256();
  void update(std::span<const std::byte> bytes);
  std::string hex();  // of all updates, 64 lower-case digits; ends this object's use

 private:
  struct Free {
    void operator()(void* context) const;
  };
  std::unique_ptr<void, Free> context_;
};

// 64 hexadecimal digits, of either case.
bool is_sha256(std::string_view text);

// Called now and then with the bytes done and in all; may throw to stop.
using ByteProgress = std::function<void(uint64_t done, uint64_t total)>;

// Adds the first `count` bytes of the file open as `fd`. Throws Error(failed) naming `path` where it has fewer.
void add_file(Sha256& digest, int fd, const std::string& path, uint64_t count, const ByteProgress& progress);
std::string sha256_of_file(const std::string& path, const ByteProgress& progress);

}  // namespace thimble
