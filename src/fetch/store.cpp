#include "fetch/store.h"

#include <fcntl.h>
#include <fmt/ranges.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <set>
#include <system_error>
#include <thread>

#include "base/atomic_file.h"
#include "base/error.h"
#include "fetch/digest.h"
#include "fetch/part_file.h"
#include "fetch/small_file.h"
#include "format/json_text.h"

namespace thimble {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kLockName = ".lock";
constexpr size_t kMostRecordBytes = 64 << 10;
// What is kept beside a model, after its name.
constexpr std::string_view kCompanions[] = {"", ".json", ".part", ".part.json", ".sha256"};

std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    names.push_back(it->path().filename().string());
  }
  std::ranges::sort(names);
  return names;
}

std::string record_path(const std::string& path) { return path + ".json"; }

// One component of a path and nothing else.
bool is_component(std::string_view text) {
  return !text.empty() && text != "." && text != ".." && text.find('/') == std::string_view::npos &&
         text.find('\0') == std::string_view::npos;
}

bool is_locked(const FileHandle& file, const std::string& path) {
  if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) return false;
  // Whoever had it may have removed the folder: then this is the lock of nothing.
  struct stat mine = {};
  struct stat there = {};
  return ::fstat(file.get(), &mine) == 0 && ::stat(path.c_str(), &there) == 0 && mine.st_ino == there.st_ino &&
         mine.st_dev == there.st_dev;
}

FileHandle open_lock(const std::string& folder, std::string& path) {
  make_folders(folder);
  path = folder + "/" + std::string(kLockName);
  FileHandle file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666));
  if (!file && errno != ENOENT) {
    fail(ExitCode::failed, "{}: cannot be opened: {}", printable(path), std::generic_category().message(errno));
  }
  return file;
}

}  // namespace

