#include "fetch/hub_cache.h"

#include <algorithm>
#include <filesystem>

#include "base/error.h"
#include "fetch/hub.h"
#include "fetch/small_file.h"

namespace thimble {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "models--";
constexpr int kMostDepth = 6;
constexpr size_t kMostRefBytes = 100;

std::vector<std::string> folders_in(const std::string& folder) {
  std::vector<std::string> paths;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    std::error_code ignored;
    if (it->is_directory(ignored)) paths.push_back(it->path().string());
  }
  std::ranges::sort(paths);
  return paths;
}

std::string without_space(std::string text) {
  std::erase_if(text, [](char c) { return c == ' ' || c == '\n' || c == '\r'; });
  return text;
}

}  // namespace

std::string HubCache::repository_folder(const HubReference& reference) const {
  return folder_ + "/" + std::string(kPrefix) + reference.owner + "--" + reference.repository;
}

std::vector<HubCacheFile> HubCache::files_of_snapshot(const std::string& snapshot) const {
  std::vector<HubCacheFile> files;
  std::error_code error;
  for (fs::recursive_directory_iterator it(snapshot, error), end; !error && it != end; it.increment(error)) {
    if (it.depth() >= kMostDepth) it.disable_recursion_pending();
    std::error_code ignored;
    if (it->path().extension() != ".gguf" || !it->is_regular_file(ignored)) continue;
    const uint64_t size = it->file_size(ignored);
    files.push_back({{},
                     fs::path(snapshot).filename().string(),
                     it->path().lexically_relative(snapshot).string(),
                     it->path().string(),
                     size});
  }
  std::ranges::sort(files, {}, &HubCacheFile::path);
  return files;
}

std::vector<HubCacheFile> HubCache::list() const {
  std::vector<HubCacheFile> all;
  if (folder_.empty()) return all;
  for (const std::string& folder : folders_in(folder_)) {
    const std::string name = fs::path(folder).filename().string();
    const size_t middle = name.starts_with(kPrefix) ? name.find("--", kPrefix.size()) : std::string::npos;
    if (middle == std::string::npos) continue;
    for (const std::string& snapshot : folders_in(folder + "/snapshots")) {
      for (HubCacheFile& file : files_of_snapshot(snapshot)) {
        file.repository = name.substr(kPrefix.size(), middle - kPrefix.size()) + "/" + name.substr(middle + 2);
        all.push_back(std::move(file));
      }
    }
  }
  return all;
}

std::optional<std::string> HubCache::snapshot_of(const HubReference& reference) const {
  const std::string folder = repository_folder(reference);
  const std::string revision = reference.revision.empty() ? "main" : reference.revision;
  std::string commit = without_space(read_small_file(folder + "/refs/" + revision, kMostRefBytes).value_or(""));
  if (!is_commit(commit)) commit = revision;
  std::error_code error;
  const std::string snapshot = folder + "/snapshots/" + commit;
  if (!fs::is_directory(snapshot, error)) return std::nullopt;
  return snapshot;
}

std::optional<std::string> HubCache::find(const HubReference& reference) const {
  const auto snapshot = folder_.empty() ? std::nullopt : snapshot_of(reference);
  if (!snapshot) return std::nullopt;
  std::vector<RepositoryFile> listed;
  for (const HubCacheFile& file : files_of_snapshot(*snapshot)) listed.push_back({file.path, file.size, {}});
  if (listed.empty()) return std::nullopt;
  try {
    return *snapshot + "/" + choose_files(reference, listed).files[0].path;
  } catch (const Error& error) {
    if (error.code() == ExitCode::bad_file) return std::nullopt;
    throw;
  }
}

std::optional<std::string> HubCache::find_file(const HubReference& reference, const std::string& commit,
                                               const RepositoryFile& file) const {
  if (folder_.empty()) return std::nullopt;
  for (const std::string& snapshot : folders_in(repository_folder(reference) + "/snapshots")) {
    const fs::path path = fs::path(snapshot) / file.path;
    std::error_code error;
    if (!fs::is_regular_file(path, error) || fs::file_size(path, error) != file.size || error) continue;
    // A large file lies in blobs/ under its digest.
    const std::string blob = fs::canonical(path, error).filename().string();
    const bool is_same = fs::path(snapshot).filename() == commit || (!file.sha256.empty() && blob == file.sha256);
    if (!error && is_same) return path.string();
  }
  return std::nullopt;
}

}  // namespace thimble
