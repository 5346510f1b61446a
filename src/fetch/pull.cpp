#include "fetch/pull.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "fetch/digest.h"
#include "fetch/download.h"
#include "fetch/hub.h"
#include "fetch/hub_cache.h"
#include "fetch/local_file.h"
#include "fetch/small_file.h"
#include "fetch/store.h"

namespace thimble {
namespace {

namespace fs = std::filesystem;

bool is_address(const std::string& text) { return text.find("://") != std::string::npos; }

// A model's folder, locked; one that stays empty is taken away again.
class FolderLease {
 public:
  FolderLease(std::string folder, const FetchEvents& events)
      : folder_(std::move(folder)), lock_(folder_, [&] { wait(events); }) {
    ModelStore::remove_leftovers(folder_);
  }
  FolderLease(const FolderLease&) = delete;
  FolderLease& operator=(const FolderLease&) = delete;
  ~FolderLease() { ModelStore::remove_if_empty(folder_); }

 private:
  void wait(const FetchEvents& events) {
    if (!is_told_) events.note(fmt::format("{}: another process is fetching it; waiting", printable(folder_)));
    is_told_ = true;
    if (events.cancelled()) fail(ExitCode::interrupted, "interrupted");
  }

  std::string folder_;
  bool is_told_ = false;
  FolderLock lock_;
};

// One pull, from whatever place.
class Puller {
 public:
  Puller(const PullRequest& request, const PullSettings& settings, const PullChecks& checks, const FetchEvents& events)
      : request_(request), settings_(settings), checks_(checks), events_(events), store_(settings.models_folder) {}

  std::vector<PulledFile> from_hub(const HubReference& reference) {
    if (!request_.name.empty()) fail(ExitCode::usage, "--name: a model of a hub keeps its own name");
    if (settings_.is_offline) return {offline_file(reference)};
    HttpClient http(http_options());
    Hub hub(http, settings_.endpoint, settings_.retry, events_);
    const std::string commit = hub.commit_of(reference);
    const Choice choice = choose_files(reference, hub.files_of(reference, commit));
    if (!request_.sha256.empty() && choice.files.size() > 1) {
      fail(ExitCode::usage, "--sha256: {} comes in {} parts", reference.text(), choice.files.size());
    }
    events_.note(fmt::format("{}: {} ({})", reference.text(), printable(choice.files[0].path), choice.why));
    const std::string folder = store_.folder_for(ModelStore::name_for(reference));
    const FolderLease lease(folder, events_);
    check_size_of_parts(choice, folder);
    std::vector<PulledFile> pulled;
    for (const RepositoryFile& file : choice.files) {
      pulled.push_back(hub_file(http, hub, reference, commit, file, folder, choice.files.size() == 1));
    }
    return pulled;
  }

  PulledFile from_address(const std::string& text) {
    Url url = parse_url(text);
    // The page about a file on the hub is meant as the file.
    if (const size_t blob = url.text.find("/blob/"); blob != std::string::npos && url.origin == endpoint_origin()) {
      url = parse_url(url.text.substr(0, blob) + "/resolve/" + url.text.substr(blob + 6));
    }
    const std::string last = percent_decoded(url.path.substr(url.path.rfind('/') + 1));
    const std::string final_path = path_for(plain_file_name(last));
    const std::string folder = fs::path(final_path).parent_path().string();
    if (settings_.is_offline) {
      const auto known = is_regular_file(final_path) ? ModelStore::read_record(final_path) : std::nullopt;
      if (known && known->source == url.text) return {final_path, known->size, known->sha256, url.text, "cache"};
      fail(ExitCode::failed, "{}: not fetched, as the network is not to be used (--offline)", printable(url.text));
    }
    const FolderLease lease(folder, events_);
    HttpClient http(http_options());
    const RemoteFile remote{url.text, url.text, request_.sha256, std::nullopt};
    if (is_regular_file(final_path)) {
      const auto record = ModelStore::read_record(final_path);
      refuse_other_source(final_path, record, url.text);
      const bool is_wanted = request_.sha256.empty() ? is_unchanged(http, *record) : record->sha256 == request_.sha256;
      if (is_wanted && file_bytes(final_path) == record->size) {
        return {final_path, record->size, record->sha256, url.text, "cache"};
      }
    }
    return fetch(http, remote, {url.text, url.text, {}, {}, {}, 0}, final_path, true);
  }

