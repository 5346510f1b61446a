// One HTTP or HTTPS GET at a time, by libcurl. What holds for every request: certificates are checked; redirects are followed
// here, at most ten, never from https to http, and what the token is sent to is one origin and no other; the body is taken as it
// is (no compression); a header is at most 64 KiB; waiting for a server that sends nothing ends. libcurl itself reads the usual
// proxy variables.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "fetch/url.h"

namespace thimble {

// What the network or a server did wrong. `is_passing`: trying again may help.
class TransferError : public Error {
 public:
  TransferError(bool is_passing, const std::string& message, double retry_after = 0)
      : Error(ExitCode::failed, message), is_passing_(is_passing), retry_after_(retry_after) {}
  bool is_passing() const { return is_passing_; }
  double retry_after() const { return retry_after_; }  // seconds that the server asked for, 0 where it did not

 private:
  bool is_passing_;
  double retry_after_;
};

struct HttpOptions {
  std::string user_agent;
  std::string certificate_file;  // accepted authorities, PEM; empty for the system's
  std::string token;             // sent as "Authorization: Bearer ..." to token_origin, and nowhere else
  std::string token_origin;      // as Url::origin
  double stall_seconds = 30;     // for a connection, and with less than 100 bytes/s
  std::function<bool()> cancelled = [] { return false; };
};

struct HttpRequest {
  std::string url;
  std::optional<uint64_t> first;  // "Range: bytes=first-"
  std::string if_range;           // validator that makes the server send the whole where the object is another
};

struct HttpResponse {
  int status = 0;
  Url url;                                     // that answered, after redirects
  std::map<std::string, std::string> headers;  // names in lower case; of the last answer
  std::string linked_digest;                   // x-linked-etag of the first answer that had one, without quotes
  double retry_after = 0;
  std::string header(const std::string& name) const;  // empty where it is missing
  std::optional<uint64_t> content_length() const;
};

class HttpClient {
 public:
  // Called once with the last answer's head, before any of its body. May throw.
  using HeadHandler = std::function<void(const HttpResponse&)>;
  // Called with the body piece by piece; returns false to end the transfer. May throw.
  using BodyHandler = std::function<bool(std::span<const std::byte>)>;

  explicit HttpClient(HttpOptions options);
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;
  ~HttpClient();

  // Throws TransferError, Error(interrupted), or what a handler threw. Any status but a redirect reaches `on_head`.
  HttpResponse get(const HttpRequest& request, const HeadHandler& on_head, const BodyHandler& on_body);

 private:
  struct Exchange;
  void perform(Exchange& exchange);

  HttpOptions options_;
  void* handle_;
};

// Throws TransferError saying what the status means for `what`, unless it is 200 or 206.
void require_success(const HttpResponse& response, std::string_view what);

}  // namespace thimble
