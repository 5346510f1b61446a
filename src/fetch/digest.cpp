#include "fetch/digest.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <vector>

#include "base/error.h"
#include "base/file_handle.h"
#include "fetch/late_libraries.h"

namespace thimble {
namespace {

constexpr size_t kBlockBytes = 1 << 20;

EVP_MD_CTX* as_context(void* context) { return static_cast<EVP_MD_CTX*>(context); }

void require(bool done) {
  if (!done) fail(ExitCode::failed, "OpenSSL's SHA-256 does not work on this machine");
}

}  // namespace

void Sha256::Free::operator()(void* context) const { digest_library().context_free(as_context(context)); }

Sha256::Sha256() : context_(digest_library().context_new()) {
  require(context_ != nullptr &&
          digest_library().init(as_context(context_.get()), digest_library().sha256(), nullptr) == 1);
}

void Sha256::update(std::span<const std::byte> bytes) {
  require(digest_library().update(as_context(context_.get()), bytes.data(), bytes.size()) == 1);
}

std::string Sha256::hex() {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  require(digest_library().final(as_context(context_.get()), digest, &length) == 1);
  std::string out;
  for (unsigned i = 0; i < length; ++i) out += fmt::format("{:02x}", digest[i]);
  return out;
}

bool is_sha256(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
}

void add_file(Sha256& digest, int fd, const std::string& path, uint64_t count, const ByteProgress& progress) {
  std::vector<std::byte> block(std::min<uint64_t>(kBlockBytes, count));
  for (uint64_t at = 0; at < count;) {
    const size_t wanted = std::min<uint64_t>(block.size(), count - at);
    const ssize_t got = ::pread(fd, block.data(), wanted, static_cast<off_t>(at));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      fail(ExitCode::failed, "{}: cannot be read at byte {}: {}", printable(path), at,
           got == 0 ? "it was cut short" : std::generic_category().message(errno));
    }
    digest.update(std::span(block).first(static_cast<size_t>(got)));
    at += static_cast<uint64_t>(got);
    progress(at, count);
  }
}

std::string sha256_of_file(const std::string& path, const ByteProgress& progress) {
  const FileHandle file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  struct stat info = {};
  if (!file || ::fstat(file.get(), &info) != 0) {
    fail(ExitCode::failed, "{}: cannot be read: {}", printable(path), std::generic_category().message(errno));
  }
  Sha256 digest;
  add_file(digest, file.get(), path, static_cast<uint64_t>(info.st_size), progress);
  return digest.hex();
}

}  // namespace thimble
