// What a model is called: hf:owner/repository, with @revision, and with :quantization or /file where one of several is meant.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace thimble {

struct HubReference {
  std::string owner;
  std::string repository;
  std::string revision;      // branch, tag or commit; empty for "main"
  std::string quantization;  // "Q4_K_M"; empty for the default
  std::string file;          // path in the repository; empty where a quantization decides

  std::string id() const { return owner + "/" + repository; }
  std::string text() const;  // as it was written
};

bool is_hub_reference(std::string_view text);  // begins with "hf:"
// Throws Error(usage) saying what is wrong with it. Every part is safe in a path and in an address.
HubReference parse_hub_reference(std::string_view text);

// A file of a repository, as the hub or a folder lists it.
struct RepositoryFile {
  std::string path;
  uint64_t size = 0;
  std::string sha256;  // lower case; empty where it is not known
};

struct Choice {
  std::vector<RepositoryFile> files;  // one, or all parts of a split model in order
  std::string why;                    // for people: "Q4_K_M, the default"
};

// The files that the reference means among those listed. Of no quantization in particular, as llama.cpp: Q4_K_M, else Q4_0, else
// the first GGUF file. Throws Error(bad_file) with what is there where none fits, and Error(usage) where several do.
Choice choose_files(const HubReference& reference, std::span<const RepositoryFile> listed);

// Whether a path from outside stays inside a folder, and is made of harmless bytes.
bool is_safe_relative_path(std::string_view path);

// The name in Thimble's cache of a file of a repository: folders joined by "--".
std::string flat_name(std::string_view path);
// The name for what an address or a path ends in: no byte that is not plain, and ".gguf" at its end.
std::string plain_file_name(std::string_view text);

// "Q4_K_M" in "model-Q4_K_M.gguf"; empty where the name has no such part.
std::string quantization_in(std::string_view path);

}  // namespace thimble
