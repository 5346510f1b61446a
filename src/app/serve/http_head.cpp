#include "app/serve/http_head.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/ascii.h"

namespace thimble {
namespace {

constexpr size_t kMostContentLength = size_t{1} << 40;

bool is_token_character(char c) {
  return ascii::is_letter(c) || ascii::is_digit(c) ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

bool is_token(std::string_view text) { return !text.empty() && std::ranges::all_of(text, is_token_character); }

bool is_visible(char c) { return c > ' ' && c < 0x7f; }

// Lines end with CR LF, and neither stands anywhere else.
std::vector<std::string_view> split_lines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (true) {
    const size_t end = text.find("\r\n");
    const std::string_view line = text.substr(0, end);
    if (line.find_first_of(std::string_view("\r\n\0", 3)) != line.npos) {
      throw HttpFault(400, "a line of the head ends with something else than CR LF");
    }
    if (line.size() > HttpHead::kMostLineBytes) {
      throw HttpFault(lines.empty() ? 414 : 431,
                      fmt::format("a line of the head has more than {} bytes", HttpHead::kMostLineBytes));
    }
    lines.push_back(line);
    if (end == text.npos) return lines;
    if (lines.size() > HttpHead::kMostFields)
      throw HttpFault(431, fmt::format("the head has more than {} fields", HttpHead::kMostFields));
    text.remove_prefix(end + 2);
  }
}

void read_request_line(HttpHead& head, std::string_view line) {
  const size_t first = line.find(' '), last = line.rfind(' ');
  if (first == line.npos || first == last) throw HttpFault(400, "the request line is not METHOD TARGET VERSION");
  const std::string_view method = line.substr(0, first), target = line.substr(first + 1, last - first - 1),
                         version = line.substr(last + 1);
  if (!is_token(method)) throw HttpFault(400, "the method is no token");
  if (version != "HTTP/1.1" && version != "HTTP/1.0") {
    throw HttpFault(version.starts_with("HTTP/") ? 505 : 400, "expected HTTP/1.1");
  }
  if (target.empty() || target.front() != '/' || !std::ranges::all_of(target, is_visible)) {
    throw HttpFault(400, "the target is no path that begins with '/'");
  }
  if (method != "GET" && method != "HEAD" && method != "POST" && method != "OPTIONS") {
    const bool is_known =
        method == "PUT" || method == "DELETE" || method == "PATCH" || method == "TRACE" || method == "CONNECT";
    throw HttpFault(is_known ? 405 : 501, "expected the method GET, HEAD, POST or OPTIONS");
  }
  head.method = method;
  head.target = target;
  head.keeps_alive = version == "HTTP/1.1";
}

void read_field(HttpHead& head, std::string_view line) {
  const size_t colon = line.find(':');
  if (colon == line.npos) throw HttpFault(400, "a field of the head has no ':'");
  // A line that begins with a space went on with the last one once; a space before the colon is read in two ways.
  if (!is_token(line.substr(0, colon))) throw HttpFault(400, "the name of a field is no token");
  const std::string_view value = ascii::without_spaces(line.substr(colon + 1));
  const auto is_control = [](char c) { return (static_cast<unsigned char>(c) < ' ' && c != '\t') || c == 0x7f; };
  if (std::ranges::any_of(value, is_control)) throw HttpFault(400, "the value of a field has control characters");
  head.fields.emplace_back(ascii::to_lower(line.substr(0, colon)), value);
}

void refuse_repeated(const HttpHead& head) {
  for (const std::string_view name : {"host", "content-length", "content-type", "authorization", "origin", "expect"}) {
    const auto has_name = [&](const auto& field) { return field.first == name; };
    if (std::ranges::count_if(head.fields, has_name) > 1)
      throw HttpFault(400, fmt::format("the field {} is there twice", name));
  }
}

void read_length(HttpHead& head) {
  const std::string* length = head.find("content-length");
  if (head.find("transfer-encoding") != nullptr) {
    if (length != nullptr) throw HttpFault(400, "both Content-Length and Transfer-Encoding are there");
    throw HttpFault(411, "a body needs a Content-Length; Transfer-Encoding is not supported");
  }
  if (length == nullptr) {
    if (head.method == "POST") throw HttpFault(411, "a POST needs a Content-Length");
    return;
  }
  if (length->empty() || !std::ranges::all_of(*length, ascii::is_digit))
    throw HttpFault(400, "the Content-Length is no number");
  const auto [end, error] = std::from_chars(length->data(), length->data() + length->size(), head.content_length);
  if (error != std::errc() || head.content_length > kMostContentLength) throw HttpFault(413, "the body is too large");
}

}  // namespace

const std::string* HttpHead::find(std::string_view lower_name) const {
  for (const auto& [name, value] : fields) {
    if (name == lower_name) return &value;
  }
  return nullptr;
}

HttpHead parse_http_head(std::string_view text) {
  const std::vector<std::string_view> lines = split_lines(text);
  HttpHead head;
  read_request_line(head, lines[0]);
  for (size_t i = 1; i < lines.size(); ++i) read_field(head, lines[i]);
  refuse_repeated(head);
  const std::string* host = head.find("host");
  if (host == nullptr ? head.keeps_alive : host->empty()) throw HttpFault(400, "the field Host is missing");
  read_length(head);
  if (const std::string* connection = head.find("connection")) {
    const std::string wish = ascii::to_lower(*connection);
    if (wish.find("close") != wish.npos) head.keeps_alive = false;
    if (wish.find("keep-alive") != wish.npos) head.keeps_alive = true;
  }
  if (const std::string* expected = head.find("expect")) {
    if (ascii::to_lower(*expected) != "100-continue") throw HttpFault(417, "expected 'Expect: 100-continue'");
    head.expects_continue = head.content_length > 0;
  }
  return head;
}

}  // namespace thimble