FolderLock::FolderLock(const std::string& folder, const std::function<void()>& waiting) {
  while (true) {
    std::string path;
    file_ = open_lock(folder, path);
    if (file_ && is_locked(file_, path)) return;
    waiting();
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

std::optional<FolderLock> FolderLock::try_now(const std::string& folder) {
  std::string path;
  FileHandle file = open_lock(folder, path);
  if (!file || !is_locked(file, path)) return std::nullopt;
  return FolderLock(std::move(file));
}

std::string ModelStore::name_for(const HubReference& reference) {
  return reference.owner + "--" + reference.repository + (reference.revision.empty() ? "" : "@" + reference.revision);
}

std::vector<StoredModel> ModelStore::list() const {
  std::vector<StoredModel> models;
  for (const std::string& folder : names_in(folder_)) {
    const size_t first = models.size();
    for (const std::string& file : names_in(folder_for(folder))) {
      constexpr std::string_view kPart = ".part";
      const bool is_part = file.ends_with(kPart);
      const std::string whole = is_part ? file.substr(0, file.size() - kPart.size()) : file;
      const std::string path = fmt::format("{}/{}", folder_for(folder), whole);
      if (!whole.ends_with(".gguf") || !is_regular_file(is_part ? path + std::string(kPart) : path)) continue;
      StoredModel model{
          fmt::format("{}/{}", folder, whole), folder, path, file_bytes(path), std::nullopt, read_record(path)};
      if (is_part) {
        const auto progress = PartFile::progress_of(path);
        model.size = progress ? progress->first : 0;
        model.whole_size = progress ? progress->second : 0;
      }
      models.push_back(std::move(model));
    }
    if (models.size() == first + 1) models[first].name = folder;
  }
  return models;
}

std::vector<RepositoryFile> ModelStore::files_in(const std::string& name) const {
  std::vector<RepositoryFile> files;
  for (const std::string& file : names_in(folder_for(name))) {
    const std::string path = folder_for(name) + "/" + file;
    if (file.ends_with(".gguf") && is_regular_file(path)) files.push_back({file, file_bytes(path), {}});
  }
  return files;
}

std::optional<std::string> ModelStore::find(const HubReference& reference) const {
  const std::string name = name_for(reference);
  const std::vector<RepositoryFile> files = files_in(name);
  HubReference flat = reference;
  flat.file = flat_name(reference.file);
  if (files.empty()) return std::nullopt;
  try {
    return folder_for(name) + "/" + choose_files(flat, files).files[0].path;
  } catch (const Error& error) {
    if (error.code() == ExitCode::bad_file) return std::nullopt;  // others of this repository are here
    throw;
  }
}

std::optional<SourceRecord> ModelStore::read_record(const std::string& path) {
  const auto text = read_small_file(record_path(path), kMostRecordBytes);
  const auto json = text ? try_parse_json(*text) : std::nullopt;
  if (!json) return std::nullopt;
  const auto size = byte_count(*json, "size");
  const std::string sha256 = text_or_empty(*json, "sha256");
  if (!size || !is_sha256(sha256)) return std::nullopt;
  return SourceRecord{text_or_empty(*json, "source"),
                      text_or_empty(*json, "url"),
                      text_or_empty(*json, "commit"),
                      text_or_empty(*json, "validator"),
                      sha256,
                      *size};
}

void ModelStore::write_record(const std::string& path, const SourceRecord& record) {
  AtomicFile file(record_path(path));
  file.write(nlohmann::ordered_json{{"source", record.source},
                                    {"url", record.url},
                                    {"commit", record.commit},
                                    {"validator", record.validator},
                                    {"sha256", record.sha256},
                                    {"size", record.size}}
                 .dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) +
             "\n");
  file.commit();
}

void ModelStore::remove_leftovers(const std::string& folder) {
  for (const std::string& name : names_in(folder)) {
    if (name.starts_with(".thimble-") && name.ends_with(".tmp")) ::unlink(fmt::format("{}/{}", folder, name).c_str());
  }
}

void ModelStore::remove_if_empty(const std::string& folder) {
  if (names_in(folder) != std::vector<std::string>{std::string(kLockName)}) return;
  ::unlink((folder + "/" + std::string(kLockName)).c_str());
  ::rmdir(folder.c_str());
}

ModelStore::Removal ModelStore::remove(const std::string& name) {
  if (is_hub_reference(name)) {
    const HubReference reference = parse_hub_reference(name);
    const std::string folder = name_for(reference);
    if (reference.quantization.empty() && reference.file.empty()) return remove_files(folder, {});
    HubReference flat = reference;
    flat.file = flat_name(reference.file);
    std::vector<std::string> files;
    for (const RepositoryFile& file : choose_files(flat, files_in(folder)).files) files.push_back(file.path);
    return remove_files(folder, files);
  }
  const size_t slash = name.find('/');
  const std::string folder = name.substr(0, slash);
  const std::string file = slash == std::string::npos ? std::string() : name.substr(slash + 1);
  if (!is_component(folder) || (slash != std::string::npos && !is_component(file))) {
    fail(ExitCode::usage, "'{}': expected the name of a model in the cache; see 'thimble list'", printable(name));
  }
  return remove_files(folder, file.empty() ? std::vector<std::string>() : std::vector<std::string>{file});
}

// Of all files where none is named. Everything goes by the folder's handle, so that no link can lead elsewhere.
ModelStore::Removal ModelStore::remove_files(const std::string& name, const std::vector<std::string>& files) {
  const std::string path = folder_for(name);
  const FileHandle folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
  if (!folder) {
    const bool is_missing = errno == ENOENT;
    fail(is_missing ? ExitCode::bad_file : ExitCode::failed, "{}: {}; see 'thimble list'", printable(name),
         is_missing ? "no such model in the cache" : "not a folder of the cache, which alone is removed");
  }
  const std::optional<FolderLock> lock = FolderLock::try_now(path);
  if (!lock) fail(ExitCode::failed, "{}: it is being fetched; stop that first", printable(name));
  std::set<std::string> models;
  for (const std::string& entry : names_in(path)) {
    for (const std::string_view companion : kCompanions) {
      if (!entry.ends_with(".gguf" + std::string(companion))) continue;
      const std::string model = entry.substr(0, entry.size() - companion.size());
      if (files.empty() || std::ranges::find(files, model) != files.end()) models.insert(model);
    }
  }
  if (models.empty()) fail(ExitCode::bad_file, "{}: no such model in the cache; see 'thimble list'", printable(name));
  Removal removal;
  for (const std::string& model : models) {
    for (const std::string_view companion : kCompanions) {
      const std::string entry = model + std::string(companion);
      struct stat info = {};
      if (::fstatat(folder.get(), entry.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
      if (::unlinkat(folder.get(), entry.c_str(), 0) != 0) {
        fail(ExitCode::failed, "{}/{}: cannot be removed: {}", printable(path), printable(entry),
             std::generic_category().message(errno));
      }
      if (info.st_nlink == 1) removal.freed_bytes += static_cast<uint64_t>(info.st_size);
    }
    removal.paths.push_back(fmt::format("{}/{}", path, model));
  }
  remove_leftovers(path);
  remove_if_empty(path);
  return removal;
}

}  // namespace thimble
