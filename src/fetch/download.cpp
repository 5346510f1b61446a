#include "fetch/download.h"

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "fetch/small_file.h"

namespace thimble {
namespace {

constexpr uint64_t kFirstLook = 4 << 10;
constexpr uint64_t kLongestHeader = 64 << 20;  // ten times that of a vocabulary of 256,000 tokens
constexpr uint64_t kMostBytes = uint64_t{1} << 50;
// Of the file, an attempt must bring one part in so many to count as progress: that bounds the attempts in all.
constexpr uint64_t kLeastProgress = 1000;

std::optional<uint64_t> whole_number(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool is_printable(const std::string& text) {
  return text.size() <= 512 && std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7f; });
}

}  // namespace

std::optional<ContentRange> parse_content_range(const std::string& text) {
  constexpr std::string_view kUnit = "bytes ";
  if (!text.starts_with(kUnit)) return std::nullopt;
  const size_t dash = text.find('-');
  const size_t slash = text.find('/');
  if (dash == std::string::npos || slash == std::string::npos || dash > slash) return std::nullopt;
  const std::string_view view(text);
  const auto first = whole_number(view.substr(kUnit.size(), dash - kUnit.size()));
  const auto last = whole_number(view.substr(dash + 1, slash - dash - 1));
  const auto size = whole_number(view.substr(slash + 1));
  if (!first || !last || !size || *first > *last || *last >= *size) return std::nullopt;
  return ContentRange{*first, *last, *size};
}

std::string range_validator(const HttpResponse& response) {
  const std::string etag = response.header("etag");
  const std::string validator = etag.empty() ? response.header("last-modified") : etag.starts_with('"') ? etag : "";
  return is_printable(validator) ? validator : std::string();
}

Download::Download(HttpClient& http, const RemoteFile& remote, PartFile& part, const PrefixCheck& check,
                   const RetryPolicy& policy, const FetchEvents& events)
    : http_(http), remote_(remote), part_(part), check_(check), events_(events), retrier_(policy, events) {}

std::string Download::run() {
  if (can_go_on()) {
    kept_ = furthest_ = part_.size();
    next_look_ = kFirstLook;
    look_at_prefix();
  }
  while (!(is_whole() && can_go_on() && !remote_.sha256.empty())) {
    try {
      attempt();
      if (is_whole()) break;
      throw TransferError(true, fmt::format("{}: the connection ended after {} of {} bytes", printable(remote_.name),
                                            part_.size(), part_.identity()->size));
    } catch (const TransferError& error) {
      const uint64_t least = part_.identity() ? part_.identity()->size / kLeastProgress + 1 : 1;
      if (part_.size() >= furthest_ + least) {
        furthest_ = part_.size();
        retrier_.progressed();
      }
      retrier_.wait_after(error);
    }
  }
  return verified_digest();
}

// With a digest, whose bytes they are is settled; without one the server must be able to tell, by the validator it gave.
bool Download::can_go_on() const {
  if (!part_.identity() || part_.size() == 0 || !ranges_work_) return false;
  const PartIdentity& identity = *part_.identity();
  if (remote_.size && identity.size != *remote_.size) return false;
  if (!remote_.sha256.empty()) return identity.sha256 == remote_.sha256;
  return identity.url == remote_.url && !identity.validator.empty();
}

void Download::attempt() {
  HttpRequest request{.url = remote_.url};
  uint64_t offset = 0;
  if (can_go_on()) {
    // Of a part that is whole the last byte is asked for again, for the server to say that it is still the same object.
    offset = std::min(part_.size(), part_.identity()->size - 1);
    if (offset < part_.size()) {
      part_.cut(offset);
      part_.save();
    }
    if (offset > 0) request.first = offset;
    if (part_.identity()->url == remote_.url) request.if_range = part_.identity()->validator;
  }
  if (!request.first) request.if_range.clear();
  http_.get(
      request, [&](const HttpResponse& response) { take_head(response, offset); },
      [&](std::span<const std::byte> bytes) { return take_body(bytes); });
}

