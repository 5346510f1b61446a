// An adapter for a small model, with bytes changed or cut or with any bytes at all in its place: it is refused with an Error, or the
// model loads with it and runs a token, to finite logits or an Error.
#include <fuzzer/FuzzedDataProvider.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/team.h"
#include "engine/language_model.h"
#include "engine/memory_plan.h"
#include "engine/session.h"
#include "memory_file.h"
#include "support/tiny_adapter.h"

namespace {

using namespace thimble;

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// A model of two blocks and two sound adapters for it, in a folder that goes with the process.
struct Sound {
  Sound() {
    std::string pattern = (std::filesystem::temp_directory_path() / "thimble-fuzz-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) std::abort();
    folder = pattern;
    test::TinyModel tiny;
    tiny.block_count = 2;
    tiny.vocabulary_size = 264;
    test::write_tiny_model(find_architecture("llama", "fuzz"), tiny, folder + "/base.gguf");
    const Gguf base = Gguf::open(folder + "/base.gguf");
    for (const test::TinyAdapter& adapter : {test::first_tiny_adapter(), test::second_tiny_adapter()}) {
      test::write_tiny_adapter(base, adapter, folder + "/adapter.gguf");
      adapters.push_back(read_file(folder + "/adapter.gguf"));
    }
  }
  ~Sound() {
    std::error_code error;
    std::filesystem::remove_all(folder, error);
  }
  Sound(const Sound&) = delete;
  Sound& operator=(const Sound&) = delete;

  std::string folder;
  std::vector<std::string> adapters;
};

const Sound& sound() {
  static const Sound instance;
  return instance;
}

std::string changed(FuzzedDataProvider& input) {
  if (input.ConsumeIntegralInRange(0, 3) == 0) return input.ConsumeRemainingBytesAsString();
  std::string bytes = sound().adapters[input.ConsumeIntegralInRange<size_t>(0, sound().adapters.size() - 1)];
  const bool is_cut = input.ConsumeIntegralInRange(0, 7) == 0;
  if (is_cut) bytes.resize(input.ConsumeIntegralInRange<size_t>(1, bytes.size()));
  // Most of what can be wrong is in the first kilobytes: header, metadata, tensor table.
  while (input.remaining_bytes() > 0) {
    const size_t most = input.ConsumeBool() ? std::min<size_t>(bytes.size(), 4096) : bytes.size();
    bytes[input.ConsumeIntegralInRange<size_t>(0, most - 1)] = static_cast<char>(input.ConsumeIntegral<uint8_t>());
  }
  return bytes;
}

void run(const std::string& path, float scale) {
  std::vector<OpenAdapter> adapters;
  adapters.push_back({std::make_unique<const Gguf>(Gguf::open(path)), scale});
  auto base = std::make_unique<const Gguf>(Gguf::open(sound().folder + "/base.gguf"));
  const LanguageModel loaded = LanguageModel::load(std::move(base), {}, std::move(adapters));
  SessionOptions options;
  options.kv.context_length = options.kv.batch_tokens = 16;
  Team team(1);
  Session session(loaded.model(), select_kernels("auto"), team, options);
  const TokenId tokens[] = {1, 2};
  session.append(tokens);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FuzzedDataProvider input(data, size);
  const float scale = input.ConsumeFloatingPointInRange(-4.0f, 4.0f);
  const std::string bytes = changed(input);
  const fuzz::MemoryFile file(bytes.data(), bytes.size());
  try {
    run(file.path(), scale);
  } catch (const Error&) {
  }
  return 0;
}
