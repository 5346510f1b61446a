// Any bytes as the files of a checkpoint's tokenizer: refused with an Error, or metadata that a tokenizer can be made of, or refused by
// it in turn; what it takes can be exported. The first two bytes choose the family and the size of the
// vocabulary; the files stand between "\n====", the first byte of each its name.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "base/error.h"
#include "compress/checkpoint_vocabulary.h"
#include "compress/vocabulary_export.h"
#include "format/json_text.h"
#include "text/tokenizer.h"

namespace {

namespace fs = std::filesystem;

constexpr std::array kNames =
    std::to_array<std::string_view>({"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
                                     "generation_config.json", "added_tokens.json", "tokenizer.model", "vocab.json",
                                     "merges.txt", "vocab.txt", "chat_template.jinja", "chat_template.json"});
constexpr std::array<const char*, 5> kArchitectures = {"llama", "gemma", "phi3", "qwen2", "bert"};
constexpr std::string_view kMark = "\n====";

// In memory where the system has such a place, and of this process alone.
const fs::path& folder() {
  static const fs::path path = [] {
    const char* base = fs::is_directory("/dev/shm") ? "/dev/shm" : "/tmp";
    fs::path made = fs::path(base) / ("thimble-fuzz-" + std::to_string(::getpid()));
    std::atexit([] {
      std::error_code ignored;
      fs::remove_all(folder(), ignored);
    });
    return made;
  }();
  return path;
}

void write_files(std::string_view input) {
  while (!input.empty()) {
    const size_t end = std::min(input.find(kMark), input.size());
    const std::string_view file = input.substr(0, end);
    input.remove_prefix(std::min(end + kMark.size(), input.size()));
    if (file.empty()) continue;
    const std::string_view name = kNames[static_cast<uint8_t>(file[0]) % kNames.size()];
    std::ofstream(folder() / name, std::ios::binary) << file.substr(1);
  }
}

void convert_and_export(const char* architecture, uint32_t vocabulary_size) {
  const std::string out = folder() / "out.gguf";
  {
    thimble::GgufWriter writer(out);
    writer.set("general.architecture", architecture);
    nlohmann::json config;
    const std::string path = folder() / "generation_config.json";
    if (fs::exists(path)) config = thimble::read_json_file(path);
    thimble::write_vocabulary(folder().string(), thimble::find_architecture(architecture, "fuzz"), config,
                              vocabulary_size, writer);
    writer.commit();
  }
  const auto gguf = thimble::Gguf::open(out);
  const auto tokenizer = thimble::Tokenizer::from_gguf(gguf);
  if (tokenizer.vocabulary_size() != vocabulary_size) std::abort();
  tokenizer.encode("<s> a ab\xff", {.parse_special = true});
  fs::create_directory(folder() / "exported");
  thimble::export_vocabulary(gguf, folder() / "exported");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  std::error_code ignored;
  fs::remove_all(folder(), ignored);
  fs::create_directory(folder());
  write_files({reinterpret_cast<const char*>(data) + 2, size - 2});
  try {
    convert_and_export(kArchitectures[data[0] % kArchitectures.size()], data[1] + 1);
  } catch (const thimble::Error&) {
  }
  return 0;
}
