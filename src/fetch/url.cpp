#include "fetch/url.h"

#include <cctype>
#include <memory>

#include "base/error.h"
#include "fetch/late_libraries.h"

namespace thimble {
namespace {

constexpr size_t kMostBytes = 8192;

using Handle = std::unique_ptr<CURLU, decltype(CurlLibrary::url_cleanup)>;

// Empty where there is no such part.
std::string part(const Handle& handle, CURLUPart which, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_library().url_get(handle.get(), which, &text, flags) != CURLUE_OK) return {};
  const std::unique_ptr<char, decltype(CurlLibrary::free)> owner(text, curl_library().free);
  return text;
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

}  // namespace

Url parse_url(const std::string& text, const std::string& base) {
  const Handle handle(curl_library().url(), curl_library().url_cleanup);
  bool is_good = handle != nullptr && !text.empty() && text.size() <= kMostBytes;
  for (const char c : text) is_good = is_good && static_cast<unsigned char>(c) > 0x20 && c != 0x7f;
  if (is_good && !base.empty())
    is_good = curl_library().url_set(handle.get(), CURLUPART_URL, base.c_str(), 0) == CURLUE_OK;
  is_good = is_good &&
            curl_library().url_set(handle.get(), CURLUPART_URL, text.c_str(), CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK;
  if (!is_good) fail(ExitCode::usage, "'{}' is no web address", printable(text));
  Url url;
  url.scheme = part(handle, CURLUPART_SCHEME);
  if (url.scheme != "https" && url.scheme != "http") {
    fail(ExitCode::usage, "'{}': expected an address that begins with https:// or http://", printable(text));
  }
  if (!part(handle, CURLUPART_USER).empty() || !part(handle, CURLUPART_PASSWORD).empty()) {
    fail(ExitCode::usage, "an address with a user name or password in it is not fetched (host {})",
         printable(part(handle, CURLUPART_HOST)));
  }
  curl_library().url_set(handle.get(), CURLUPART_FRAGMENT, nullptr, 0);
  url.text = part(handle, CURLUPART_URL);
  url.path = part(handle, CURLUPART_PATH);
  std::string host = part(handle, CURLUPART_HOST);
  for (char& c : host) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  url.origin = fmt::format("{}://{}:{}", url.scheme, host, part(handle, CURLUPART_PORT, CURLU_DEFAULT_PORT));
  return url;
}

std::string percent_encoded(std::string_view component) {
  std::string out;
  for (const char c : component) {
    const auto byte = static_cast<unsigned char>(c);
    const bool is_plain =
        byte < 0x80 && (std::isalnum(byte) != 0 || std::string_view("-._~").find(c) != std::string_view::npos);
    out += is_plain ? std::string(1, c) : fmt::format("%{:02X}", byte);
  }
  return out;
}

std::string percent_decoded(std::string_view component) {
  std::string out;
  for (size_t i = 0; i < component.size(); ++i) {
    const int high = component[i] == '%' && i + 2 < component.size() ? hex_value(component[i + 1]) : -1;
    const int low = high >= 0 ? hex_value(component[i + 2]) : -1;
    if (low >= 0) {
      out += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      out += component[i];
    }
  }
  return out;
}

std::string redirect_fault(const Url& from, const Url& to) {
  if (from.scheme == "https" && to.scheme != "https")
    return "it leads from https to http, where anyone could change the file";
  return {};
}

}  // namespace thimble
