#include "fetch/part_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <system_error>

#include "base/atomic_file.h"
#include "base/error.h"
#include "fetch/small_file.h"
#include "format/json_text.h"

namespace thimble {
namespace {

constexpr uint64_t kBytesBetweenSaves = 8 << 20;
constexpr std::chrono::seconds kTimeBetweenSaves{2};
constexpr size_t kMostDescriptionBytes = 64 << 10;

[[noreturn]] void fail_at(const std::string& path, std::string_view what) {
  fail(ExitCode::failed, "{}: {}: {}", printable(path), what, std::generic_category().message(errno));
}

struct Description {
  PartIdentity identity;
  uint64_t kept = 0;
};

// What does not read as ours counts as not there: the fetch starts anew.
std::optional<Description> read_description(const std::string& final_path) {
  const auto text = read_small_file(PartFile::description_for(final_path), kMostDescriptionBytes);
  if (!text) return std::nullopt;
  const std::optional<nlohmann::json> json = try_parse_json(*text);
  if (!json) return std::nullopt;
  const auto size = byte_count(*json, "size");
  const auto kept = byte_count(*json, "kept");
  const std::string sha256 = text_or_empty(*json, "sha256");
  if (!size || !kept || *kept > *size || (!sha256.empty() && !is_sha256(sha256))) return std::nullopt;
  return Description{{text_or_empty(*json, "url"), text_or_empty(*json, "validator"), sha256, *size}, *kept};
}

}  // namespace

PartFile::PartFile(std::string final_path)
    : final_path_(std::move(final_path)), path_(path_for(final_path_)), last_save_(std::chrono::steady_clock::now()) {
  file_ = FileHandle(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666));
  if (!file_) fail_at(path_, "cannot be opened");
  load();
}

PartFile::~PartFile() {
  if (!file_) return;
  if (size_ == 0) discard();
  if (size_ == saved_) return;
  try {
    save();
  } catch (const Error&) {
    // The next run has a little less to go on from.
  }
}

void PartFile::load() {
  struct stat info = {};
  if (::fstat(file_.get(), &info) != 0 || !S_ISREG(info.st_mode)) {
    fail(ExitCode::failed, "{}: expected a regular file; remove what is in its place", printable(path_));
  }
  const auto description = read_description(final_path_);
  // A shorter file is one that we cut: what is left of it is right.
  const uint64_t kept = description ? std::min(description->kept, static_cast<uint64_t>(info.st_size)) : 0;
  if (kept == 0) {
    cut(0);
    return;
  }
  identity_ = description->identity;
  cut(kept);
  saved_ = kept;
}

void PartFile::cut(uint64_t size) {
  if (::ftruncate(file_.get(), static_cast<off_t>(size)) != 0) fail_at(path_, "cannot be cut");
  size_ = size;
  saved_ = std::min(saved_, size);
  if (hashed_ > size) {
    hashed_ = 0;
    digest_ = Sha256();
  }
}

void PartFile::begin(const PartIdentity& identity) {
  identity_ = identity;
  cut(0);
  save();
}

void PartFile::append(std::span<const std::byte> bytes) {
  if (hashed_ == size_) {
    digest_.update(bytes);
    hashed_ += bytes.size();
  }
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(size_));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) fail_at(path_, "cannot be written");
    size_ += static_cast<uint64_t>(written);
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
  if (size_ - saved_ >= kBytesBetweenSaves || std::chrono::steady_clock::now() - last_save_ >= kTimeBetweenSaves)
    save();
}

std::vector<std::byte> PartFile::read(uint64_t count) const {
  std::vector<std::byte> bytes(std::min(count, size_));
  for (size_t at = 0; at < bytes.size();) {
    const ssize_t got = ::pread(file_.get(), bytes.data() + at, bytes.size() - at, static_cast<off_t>(at));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) fail_at(path_, "cannot be read");
    at += static_cast<size_t>(got);
  }
  return bytes;
}

void PartFile::save() {
  if (::fdatasync(file_.get()) != 0) fail_at(path_, "cannot be written");
  AtomicFile description(description_for(final_path_));
  description.write(nlohmann::json{
      {"url", identity_->url},
      {"validator", identity_->validator},
      {"sha256", identity_->sha256},
      {"size", identity_->size},
      {"kept", size_}}.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
  description.commit();
  saved_ = size_;
  last_save_ = std::chrono::steady_clock::now();
}

std::string PartFile::sha256(const ByteProgress& progress) {
  if (hashed_ != size_) {
    digest_ = Sha256();
    add_file(digest_, file_.get(), path_, size_, progress);
  }
  Sha256 finished = std::move(digest_);
  digest_ = Sha256();
  hashed_ = 0;
  return finished.hex();
}

void PartFile::publish() {
  if (::fsync(file_.get()) != 0) fail_at(path_, "cannot be written");
  if (::rename(path_.c_str(), final_path_.c_str()) != 0) fail_at(final_path_, "cannot be made");
  file_ = FileHandle();
  sync_folder_of(final_path_);
  ::unlink(description_for(final_path_).c_str());
}

void PartFile::discard() {
  file_ = FileHandle();
  ::unlink(path_.c_str());
  ::unlink(description_for(final_path_).c_str());
}

std::optional<std::pair<uint64_t, uint64_t>> PartFile::progress_of(const std::string& final_path) {
  const auto description = read_description(final_path);
  if (!description) return std::nullopt;
  return std::pair(description->kept, description->identity.size);
}

}  // namespace thimble