void Download::take_head(const HttpResponse& response, uint64_t offset) {
  if (response.status == 416) {
    ranges_work_ = false;
    throw TransferError(true, fmt::format("{}: the server has no bytes from {} on", printable(remote_.name), offset));
  }
  require_success(response, remote_.name);
  if (response.status == 206) {
    require_continuation(response, offset);
  } else {
    start_anew(response);
  }
  require_disk_space(std::filesystem::path(part_.path()).parent_path().string(), part_.identity()->size - part_.size(),
                     remote_.name);
}

void Download::start_anew(const HttpResponse& response) {
  const std::optional<uint64_t> size = response.content_length();
  if (!size) {
    throw TransferError(
        false, fmt::format("{}: the server does not say how long it is (no Content-Length)", printable(remote_.name)));
  }
  if (remote_.size && *remote_.size != *size) {
    throw TransferError(false, fmt::format("{}: expected {} bytes, the server offers {}", printable(remote_.name),
                                           *remote_.size, *size));
  }
  if (*size == 0 || *size > kMostBytes) {
    fail(ExitCode::bad_file, "{}: a model of {} bytes cannot be", printable(remote_.name), *size);
  }
  std::string sha256 = remote_.sha256;
  if (sha256.empty() && is_sha256(response.linked_digest)) {
    sha256 = response.linked_digest;
    std::ranges::transform(sha256, sha256.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  }
  part_.begin({remote_.url, range_validator(response), sha256, *size});
  kept_ = 0;
  next_look_ = kFirstLook;
}

void Download::require_continuation(const HttpResponse& response, uint64_t offset) {
  const auto range = parse_content_range(response.header("content-range"));
  if (offset == 0 || !range || range->first != offset) {
    ranges_work_ = false;
    throw TransferError(
        true, fmt::format("{}: asked for the bytes from {} on, the server sends '{}'", printable(remote_.name), offset,
                          printable(response.header("content-range"))));
  }
  const PartIdentity& identity = *part_.identity();
  const std::string validator = range_validator(response);
  const bool is_other = identity.url == remote_.url && !identity.validator.empty() && !validator.empty() &&
                        validator != identity.validator;
  if (range->size != identity.size || is_other) {
    part_.cut(0);
    throw TransferError(true, fmt::format("{}: it has changed on the server, and is fetched from the beginning",
                                          printable(remote_.name)));
  }
}

bool Download::take_body(std::span<const std::byte> bytes) {
  if (bytes.size() > part_.identity()->size - part_.size()) {
    throw TransferError(false, fmt::format("{}: the server sends more than the {} bytes it said",
                                           printable(remote_.name), part_.identity()->size));
  }
  part_.append(bytes);
  events_.progress("fetching", part_.size(), part_.identity()->size, kept_);
  look_at_prefix();
  return true;
}

void Download::look_at_prefix() {
  const uint64_t size = part_.identity()->size;
  if (next_look_ == 0 || (part_.size() < next_look_ && part_.size() < size)) return;
  if (check_(part_.read(kLongestHeader), size)) {
    next_look_ = 0;
    return;
  }
  if (part_.size() >= std::min(kLongestHeader, size)) {
    fail(ExitCode::bad_file, "{}: its header is not complete after {} bytes", printable(remote_.name), part_.size());
  }
  next_look_ = std::min(std::max(next_look_, part_.size()) * 2, kLongestHeader);
}

std::string Download::verified_digest() {
  const std::string expected = part_.identity()->sha256;
  std::string found = part_.sha256([&](uint64_t done, uint64_t total) {
    events_.progress("checking", done, total, 0);
    if (events_.cancelled()) fail(ExitCode::interrupted, "interrupted");
  });
  if (!expected.empty() && found != expected) {
    part_.cut(0);
    fail(ExitCode::validation_failed,
         "{}: wrong bytes came: expected SHA-256 {}, found {}; they are deleted, fetch it again",
         printable(remote_.name), expected, found);
  }
  return found;
}

}  // namespace thimble
