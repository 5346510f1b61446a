#include "app/model_caches.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "app/help_text.h"
#include "app/option_values.h"
#include "app/paths.h"
#include "base/error.h"
#include "fetch/small_file.h"

namespace thimble {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMostTokenBytes = 4096;

// Empty where the variable is not set.
std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

std::string hugging_face_home() {
  if (std::string home = variable("HF_HOME"); !home.empty()) return home;
  if (const std::string cache = variable("XDG_CACHE_HOME"); !cache.empty()) return cache + "/huggingface";
  const std::string home = variable("HOME");
  return home.empty() ? std::string() : home + "/.cache/huggingface";
}

std::string hub_cache_folder() {
  if (std::string folder = variable("HF_HUB_CACHE"); !folder.empty()) return folder;
  const std::string home = hugging_face_home();
  return home.empty() ? home : home + "/hub";
}

std::string hub_token() {
  std::string token = variable("HF_TOKEN");
  std::string file = variable("HF_TOKEN_PATH");
  if (file.empty() && !hugging_face_home().empty()) file = hugging_face_home() + "/token";
  if (token.empty()) token = read_small_file(file, kMostTokenBytes).value_or("");
  std::erase_if(token, [](char c) { return c == '\n' || c == '\r' || c == ' '; });
  return token;
}

bool is_offline() {
  const std::string value = variable("HF_HUB_OFFLINE");
  if (value.empty()) return false;
  try {
    return parse_bool(value);
  } catch (const Error& error) {
    fail(error.code(), "HF_HUB_OFFLINE: {}", error.what());
  }
}

std::string certificate_file() {
  const std::string file = variable("CURL_CA_BUNDLE");
  return file.empty() ? variable("SSL_CERT_FILE") : file;
}

std::string models_folder() {
  const std::string cache = cache_folder();
  if (cache.empty()) fail(ExitCode::failed, "there is no place for a cache: set HOME or XDG_CACHE_HOME");
  return cache + "/models";
}

}  // namespace

ModelStore model_store() { return ModelStore(models_folder()); }

HubCache hub_cache() { return HubCache(hub_cache_folder()); }

PullSettings pull_settings() {
  PullSettings settings;
  settings.models_folder = models_folder();
  settings.hub_cache_folder = hub_cache_folder();
  if (std::string endpoint = variable("HF_ENDPOINT"); !endpoint.empty()) {
    while (endpoint.ends_with('/')) endpoint.pop_back();
    settings.endpoint = endpoint;
  }
  settings.http.user_agent = "thimble/" + version_text().substr(0, version_text().find(' '));
  settings.http.certificate_file = certificate_file();
  settings.http.token = hub_token();
  settings.is_offline = is_offline();
  return settings;
}

std::optional<std::string> find_cached_model(const std::string& name) {
  if (is_hub_reference(name)) {
    const HubReference reference = parse_hub_reference(name);
    if (!cache_folder().empty()) {
      if (auto path = model_store().find(reference)) return path;
    }
    if (auto path = hub_cache().find(reference)) return path;
    fail(ExitCode::bad_file, "{}: not in the cache; fetch it with 'thimble pull {}'", printable(name), printable(name));
  }
  std::error_code error;
  if (fs::exists(name, error) || cache_folder().empty()) return std::nullopt;
  if (name.starts_with("https://") || name.starts_with("http://")) {
    fail(ExitCode::bad_file, "{}: an address, no file; fetch it first with 'thimble pull {}'", printable(name),
         printable(name));
  }
  const std::vector<StoredModel> models =
      name.find('/') == std::string::npos ? std::vector<StoredModel>() : model_store().list();
  const auto found = std::ranges::find_if(models, [&](const StoredModel& model) {
    return model.folder + "/" + fs::path(model.path).filename().string() == name && !model.whole_size;
  });
  if (found == models.end()) return std::nullopt;
  return found->path;
}

}  // namespace thimble
