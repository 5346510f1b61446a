// Any bytes as a safetensors file: refused with an Error, or every tensor lies within the file and can be read.
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "base/error.h"
#include "format/safetensors.h"
#include "memory_file.h"

namespace {

using namespace thimble;

void use(const Safetensors& file) {
  uint64_t bytes = 0;
  std::vector<float> values;
  for (const SafetensorsTensor& tensor : file.tensors()) {
    uint64_t expected = bytes_of(tensor.type);
    for (const uint64_t length : tensor.shape) expected *= length;
    if (expected != tensor.data.size() || file.find(tensor.name) != &tensor) std::abort();
    bytes += expected;
    if (!is_float(tensor.type)) continue;
    values.resize(tensor.elements());
    unpack_values(tensor.type, tensor.data.data(), values.data(), values.size());
  }
  if (bytes > file.file().bytes().size()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const fuzz::MemoryFile file(data, size);
  try {
    use(Safetensors::open(file.path()));
  } catch (const Error&) {
  }
  return 0;
}
