#include "fetch/http.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <exception>

#include "base/error.h"
#include "fetch/late_libraries.h"

namespace thimble {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kMostRedirects = 10;
constexpr size_t kMostHeaderBytes = 64 << 10;
constexpr long kLeastBytesPerSecond = 100;

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

bool is_lasting(CURLcode code) {
  switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_OUT_OF_MEMORY: return true;
    default: return false;
  }
}

class Headers {
 public:
  Headers() = default;
  Headers(const Headers&) = delete;
  Headers& operator=(const Headers&) = delete;
  ~Headers() { curl_library().slist_free_all(list_); }
  void add(const std::string& line) { list_ = curl_library().slist_append(list_, line.c_str()); }
  curl_slist* get() const { return list_; }

 private:
  curl_slist* list_ = nullptr;
};

}  // namespace

std::string HttpResponse::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? std::string() : found->second;
}

std::optional<uint64_t> HttpResponse::content_length() const {
  const std::string text = header("content-length");
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// One request to one address, as libcurl's callbacks see it. Exceptions do not pass through libcurl: they wait here.
struct HttpClient::Exchange {
  CURL* handle;
  const HttpOptions& options;
  const HeadHandler& on_head;
  const BodyHandler& on_body;
  HttpResponse response;
  size_t header_bytes = 0;
  bool has_head = false;
  bool is_ended = false;  // by us, not by a fault
  std::exception_ptr thrown;
  curl_off_t received = 0;
  Clock::time_point last_byte = Clock::now();
  bool is_stalled = false;

  static size_t header_line(char* data, size_t size, size_t count, void* self) {
    return static_cast<Exchange*>(self)->take_header({data, size * count});
  }
  static size_t body_bytes(char* data, size_t size, size_t count, void* self) {
    return static_cast<Exchange*>(self)->take_body({reinterpret_cast<const std::byte*>(data), size * count});
  }
  static int progress(void* self, curl_off_t, curl_off_t received, curl_off_t, curl_off_t) {
    return static_cast<Exchange*>(self)->goes_on(received) ? 0 : 1;
  }

  // libcurl looks at the average of some seconds only; a server that sends nothing at all is given up sooner.
  bool goes_on(curl_off_t received_now) {
    const auto now = Clock::now();
    if (received_now != received || !has_head) last_byte = now;
    received = received_now;
    is_stalled = std::chrono::duration<double>(now - last_byte).count() > options.stall_seconds;
    return !is_stalled && !options.cancelled();
  }

  template <class Job>
  bool guarded(Job&& job) {
    try {
      job();
      return true;
    } catch (...) {
      thrown = std::current_exception();
      return false;
    }
  }

  size_t take_header(std::string_view line) {
    header_bytes += line.size();
    const bool is_good = guarded([&] {
      if (header_bytes > kMostHeaderBytes) {
        throw TransferError(false, fmt::format("{}: the server's header is longer than {} bytes",
                                               printable(response.url.text), kMostHeaderBytes));
      }
      if (line.starts_with("HTTP/")) {
        response.headers.clear();
        response.retry_after = 0;
      } else if (const size_t colon = line.find(':'); colon != std::string_view::npos) {
        std::string name(line.substr(0, colon));
        std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
        response.headers[name] = trimmed(line.substr(colon + 1));
      } else if (trimmed(line).empty()) {
        end_of_head();
      }
    });
    return is_good ? line.size() : 0;
  }

  void end_of_head() {
    long status = 0;
    curl_library().easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
    if (has_head || status < 200) return;  // trailers, or an interim answer
    response.status = static_cast<int>(status);
    curl_off_t wait = 0;
    if (curl_library().easy_getinfo(handle, CURLINFO_RETRY_AFTER, &wait) == CURLE_OK)
      response.retry_after = static_cast<double>(wait);
    if (response.linked_digest.empty()) {
      response.linked_digest = response.header("x-linked-etag");
      std::erase(response.linked_digest, '"');
    }
    has_head = true;
    if (redirects()) return;
    const std::string encoding = response.header("content-encoding");
    if (!encoding.empty() && encoding != "identity") {
      throw TransferError(false, fmt::format("{}: the server sends it as '{}', which was not asked for",
                                             printable(response.url.text), printable(encoding)));
    }
    on_head(response);
  }

  bool redirects() const { return is_redirect(response.status) && !response.header("location").empty(); }

  size_t take_body(std::span<const std::byte> bytes) {
    bool goes_on = false;
    const bool is_good = guarded([&] { goes_on = !redirects() && on_body(bytes); });
    if (is_good && goes_on) return bytes.size();
    is_ended = is_good;
    return bytes.empty() ? 1 : 0;  // any other number ends the transfer
  }
};

HttpClient::HttpClient(HttpOptions options) : options_(std::move(options)) {
  if (!std::ranges::all_of(options_.token, [](char c) { return c > 0x20 && c < 0x7f; })) {
    fail(ExitCode::usage, "the token for the hub (HF_TOKEN) holds blanks or control characters");
  }
  if (curl_library().global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
    fail(ExitCode::failed, "libcurl cannot be used on this machine");
  handle_ = curl_library().easy_init();
  if (handle_ == nullptr) fail(ExitCode::failed, "libcurl cannot be used on this machine");
}

HttpClient::~HttpClient() {
  curl_library().easy_cleanup(static_cast<CURL*>(handle_));
  curl_library().global_cleanup();
}

void HttpClient::perform(Exchange& exchange) {
  CURL* handle = exchange.handle;
  char reason[CURL_ERROR_SIZE] = {};
  const auto stall = static_cast<long>(std::ceil(options_.stall_seconds));
  curl_library().easy_setopt(handle, CURLOPT_URL, exchange.response.url.text.c_str());
  curl_library().easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_library().easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L);
  curl_library().easy_setopt(handle, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  curl_library().easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_library().easy_setopt(handle, CURLOPT_USERAGENT, options_.user_agent.c_str());
  curl_library().easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options_.stall_seconds * 1000));
  curl_library().easy_setopt(handle, CURLOPT_LOW_SPEED_LIMIT, kLeastBytesPerSecond);
  curl_library().easy_setopt(handle, CURLOPT_LOW_SPEED_TIME, stall);
  curl_library().easy_setopt(handle, CURLOPT_ERRORBUFFER, reason);
  curl_library().easy_setopt(handle, CURLOPT_HEADERFUNCTION, &Exchange::header_line);
  curl_library().easy_setopt(handle, CURLOPT_HEADERDATA, &exchange);
  curl_library().easy_setopt(handle, CURLOPT_WRITEFUNCTION, &Exchange::body_bytes);
  curl_library().easy_setopt(handle, CURLOPT_WRITEDATA, &exchange);
  curl_library().easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
  curl_library().easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, &Exchange::progress);
  curl_library().easy_setopt(handle, CURLOPT_XFERINFODATA, &exchange);
  if (!options_.certificate_file.empty()) {
    curl_library().easy_setopt(handle, CURLOPT_CAINFO, options_.certificate_file.c_str());
    curl_library().easy_setopt(handle, CURLOPT_CAPATH, nullptr);
  }
  const CURLcode code = curl_library().easy_perform(handle);
  curl_library().easy_setopt(handle, CURLOPT_ERRORBUFFER, nullptr);
  if (exchange.thrown) std::rethrow_exception(exchange.thrown);
  if (code == CURLE_OK || exchange.is_ended) return;
  if (options_.cancelled()) fail(ExitCode::interrupted, "interrupted");
  if (exchange.is_stalled) {
    throw TransferError(
        true, fmt::format("{}: nothing came for {} s", printable(exchange.response.url.text), options_.stall_seconds));
  }
  const std::string why = *reason != '\0' ? reason : curl_library().easy_strerror(code);
  const bool is_trust = code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE;
  throw TransferError(!is_lasting(code),
                      fmt::format("{}: {}{}", printable(exchange.response.url.text), printable(why),
                                  is_trust ? "; an authority of your own is named by the variable SSL_CERT_FILE" : ""));
}

