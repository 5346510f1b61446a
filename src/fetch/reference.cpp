#include "fetch/reference.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <map>

#include "base/error.h"
#include "base/utf8.h"

namespace thimble {
namespace {

constexpr std::string_view kPrefix = "hf:";
constexpr std::string_view kSuffix = ".gguf";
constexpr std::string_view kForm = "hf:owner/repository[@revision][:quantization | /file.gguf]";
constexpr size_t kMostNameBytes = 96;
constexpr size_t kMostPathBytes = 512;
constexpr size_t kMostFileNameBytes = 200;
constexpr std::array<std::string_view, 2> kDefaults = {"Q4_K_M", "Q4_0"};
constexpr std::array<std::string_view, 4> kTypeBeginnings = {"IQ", "Q", "TQ", "MXFP"};

bool is_alphanumeric(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 && static_cast<unsigned char>(c) < 0x80;
}
bool is_plain(char c) { return is_alphanumeric(c) || c == '-' || c == '_' || c == '.'; }

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= kMostNameBytes && is_alphanumeric(text[0]) &&
         std::ranges::all_of(text, is_plain) && text.find("..") == std::string_view::npos &&
         text.find("--") == std::string_view::npos;
}

bool is_gguf(std::string_view path) { return lower(path).ends_with(kSuffix); }

// Projectors of pictures, importance matrices and the like are GGUF files too, but no models.
bool is_model(std::string_view path) {
  const std::string name = lower(path.substr(path.rfind('/') + 1));
  return is_gguf(path) && !name.starts_with("mmproj") && name.find("imatrix") == std::string::npos;
}

// Whether `tag` is a word of the path, as in "model-Q4_K_M.gguf" or "Q4_K_M/model.gguf": Q4_K is none of "Q4_K_M".
bool has_word(std::string_view path, std::string_view tag) {
  const std::string text = lower(path);
  const std::string word = lower(tag);
  for (size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) {
    const size_t end = at + word.size();
    if ((at == 0 || !is_alphanumeric(text[at - 1])) &&
        (end == text.size() || (!is_alphanumeric(text[end]) && text[end] != '_'))) {
      return true;
    }
  }
  return false;
}

// "model" of "model-00002-of-00003.gguf"; the whole path where it is no part.
std::string group_of(std::string_view path) {
  constexpr std::string_view kPart = "-00001-of-00003.gguf";
  if (path.size() <= kPart.size()) return std::string(path);
  const std::string_view end = path.substr(path.size() - kPart.size());
  for (size_t i = 0; i < kPart.size(); ++i) {
    const bool is_digit = std::isdigit(static_cast<unsigned char>(kPart[i])) != 0;
    if (is_digit ? std::isdigit(static_cast<unsigned char>(end[i])) == 0 : end[i] != kPart[i]) return std::string(path);
  }
  return std::string(path.substr(0, path.size() - kPart.size()));
}

using Groups = std::map<std::string, std::vector<RepositoryFile>>;

Groups groups_of_models(std::span<const RepositoryFile> listed) {
  Groups groups;
  for (const RepositoryFile& file : listed) {
    if (is_safe_relative_path(file.path) && is_model(file.path)) groups[group_of(file.path)].push_back(file);
  }
  for (auto& [name, files] : groups) std::ranges::sort(files, {}, &RepositoryFile::path);
  return groups;
}

std::string names_of(const Groups& groups) {
  std::vector<std::string> names;
  for (const auto& [name, files] : groups) {
    const std::string tag = quantization_in(files[0].path);
    names.push_back(printable(files[0].path) + (tag.empty() ? "" : " (:" + tag + ")"));
  }
  return printable(fmt::format("{}", fmt::join(names, ", ")), 2000);
}

Choice checked(const HubReference& reference, const std::vector<RepositoryFile>& files, std::string why) {
  const std::string& first = files[0].path;
  if (group_of(first) != first) {
    const std::string count = first.substr(first.size() - 10, 5);
    if (files.size() != std::strtoul(count.c_str(), nullptr, 10)) {
      fail(ExitCode::bad_file, "{}: {} of the {} parts of {} are there", reference.text(), files.size(), count,
           printable(first));
    }
  }
  return {files, std::move(why)};
}

[[noreturn]] void refuse_without_models(const HubReference& reference, std::span<const RepositoryFile> listed) {
  const bool has_checkpoint =
      std::ranges::any_of(listed, [](const RepositoryFile& file) { return file.path.ends_with(".safetensors"); });
  fail(ExitCode::bad_file, "{}: there is no GGUF file in it{}", reference.text(),
       has_checkpoint ? ", but a safetensors checkpoint: look for a repository with its conversion, often named " +
                            reference.repository + "-GGUF, or convert it with llama.cpp's convert_hf_to_gguf.py"
                      : "");
}

}  // namespace

std::string HubReference::text() const {
  return std::string(kPrefix) + id() + (revision.empty() ? "" : "@" + revision) +
         (quantization.empty() ? "" : ":" + quantization) + (file.empty() ? "" : "/" + printable(file));
}

bool is_hub_reference(std::string_view text) { return text.starts_with(kPrefix); }

