#include "compress/tensor_rows.h"

#include <algorithm>
#include <cassert>
#include <cmath>

#include "base/error.h"
#include "kernels/kernels.h"

namespace thimble {
namespace {

constexpr size_t kRun = 512;  // values at a time

std::span<const std::byte> bytes_of_rows(const GgufTensor& tensor, uint64_t first, uint64_t count) {
  assert(first + count <= tensor.rows());
  const size_t stride = row_bytes(tensor.type->type, tensor.shape[0]);
  return tensor.data.subspan(first * stride, count * stride);
}

}  // namespace

void read_rows(const Gguf& gguf, const GgufTensor& tensor, uint64_t first, uint64_t count, float* out,
               const Kernels* kernels) {
  const size_t elements = count * tensor.shape[0];
  const std::byte* bytes = bytes_of_rows(tensor, first, count).data();
  const NumberType type = tensor.type->type;
  if (kernels != nullptr && (type == NumberType::F16 || type == NumberType::BF16)) {
    for (size_t at = 0; at < elements; at += kRun) {
      kernels->load_v(type, bytes + at * tensor.type->block_bytes, std::min(kRun, elements - at), 0, out + at);
    }
  } else {
    tensor.type->unpack(bytes, out, elements / tensor.type->block_size);
  }
  const float* bad = std::find_if_not(out, out + elements, [](float value) { return std::isfinite(value); });
  if (bad == out + elements) return;
  const uint64_t index = static_cast<uint64_t>(bad - out);
  fail(ExitCode::bad_file, "{}: tensor {}: row {}, value {} is {}; expected a number", gguf.path(),
       printable(tensor.name), first + index / tensor.shape[0], index % tensor.shape[0], *bad);
}

void forget_rows(const Gguf& gguf, const GgufTensor& tensor, uint64_t first, uint64_t count) {
  gguf.files()[tensor.part].forget(bytes_of_rows(tensor, first, count));
}

}  // namespace thimble