  PulledFile from_path(const std::string& given) {
    const std::string final_path = path_for(plain_file_name(given));
    checks_.header(Gguf::open(given), given);
    const std::string source = fs::canonical(given).string();
    const FolderLease lease(fs::path(final_path).parent_path().string(), events_);
    std::error_code error;
    const bool is_here = fs::equivalent(source, final_path, error);
    if (is_regular_file(final_path) && !is_here)
      refuse_other_source(final_path, ModelStore::read_record(final_path), source);
    const std::string sha256 = sha256_of_file(source, hash_progress());
    if (!request_.sha256.empty() && sha256 != request_.sha256) {
      fail(ExitCode::validation_failed, "{}: expected SHA-256 {}, found {}", printable(given), request_.sha256, sha256);
    }
    PulledFile pulled{final_path, file_bytes(source), sha256, source,
                      is_here ? "cache" : link_or_copy(source, final_path, events_)};
    ModelStore::write_record(final_path, {source, {}, {}, {}, sha256, pulled.size});
    return pulled;
  }

 private:
  HttpOptions http_options() const {
    HttpOptions options = settings_.http;
    options.token_origin = endpoint_origin();
    options.cancelled = events_.cancelled;
    return options;
  }

  std::string endpoint_origin() const { return parse_url(settings_.endpoint).origin; }

  std::string path_for(const std::string& file) const {
    const std::string stem = fs::path(file).stem().string();
    if (request_.name.empty()) return store_.folder_for(stem) + "/" + file;
    if (plain_file_name(request_.name) != request_.name + ".gguf") {
      fail(ExitCode::usage, "--name: expected letters, digits, '-', '_' and '.', found '{}'", printable(request_.name));
    }
    return store_.folder_for(request_.name) + "/" + file;
  }

  ByteProgress hash_progress() const {
    return [this](uint64_t done, uint64_t total) {
      events_.progress("checking", done, total, 0);
      if (events_.cancelled()) fail(ExitCode::interrupted, "interrupted");
    };
  }

  PulledFile offline_file(const HubReference& reference) const {
    for (const auto& [path, origin] :
         {std::pair{store_.find(reference), "cache"},
          std::pair{HubCache(settings_.hub_cache_folder).find(reference), "hugging face cache"}}) {
      if (!path) continue;
      const auto record = ModelStore::read_record(*path);
      return {*path, file_bytes(*path), record ? record->sha256 : "", reference.text(), origin};
    }
    fail(ExitCode::failed, "{}: in none of the caches, and the network is not to be used (--offline, HF_HUB_OFFLINE)",
         reference.text());
  }

  void check_size_of_parts(const Choice& choice, const std::string& folder) const {
    if (choice.files.size() == 1) return;
    uint64_t total = 0;
    uint64_t missing = 0;
    for (const RepositoryFile& file : choice.files) {
      total += file.size;
      if (file_bytes(folder + "/" + flat_name(file.path)) != file.size) missing += file.size;
    }
    checks_.size(total, choice.files[0].path);
    require_disk_space(folder, missing, choice.files[0].path);
  }

  PulledFile hub_file(HttpClient& http, const Hub& hub, const HubReference& reference, const std::string& commit,
                      const RepositoryFile& file, const std::string& folder, bool is_whole_model) const {
    const std::string final_path = folder + "/" + flat_name(file.path);
    const std::string source = "hf:" + reference.id() + "/" + file.path;
    const std::string sha256 = request_.sha256.empty() ? file.sha256 : request_.sha256;
    const std::string url = hub.address_of(reference, commit, file.path);
    if (is_regular_file(final_path) && file_bytes(final_path) == file.size) {
      const auto record = ModelStore::read_record(final_path);
      const std::string found = record           ? record->sha256
                                : sha256.empty() ? std::string()
                                                 : sha256_of_file(final_path, hash_progress());
      if (sha256.empty() ? record && record->commit == commit : found == sha256) {
        if (!record) ModelStore::write_record(final_path, {source, url, commit, {}, found, file.size});
        return {final_path, file.size, found, source, "cache"};
      }
    }
    if (const auto cached = HubCache(settings_.hub_cache_folder).find_file(reference, commit, file)) {
      return {*cached, file.size, file.sha256, source, "hugging face cache"};
    }
    return fetch(http, {source, url, sha256, file.size}, {source, url, commit, {}, {}, 0}, final_path, is_whole_model);
  }