HubReference parse_hub_reference(std::string_view text) {
  const auto refuse = [&](std::string_view what) {
    fail(ExitCode::usage, "'{}': {}; expected {}", printable(text), what, kForm);
  };
  std::string_view rest = text.substr(std::min(kPrefix.size(), text.size()));
  HubReference reference;
  const size_t slash = rest.find('/');
  if (!is_hub_reference(text) || slash == std::string_view::npos) refuse("no owner and repository");
  reference.owner = rest.substr(0, slash);
  rest.remove_prefix(slash + 1);
  const size_t end = std::min(rest.find_first_of("@:/"), rest.size());
  reference.repository = rest.substr(0, end);
  rest.remove_prefix(end);
  if (!is_name(reference.owner) || !is_name(reference.repository)) refuse("not the name of a repository");
  if (rest.starts_with('@')) {
    const size_t revision_end = std::min(rest.find_first_of(":/"), rest.size());
    reference.revision = rest.substr(1, revision_end - 1);
    rest.remove_prefix(revision_end);
    if (!is_name(reference.revision)) refuse("not the name of a revision");
  }
  if (rest.starts_with(':')) {
    reference.quantization = rest.substr(1);
    if (!is_name(reference.quantization)) refuse("not the name of a quantization");
  } else if (rest.starts_with('/')) {
    reference.file = rest.substr(1);
    if (!is_safe_relative_path(reference.file) || !is_gguf(reference.file)) refuse("not the path of a GGUF file");
  }
  return reference;
}

Choice choose_files(const HubReference& reference, std::span<const RepositoryFile> listed) {
  const Groups groups = groups_of_models(listed);
  if (!reference.file.empty()) {
    const std::string group = group_of(reference.file);
    for (const RepositoryFile& file : listed) {
      if (file.path != reference.file || !is_safe_relative_path(file.path)) continue;
      const auto found = groups.find(group);
      return checked(reference, found == groups.end() ? std::vector{file} : found->second, "the file asked for");
    }
    fail(ExitCode::bad_file, "{}: no such file; there are: {}", reference.text(),
         groups.empty() ? "no models" : names_of(groups));
  }
  if (groups.empty()) refuse_without_models(reference, listed);
  const auto matching = [&](std::string_view tag) {
    Groups found;
    for (const auto& [name, files] : groups) {
      if (has_word(files[0].path, tag)) found[name] = files;
    }
    return found;
  };
  const auto the_only_one = [&](const Groups& found, const std::string& why) {
    if (found.size() > 1) {
      fail(ExitCode::usage, "{}: several files fit, give one as hf:{}/FILE: {}", reference.text(), reference.id(),
           names_of(found));
    }
    return checked(reference, found.begin()->second, why);
  };
  if (!reference.quantization.empty()) {
    const Groups found = matching(reference.quantization);
    if (found.empty()) {
      fail(ExitCode::bad_file, "{}: nothing of this quantization; there are: {}", reference.text(), names_of(groups));
    }
    return the_only_one(found, reference.quantization + ", as asked for");
  }
  for (const std::string_view tag : kDefaults) {
    const Groups found = matching(tag);
    if (!found.empty()) return the_only_one(found, std::string(tag) + ", the default");
  }
  return checked(reference, groups.begin()->second,
                 groups.size() == 1 ? "the only one" : "the first one, as there is neither Q4_K_M nor Q4_0");
}

bool is_safe_relative_path(std::string_view path) {
  if (path.empty() || path.size() > kMostPathBytes || !is_valid_utf8(path)) return false;
  if (std::ranges::any_of(path, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '\\'; }))
    return false;
  for (size_t begin = 0; begin <= path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    if (end == begin || path[begin] == '.') return false;  // empty, hidden, "." or ".."
    begin = end + 1;
  }
  return flat_name(path).size() <= kMostFileNameBytes;
}

std::string flat_name(std::string_view path) {
  std::string out;
  for (const char c : path) out += c == '/' ? "--" : std::string(1, c);
  return out;
}

std::string plain_file_name(std::string_view text) {
  std::string name(text.substr(text.rfind('/') + 1));
  std::ranges::replace_if(
      name, [](char c) { return !is_plain(c); }, '_');
  name.erase(0, name.find_first_not_of('.'));
  if (lower(name).ends_with(kSuffix)) name.resize(name.size() - kSuffix.size());
  if (name.empty()) name = "model";
  constexpr size_t kMostStemBytes = 120;
  return name.substr(0, kMostStemBytes) + std::string(kSuffix);
}

std::string quantization_in(std::string_view path) {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  std::string last;
  for (size_t begin = 0; begin < name.size();) {
    const size_t end = std::min(name.find_first_of("-.", begin), name.size());
    std::string word(name.substr(begin, end - begin));
    std::ranges::transform(word, word.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    for (const std::string_view start : kTypeBeginnings) {
      if (word.size() > start.size() && word.starts_with(start) &&
          std::isdigit(static_cast<unsigned char>(word[start.size()])))
        last = word;
    }
    if (word == "F16" || word == "BF16" || word == "F32") last = word;
    begin = end + 1;
  }
  return last;
}

}  // namespace thimble
