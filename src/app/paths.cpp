#include "app/paths.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <vector>

#include "app/model_caches.h"
#include "base/error.h"
#include "format/gguf_split.h"

namespace thimble {
namespace {

namespace fs = std::filesystem;

std::string folder_from(const char* variable, const char* below_home) {
  const char* given = std::getenv(variable);
  // The specification: a relative path is to be ignored.
  if (given != nullptr && given[0] == '/') return std::string(given) + "/thimble";
  const char* home = std::getenv("HOME");
  if (home == nullptr || *home == '\0') return {};
  return fmt::format("{}/{}/thimble", home, below_home);
}

template <class Keep>
std::vector<std::string> sorted_entries(const fs::path& folder, const Keep& keep) {
  std::vector<std::string> entries;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (keep(*it)) entries.push_back(it->path().string());
  }
  std::ranges::sort(entries);
  return entries;
}

std::vector<std::string> gguf_files(const fs::path& folder) {
  return sorted_entries(folder, [](const fs::directory_entry& entry) {
    std::error_code error;
    return entry.path().extension() == ".gguf" && entry.is_regular_file(error);
  });
}

// The parts of a split model count as one, which the first that is there stands for.
std::vector<std::string> whole_models(const std::vector<std::string>& files) {
  std::vector<std::string> models;
  std::optional<GgufPartName> last;
  for (const std::string& file : files) {
    const std::optional<GgufPartName> part = parse_part_name(file);
    if (part && last && part->prefix == last->prefix && part->count == last->count) continue;
    models.push_back(file);
    last = part;
  }
  return models;
}

std::string cached_models(const fs::path& models) {
  std::vector<std::string> names;
  for (const std::string& folder :
       sorted_entries(models, [](const auto& entry) { return !gguf_files(entry.path()).empty(); })) {
    names.push_back(fs::path(folder).filename().string());
  }
  return names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace

std::string cache_folder() { return folder_from("XDG_CACHE_HOME", ".cache"); }
std::string state_folder() { return folder_from("XDG_STATE_HOME", ".local/state"); }

std::string resolve_model(const std::string& name) {
  if (const std::optional<std::string> cached = find_cached_model(name)) return *cached;
  std::error_code error;
  const fs::file_status status = fs::status(name, error);
  const bool is_bare = !name.empty() && name.find('/') == std::string::npos && name != "." && name != "..";
  if (!is_bare || (fs::exists(status) && !fs::is_directory(status)) || cache_folder().empty()) return name;
  const fs::path models = fs::path(cache_folder()) / "models";
  const std::vector<std::string> files = whole_models(gguf_files(models / name));
  if (files.size() == 1) return files[0];
  if (files.size() > 1) {
    fail(ExitCode::usage, "{}: several files have this name, give one of them: {}", printable(name),
         printable(fmt::format("{}", fmt::join(files, ", ")), 2000));
  }
  if (fs::exists(status)) return name;
  fail(ExitCode::bad_file, "{}: no such file, and no model of this name in {} (there: {})", printable(name),
       printable(models.string()), printable(cached_models(models), 500));
}

}  // namespace thimble