  // What has the name already stays, unless it came from the same place.
  static void refuse_other_source(const std::string& final_path, const std::optional<SourceRecord>& record,
                                  const std::string& source) {
    if (record && record->source == source) return;
    fail(ExitCode::usage, "{}: there already, from {}; give another --name, or take it away with 'thimble rm {}'",
         printable(final_path), record ? printable(record->source) : "elsewhere",
         printable(fs::path(final_path).parent_path().filename().string()));
  }

  // Whether the server still has what the record says.
  bool is_unchanged(HttpClient& http, const SourceRecord& record) const {
    bool is_same = false;
    const auto look = [&](const HttpResponse& response) {
      require_success(response, record.url);
      is_same = response.content_length() == record.size && !record.validator.empty() &&
                range_validator(response) == record.validator;
    };
    Retrier retrier(settings_.retry, events_);
    while (true) {
      try {
        http.get({.url = record.url}, look, [](std::span<const std::byte>) { return false; });
        return is_same;
      } catch (const TransferError& error) {
        retrier.wait_after(error);
      }
    }
  }

  // Whether the header is there whole; it has passed the check then.
  bool looked_at(const std::string& name, std::span<const std::byte> prefix, uint64_t size) const {
    std::optional<Gguf> header;
    try {
      header = Gguf::from_prefix(name, prefix, size);
    } catch (const Error& error) {
      constexpr std::string_view kMagic = "GGUF";
      const std::string_view begin(reinterpret_cast<const char*>(prefix.data()),
                                   std::min(prefix.size(), kMagic.size()));
      if (!request_.is_forced || begin != kMagic) throw;
      events_.note(fmt::format("{}; fetched all the same", error.what()));
      return true;
    }
    if (!header) return false;
    checks_.header(std::move(*header), name);
    return true;
  }

  PulledFile fetch(HttpClient& http, const RemoteFile& remote, SourceRecord record, const std::string& final_path,
                   bool is_whole_model) const {
    PartFile part(final_path);
    const PrefixCheck look = [&](std::span<const std::byte> prefix, uint64_t size) {
      if (!is_whole_model) return true;  // parts of a split model are known by their digests
      return looked_at(remote.name, prefix, size);
    };
    try {
      record.sha256 = Download(http, remote, part, look, settings_.retry, events_).run();
    } catch (const Error& error) {
      const bool is_refused = error.code() == ExitCode::bad_file || error.code() == ExitCode::does_not_fit ||
                              error.code() == ExitCode::validation_failed;
      if (is_refused) part.discard();
      throw;
    }
    record.validator = part.identity()->validator;
    record.size = part.size();
    part.publish();
    ModelStore::write_record(final_path, record);
    return {final_path, record.size, record.sha256, record.source, "fetched"};
  }

  const PullRequest& request_;
  const PullSettings& settings_;
  const PullChecks& checks_;
  const FetchEvents& events_;
  ModelStore store_;
};

}  // namespace

std::vector<PulledFile> pull_model(const PullRequest& request, const PullSettings& settings, const PullChecks& checks,
                                   const FetchEvents& events) {
  Puller puller(request, settings, checks, events);
  if (is_hub_reference(request.reference)) return puller.from_hub(parse_hub_reference(request.reference));
  if (is_address(request.reference)) return {puller.from_address(request.reference)};
  std::error_code error;
  if (!fs::exists(request.reference, error)) {
    fail(ExitCode::bad_file,
         "{}: no such file; a model of a hub is called hf:owner/repository, an address begins with https://",
         printable(request.reference));
  }
  return {puller.from_path(request.reference)};
}

}  // namespace thimble
