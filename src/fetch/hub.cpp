#include "fetch/hub.h"

#include <algorithm>
#include <chrono>

#include "fetch/digest.h"

namespace thimble {
namespace {

constexpr size_t kMostAnswerBytes = 16 << 20;
constexpr std::chrono::seconds kLongestAnswer{120};
constexpr int kMostPages = 100;
constexpr size_t kMostFiles = 100'000;

std::string encoded_path(std::string_view path) {
  std::string out;
  for (size_t begin = 0; begin <= path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    out += "/" + percent_encoded(path.substr(begin, end - begin));
    begin = end + 1;
  }
  return out;
}

// The address in 'Link: <address>; rel="next"' (RFC 8288); empty where there is none.
std::string next_page(const std::string& link) {
  const size_t relation = link.find("rel=\"next\"");
  const size_t end = relation == std::string::npos ? relation : link.rfind('>', relation);
  const size_t begin = end == std::string::npos ? end : link.rfind('<', end);
  return begin == std::string::npos ? std::string() : link.substr(begin + 1, end - begin - 1);
}

// nullopt for a folder, and for what makes no sense.
std::optional<RepositoryFile> listed_file(const nlohmann::json& entry) {
  RepositoryFile file;
  file.path = text_or_empty(entry, "path");
  const auto size = byte_count(entry, "size");
  if (text_or_empty(entry, "type") != "file" || !size || !is_safe_relative_path(file.path)) return std::nullopt;
  file.size = *size;
  const auto lfs = entry.find("lfs");
  if (lfs == entry.end()) return file;
  // Of a large file "oid" is the pointer's; the file's own is with "lfs".
  const std::string oid = text_or_empty(*lfs, "oid");
  if (!is_sha256(oid)) return std::nullopt;
  std::ranges::transform(oid, std::back_inserter(file.sha256),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (const auto whole = byte_count(*lfs, "size")) file.size = *whole;
  return file;
}

}  // namespace

struct Hub::Answer {
  nlohmann::json json;
  std::string next;  // of the answer's own origin
};

bool is_commit(std::string_view text) {
  return text.size() == 40 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::vector<RepositoryFile> files_in_list(const nlohmann::json& list) {
  std::vector<RepositoryFile> files;
  for (const nlohmann::json& entry : list) {
    if (auto file = listed_file(entry)) files.push_back(std::move(*file));
  }
  return files;
}

Hub::Hub(HttpClient& http, std::string endpoint, const RetryPolicy& policy, const FetchEvents& events)
    : http_(http), endpoint_(std::move(endpoint)), policy_(policy), events_(events) {}

Hub::Answer Hub::get_json(const std::string& url, const std::string& what) {
  Retrier retrier(policy_, events_);
  while (true) {
    std::string body;
    const auto start = std::chrono::steady_clock::now();
    const auto take = [&](std::span<const std::byte> bytes) {
      if (body.size() + bytes.size() > kMostAnswerBytes || std::chrono::steady_clock::now() - start > kLongestAnswer) {
        throw TransferError(false, fmt::format("{}: the hub's answer is longer than {} MB or takes more than {} s",
                                               what, kMostAnswerBytes >> 20, kLongestAnswer.count()));
      }
      body.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      return true;
    };
    try {
      const HttpResponse response = http_.get(
          {.url = url}, [&](const HttpResponse& head) { require_success(head, what); }, take);
      std::optional<nlohmann::json> json = try_parse_json(body);
      if (!json)
        throw TransferError(false,
                            fmt::format("{}: the answer of {} is not JSON", what, printable(response.url.origin)));
      Answer answer{std::move(*json), {}};
      if (const std::string next = next_page(response.header("link")); !next.empty()) {
        const Url address = parse_url(next, response.url.text);
        if (address.origin == response.url.origin) answer.next = address.text;
      }
      return answer;
    } catch (const TransferError& error) {
      retrier.wait_after(error);
    }
  }
}

std::string Hub::commit_of(const HubReference& reference) {
  const std::string revision = reference.revision.empty() ? "main" : reference.revision;
  const std::string url =
      fmt::format("{}/api/models/{}/revision/{}", endpoint_, reference.id(), percent_encoded(revision));
  std::string commit = text_or_empty(get_json(url, reference.text()).json, "sha");
  if (!is_commit(commit)) {
    fail(ExitCode::failed, "{}: the hub names no commit for revision {}", reference.text(), printable(revision));
  }
  return commit;
}

std::vector<RepositoryFile> Hub::files_of(const HubReference& reference, const std::string& commit) {
  std::vector<RepositoryFile> files;
  std::string url = fmt::format("{}/api/models/{}/tree/{}?recursive=true", endpoint_, reference.id(), commit);
  for (int page = 0; !url.empty(); ++page) {
    if (page == kMostPages || files.size() > kMostFiles)
      fail(ExitCode::failed, "{}: the hub's list of files has no end", reference.text());
    const Answer answer = get_json(url, reference.text());
    if (!answer.json.is_array()) fail(ExitCode::failed, "{}: the hub sent no list of files", reference.text());
    std::ranges::move(files_in_list(answer.json), std::back_inserter(files));
    url = answer.next;
  }
  return files;
}

std::string Hub::address_of(const HubReference& reference, const std::string& commit, const std::string& path) const {
  return fmt::format("{}/{}/resolve/{}{}", endpoint_, reference.id(), commit, encoded_path(path));
}

}  // namespace thimble