HttpResponse HttpClient::get(const HttpRequest& request, const HeadHandler& on_head, const BodyHandler& on_body) {
  Exchange exchange{static_cast<CURL*>(handle_), options_, on_head, on_body};
  exchange.response.url = parse_url(request.url);
  for (int hop = 0;; ++hop) {
    curl_library().easy_reset(exchange.handle);
    Headers headers;
    headers.add("Accept-Encoding: identity");
    if (!request.if_range.empty()) headers.add("If-Range: " + request.if_range);
    if (!options_.token.empty() && exchange.response.url.origin == options_.token_origin) {
      headers.add("Authorization: Bearer " + options_.token);
    }
    curl_library().easy_setopt(exchange.handle, CURLOPT_HTTPHEADER, headers.get());
    const std::string range = request.first ? fmt::format("{}-", *request.first) : std::string();
    if (request.first) curl_library().easy_setopt(exchange.handle, CURLOPT_RANGE, range.c_str());
    exchange.header_bytes = 0;
    exchange.has_head = exchange.is_ended = false;
    perform(exchange);
    if (!exchange.has_head) {
      throw TransferError(true, fmt::format("{}: the server sent no answer", printable(exchange.response.url.text)));
    }
    if (!exchange.redirects()) return std::move(exchange.response);
    const Url from = exchange.response.url;
    const std::string location = exchange.response.header("location");
    const auto refuse = [&](std::string_view why) {
      throw TransferError(false, fmt::format("{}: the redirect to '{}' is not followed: {}", printable(from.text),
                                             printable(location), why));
    };
    if (hop + 1 > kMostRedirects) refuse(fmt::format("there were {} before it", kMostRedirects));
    try {
      exchange.response.url = parse_url(location, from.text);
    } catch (const Error& error) {
      refuse(error.what());
    }
    if (const std::string fault = redirect_fault(from, exchange.response.url); !fault.empty()) refuse(fault);
  }
}

void require_success(const HttpResponse& response, std::string_view what) {
  const int status = response.status;
  if (status == 200 || status == 206) return;
  const bool is_passing = status == 408 || status == 425 || status == 429 || (status >= 500 && status != 501);
  std::string_view meaning = "the server refuses it";
  if (status == 401 || status == 403) {
    meaning = "access is denied: set HF_TOKEN to a token that may read it, and accept the model's terms on its page";
  } else if (status == 404 || status == 410) {
    meaning = "there is no such file, repository or revision, or it needs a token (HF_TOKEN)";
  } else if (status == 429) {
    meaning = "the server asks to come back later";
  } else if (status >= 500) {
    meaning = "the server has a fault";
  }
  throw TransferError(
      is_passing,
      fmt::format("{}: HTTP status {} from {}: {}", printable(what), status, printable(response.url.origin), meaning),
      response.retry_after);
}

}  // namespace thimble
