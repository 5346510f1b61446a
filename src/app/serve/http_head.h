// The head of an HTTP/1.1 request, read strictly (RFC 9112): what two programs could read in two ways is refused, so that no
// request can be smuggled behind another one.
#pragma once

#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace thimble {

// A request that gets no further: the status to answer with, and a message for people.
class HttpFault : public std::runtime_error {
 public:
  HttpFault(int status, const std::string& message) : std::runtime_error(message), status_(status) {}
  int status() const { return status_; }

 private:
  int status_;
};

struct HttpHead {
  static constexpr size_t kMostBytes = 64 << 10;
  static constexpr size_t kMostLineBytes = 8 << 10;
  static constexpr size_t kMostFields = 100;

  std::string method;                                       // GET, HEAD, POST or OPTIONS
  std::string target;                                       // begins with '/'
  std::vector<std::pair<std::string, std::string>> fields;  // names in lower case
  size_t content_length = 0;
  bool keeps_alive = true;
  bool expects_continue = false;

  // nullptr where there is none
  const std::string* find(std::string_view lower_name) const;
};

// `text`: everything before the empty line, without it. Throws HttpFault.
HttpHead parse_http_head(std::string_view text);

}  // namespace thimble
