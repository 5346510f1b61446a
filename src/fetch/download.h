// One file fetched over HTTP into its part: gone on with where an earlier run ended, tried again where the network fails, and
// refused where what comes is not what was asked for. Ranges: RFC 9110, sections 13.1.5 (If-Range) and 14.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "fetch/http.h"
#include "fetch/part_file.h"
#include "fetch/retry.h"

namespace thimble {

struct RemoteFile {
  std::string name;  // for messages
  std::string url;
  std::string sha256;            // lower case; empty where nobody says
  std::optional<uint64_t> size;  // where it is known beforehand
};

// Looks at the beginning of a file of `size` bytes while it comes. Returns true when it has seen enough, false to be asked
// again with more; throws to refuse the file.
using PrefixCheck = std::function<bool(std::span<const std::byte> prefix, uint64_t size)>;

// The bounds of a Content-Range, "bytes 0-9/100"; nullopt for any other form, or bounds that make no sense.
struct ContentRange {
  uint64_t first;
  uint64_t last;
  uint64_t size;
};
std::optional<ContentRange> parse_content_range(const std::string& text);

// What may go into If-Range: a strong ETag, or else Last-Modified; empty where there is neither.
std::string range_validator(const HttpResponse& response);

class Download {
 public:
  // All references must outlive it.
  Download(HttpClient& http, const RemoteFile& remote, PartFile& part, const PrefixCheck& check,
           const RetryPolicy& policy, const FetchEvents& events);

  // Until the part is whole and its digest is the expected one, where one is known; returns the digest. Throws
  // Error(failed) for network and server, Error(validation_failed) for wrong bytes (the part is emptied), Error(interrupted),
  // and what the check threw.
  std::string run();

 private:
  bool can_go_on() const;
  void attempt();
  void take_head(const HttpResponse& response, uint64_t offset);
  void start_anew(const HttpResponse& response);
  void require_continuation(const HttpResponse& response, uint64_t offset);
  bool take_body(std::span<const std::byte> bytes);
  void look_at_prefix();
  std::string verified_digest();
  bool is_whole() const { return part_.identity() && part_.size() == part_.identity()->size; }

  HttpClient& http_;
  const RemoteFile& remote_;
  PartFile& part_;
  const PrefixCheck& check_;
  const FetchEvents& events_;
  Retrier retrier_;
  bool ranges_work_ = true;
  uint64_t kept_ = 0;       // what was there before
  uint64_t furthest_ = 0;   // what any attempt came to
  uint64_t next_look_ = 0;  // the prefix is looked at from here on; 0 where that is over
};

}  // namespace thimble
