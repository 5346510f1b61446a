// Any bytes as a GGUF file: it is refused with an Error, or everything it offers can be read, bound as a model, planned and
// loaded.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "engine/language_model.h"
#include "engine/memory_plan.h"
#include "format/gguf.h"
#include "memory_file.h"
#include "model/model.h"

namespace {

using thimble::Gguf;
using thimble::GgufTensor;
using thimble::GgufValue;

void read_as(auto read) {
  try {
    read();
  } catch (const thimble::Error&) {
  }
}

void read_everything(const Gguf& gguf) {
  for (const GgufValue& value : gguf.values()) {
    if (gguf.find(value.key) != &value) std::abort();
    read_as([&] { gguf.unsigned_integer(value.key); });
    read_as([&] { gguf.integer(value.key); });
    read_as([&] { gguf.real(value.key); });
    read_as([&] { gguf.boolean(value.key); });
    read_as([&] { gguf.string(value.key); });
    read_as([&] { gguf.strings(value.key); });
    read_as([&] { gguf.integers(value.key); });
    read_as([&] { gguf.reals(value.key); });
  }
  for (const GgufTensor& tensor : gguf.tensors()) {
    if (gguf.find_tensor(tensor.name) != &tensor) std::abort();
    const size_t blocks = tensor.elements() / tensor.type->block_size;
    if (tensor.data.size() != blocks * tensor.type->block_bytes) std::abort();
    std::vector<float> weights(tensor.elements());
    tensor.type->unpack(tensor.data.data(), weights.data(), blocks);
  }
}

void load(const std::string& path) {
  auto gguf = std::make_unique<const thimble::Gguf>(Gguf::open(path));
  {
    const auto model = thimble::Model::bind(*gguf, thimble::Model::Depth::shapes);
    thimble::SessionOptions options;
    options.kv.k_type = options.kv.v_type = thimble::NumberType::F16;
    thimble::find_remedies(model, options, 2, 0, 1 << 20);
  }
  const auto loaded = thimble::LanguageModel::load(std::move(gguf), {"", true});
  loaded.tokenizer().encode("abc");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const thimble::fuzz::MemoryFile file(data, size);
  read_as([&] { read_everything(Gguf::open(file.path())); });
  read_as([&] { load(file.path()); });
  // The same while it is fetched: half of it is there.
  if (size >= 2) {
    const auto prefix = std::as_bytes(std::span(data, size / 2));
    read_as([&] {
      if (const auto gguf = Gguf::from_prefix("half", prefix, size)) read_everything(*gguf);
    });
  }
  return 0;
}
