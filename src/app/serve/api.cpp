#include "app/serve/api.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "app/serve/api_error.h"
#include "app/serve/web_files.h"
#include "base/ascii.h"
#include "base/error.h"
#include "fetch/digest.h"

namespace thimble {

struct Api::Route {
  std::string_view path;
  std::string_view method;
  Endpoint* endpoint;
  bool is_public = false;  // asks for no key
};

namespace {

constexpr const char* kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri "
    "'none'; "
    "form-action 'none'; frame-ancestors 'none'";

constexpr std::array<std::pair<std::string_view, const char*>, 6> kTypes = {
    {{".html", "text/html; charset=utf-8"},
     {".js", "text/javascript; charset=utf-8"},
     {".css", "text/css; charset=utf-8"},
     {".svg", "image/svg+xml"},
     {".png", "image/png"},
     {".webmanifest", "application/manifest+json"}}};

std::string digest_of(std::string_view text) {
  Sha256 digest;
  digest.update(std::as_bytes(std::span(text)));
  return digest.hex();
}

// Without the port.
std::string host_name(const std::string& host) {
  const size_t bracket = host.find(']');
  const size_t colon = host.find(':', bracket == host.npos ? 0 : bracket);
  return ascii::to_lower(host.substr(0, colon));
}

bool is_address(std::string host) {
  std::array<unsigned char, sizeof(in6_addr)> parsed;
  if (host.starts_with('[') && host.ends_with(']'))
    return ::inet_pton(AF_INET6, host.substr(1, host.size() - 2).c_str(), parsed.data()) == 1;
  return ::inet_pton(AF_INET, host.c_str(), parsed.data()) == 1;
}

void set_headers(httplib::Response& reply) {
  reply.set_header("X-Content-Type-Options", "nosniff");
  reply.set_header("Referrer-Policy", "no-referrer");
  reply.set_header("Cache-Control", "no-store");
}

void set_error(httplib::Response& reply, const ApiError& error) {
  reply.content_provider_ = nullptr;
  reply.status = error.status();
  reply_json(reply, error.json());
  if (error.status() == 429 || error.status() == 503) reply.set_header("Retry-After", "1");
  if (error.status() == 401) reply.set_header("WWW-Authenticate", "Bearer");
}

}  // namespace

Api::Api(Service& service, ApiGuard guard, Log log, Log trace)
    : service_(service), guard_(std::move(guard)), log_(std::move(log)), trace_(std::move(trace)) {
  for (const std::string& key : guard_.keys) key_digests_.push_back(digest_of(key));
  for (std::string& host : guard_.hosts) host = ascii::to_lower(host);
}

const Api::Route* Api::find_route(const std::string& path) {
  // The names without /v1 are llama-server's.
  static constexpr std::array<Route, 20> kRoutes = {{{"/v1/chat/completions", "POST", chat_completions},
                                                     {"/chat/completions", "POST", chat_completions},
                                                     {"/v1/completions", "POST", completions},
                                                     {"/completions", "POST", completions},
                                                     {"/v1/embeddings", "POST", embeddings},
                                                     {"/embeddings", "POST", embeddings},
                                                     {"/v1/models", "GET", list_models},
                                                     {"/models", "GET", list_models},
                                                     {"/v1/ask", "POST", ask_manuals},
                                                     {"/v1/command", "POST", parse_command},
                                                     {"/v1/summarize", "POST", summarize_log},
                                                     {"/tokenize", "POST", tokenize_text},
                                                     {"/detokenize", "POST", detokenize_ids},
                                                     {"/apply-template", "POST", apply_template},
                                                     {"/props", "GET", properties},
                                                     {"/metrics", "GET", metrics},
                                                     {"/health", "GET", health, true},
                                                     {"/v1/health", "GET", health, true},
                                                     {"/v1/props", "GET", properties},
                                                     {"/v1/metrics", "GET", metrics}}};
  const auto found = std::ranges::find(kRoutes, path, &Route::path);
  return found == kRoutes.end() ? nullptr : &*found;
}

void Api::answer(const httplib::Request& request, httplib::Response& reply, const HttpPeer& client) const {
  const auto start = std::chrono::steady_clock::now();
  ++service_.tally.requests;
  set_headers(reply);
  try {
    serve(request, reply, client);
  } catch (...) {
    ++service_.tally.failures;
    const ApiError error = service_.current_error();
    set_error(reply, error);
    if (error.status() >= 500 && error.status() != 503 && log_)
      log_(fmt::format("{} {}: {}", request.method, printable(request.path, 80), error.what()));
  }
  if (!trace_) return;
  const auto taken = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  trace_(fmt::format("{} {} {} {} {:.1f} ms", client.address(), request.method, printable(request.path, 80),
                     reply.status == -1 ? 200 : reply.status, taken));
}

void Api::refuse(int status, const std::string& message, httplib::Response& reply) {
  set_error(reply, ApiError(status, message));
}

void Api::serve(const httplib::Request& request, httplib::Response& reply, const HttpPeer& client) const {
  require_host(request);
  require_origin(request, reply, client);
  const bool is_read = request.method == "GET" || request.method == "HEAD";
  const Route* route = find_route(request.path);
  if (route == nullptr) {
    if (is_read && serve_file(request, reply)) return;
    throw ApiError(404, fmt::format("{} is not served here", printable(request.path, 100)));
  }
  if (request.method == "OPTIONS") {
    reply.status = 204;
    reply.set_header("Allow", fmt::format("{}, OPTIONS", route->method == "GET" ? "GET, HEAD" : route->method));
    return;
  }
  if (request.method != route->method && !(request.method == "HEAD" && route->method == "GET")) {
    reply.set_header("Allow", fmt::format("{}, OPTIONS", route->method == "GET" ? "GET, HEAD" : route->method));
    throw ApiError(405, fmt::format("{} takes {}", route->path, route->method));
  }
  if (!route->is_public) require_key(request);
  // A page elsewhere can send other types without asking first.
  if (route->method == "POST") {
    const std::string type = ascii::to_lower(request.get_header_value("content-type"));
    if (ascii::without_spaces(type.substr(0, type.find(';'))) != "application/json") {
      throw ApiError(415, "expected Content-Type: application/json");
    }
  }
  route->endpoint(service_, request, reply, client);
}

// A name that an attacker's DNS points here is none of ours; an address cannot be pointed anywhere.
void Api::require_host(const httplib::Request& request) const {
  const std::string name = host_name(request.get_header_value("host"));
  if (name.empty() && !request.has_header("host")) return;  // HTTP/1.0
  if (name == "localhost" || is_address(name) || std::ranges::find(guard_.hosts, name) != guard_.hosts.end()) return;
  throw ApiError(403, fmt::format("host '{}' is not this server's; name it with --allowed-host", printable(name, 100)));
}

void Api::require_origin(const httplib::Request& request, httplib::Response& reply, const HttpPeer& client) const {
  if (!request.has_header("origin")) return;
  const std::string origin = request.get_header_value("origin");
  const std::string own = (client.is_secure() ? "https://" : "http://") + request.get_header_value("host");
  if (ascii::to_lower(origin) == ascii::to_lower(own)) return;
  if (std::ranges::find(guard_.origins, origin) == guard_.origins.end()) {
    throw ApiError(403,
                   fmt::format("pages of '{}' may not ask here; name them with --cors-origin", printable(origin, 100)));
  }
  reply.set_header("Access-Control-Allow-Origin", origin);
  reply.set_header("Vary", "Origin");
  if (request.method != "OPTIONS") return;
  reply.set_header("Access-Control-Allow-Methods", "GET, POST, OPTIONS");
  reply.set_header("Access-Control-Allow-Headers", "authorization, content-type, x-api-key");
  reply.set_header("Access-Control-Max-Age", "600");
}

// In the same time whatever the key: digests are compared, and all of them.
void Api::require_key(const httplib::Request& request) const {
  if (key_digests_.empty()) return;
  std::string given = request.get_header_value("authorization");
  if (ascii::to_lower(given.substr(0, 7)) == "bearer ") {
    given = given.substr(7);
  } else {
    given = request.get_header_value("x-api-key");
  }
  const std::string digest = digest_of(given);
  int is_right = 0;
  for (const std::string& key : key_digests_)
    is_right |= static_cast<int>(CRYPTO_memcmp(key.data(), digest.data(), digest.size()) == 0);
  if (is_right == 0) throw ApiError(401, "expected a valid API key as 'Authorization: Bearer KEY'");
}

bool Api::serve_file(const httplib::Request& request, httplib::Response& reply) {
  const std::string name = request.path == "/" ? "index.html" : request.path.substr(1);
  for (const WebFile& file : web_files()) {
    if (file.name != name) continue;
    const auto has_type = [&](const auto& type) { return file.name.ends_with(type.first); };
    const auto type = std::ranges::find_if(kTypes, has_type);
    reply.set_header("Content-Security-Policy", kPolicy);
    reply.set_header("X-Frame-Options", "DENY");
    reply.set_content(file.bytes.data(), file.bytes.size(),
                      type == kTypes.end() ? "application/octet-stream" : type->second);
    return true;
  }
  return false;
}

}  // namespace thimble
