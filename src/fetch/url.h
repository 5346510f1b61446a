// Addresses as libcurl reads them, so that what is checked here is what it will connect to.
#pragma once

#include <string>
#include <string_view>

namespace thimble {

struct Url {
  std::string text;    // the whole, without a fragment
  std::string scheme;  // "http" or "https"
  std::string origin;  // "https://host:port", the port always given
  std::string path;    // begins with '/', percent-encoded
};

// Throws Error(usage): no http or https address, or one that holds a user name or password, which would be kept with the
// file. `base` is what a relative address refers to.
Url parse_url(const std::string& text, const std::string& base = {});

std::string percent_encoded(std::string_view component);  // '/' included
std::string percent_decoded(std::string_view component);  // wrong escapes stay as they are

// Why `to` may not follow `from` as a redirect; empty where it may: https never leads to http.
std::string redirect_fault(const Url& from, const Url& to);

}  // namespace thimble
