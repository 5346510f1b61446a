#include "measure/kept_rows.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include "base/error.h"
#include "text/hash.h"

namespace thimble {
namespace {

constexpr std::array<char, 8> kMagic = {'T', 'H', 'I', 'M', 'R', 'O', 'W', 'S'};

struct Header {
  std::array<char, 8> magic;
  uint64_t source;
  uint64_t group_bytes;
  bool operator==(const Header&) const = default;
};

[[noreturn]] void fail_on(const std::string& path, std::string_view what) {
  fail(ExitCode::failed, "--resume {}: {}: {}", printable(path), what, std::generic_category().message(errno));
}

}  // namespace

uint64_t combine_hashes(uint64_t a, uint64_t b) { return mix(a * 0x9e3779b97f4a7c15u + b); }

uint64_t hash_of(std::span<const std::byte> bytes) {
  return hash_text({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

uint64_t identity_of(const Gguf& gguf) {
  uint64_t identity = hash_of(gguf.files().front().bytes().first(gguf.data_offset()));
  for (const MappedFile& file : gguf.files()) {
    std::error_code error;
    const auto changed = std::filesystem::last_write_time(file.path(), error).time_since_epoch().count();
    identity = combine_hashes(identity, file.bytes().size());
    identity = combine_hashes(identity, static_cast<uint64_t>(changed));
  }
  return identity;
}

KeptRows::KeptRows(std::string path, uint64_t source)
    : path_(std::move(path)),
      source_(source),
      file_(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0666)) {
  if (!file_) fail_on(path_, "cannot be opened");
  struct stat status {};
  if (::fstat(file_.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
    fail(ExitCode::usage, "--resume {}: expected a regular file or none", printable(path_));
  }
  std::array<char, 8> magic{};
  if (status.st_size != 0 &&
      (::pread(file_.get(), magic.data(), magic.size(), 0) != static_cast<ssize_t>(magic.size()) || magic != kMagic)) {
    fail(ExitCode::usage, "--resume {}: there is another file of that name; it is left as it is", printable(path_));
  }
}

size_t KeptRows::begin(size_t group_bytes, size_t most) {
  if (!file_) return 0;
  const Header wanted{kMagic, source_, group_bytes};
  Header found{};
  struct stat status {};
  const bool is_ours = ::pread(file_.get(), &found, sizeof found, 0) == static_cast<ssize_t>(sizeof found) &&
                       found == wanted && ::fstat(file_.get(), &status) == 0;
  size_t groups = 0;
  if (is_ours) groups = std::min(most, (static_cast<size_t>(status.st_size) - sizeof found) / group_bytes);
  if (::ftruncate(file_.get(), static_cast<off_t>(is_ours ? sizeof found + groups * group_bytes : 0)) != 0) {
    fail_on(path_, "cannot be written");
  }
  ::lseek(file_.get(), 0, SEEK_SET);
  if (!is_ours) write(std::as_bytes(std::span(&wanted, 1)));
  ::lseek(file_.get(), sizeof found, SEEK_SET);
  return groups;
}

void KeptRows::read_next(std::span<std::byte> group) {
  while (!group.empty()) {
    const ssize_t got = ::read(file_.get(), group.data(), group.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) fail_on(path_, "cannot be read");
    group = group.subspan(static_cast<size_t>(got));
  }
}

void KeptRows::write(std::span<const std::byte> bytes) {
  if (!file_) return;
  while (!bytes.empty()) {
    const ssize_t put = ::write(file_.get(), bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) fail_on(path_, "cannot be written");
    bytes = bytes.subspan(static_cast<size_t>(put));
  }
  if (::fdatasync(file_.get()) != 0) fail_on(path_, "cannot be written");
}

void KeptRows::remove() {
  if (file_) ::unlink(path_.c_str());
  file_ = FileHandle();
}

}  // namespace thimble
