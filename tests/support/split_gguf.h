// Splits a GGUF file as llama-gguf-split does: all metadata in the first part, the tensors in runs, split.* in every part.
#pragma once

#include <string>
#include <vector>

#include "format/gguf.h"
#include "format/gguf_split.h"
#include "format/gguf_writer.h"

namespace thimble::test {

// Writes <prefix>-00001-of-<parts>.gguf and so on; returns their paths. The first may be without tensors, as
// --no-tensor-first-split makes it.
inline std::vector<std::string> split_gguf(const Gguf& whole, const std::string& prefix, uint32_t parts,
                                           bool empty_first = false) {
  std::vector<std::string> paths;
  const size_t count = whole.tensors().size();
  const uint32_t filled = parts - (empty_first ? 1 : 0);
  for (uint32_t part = 0; part < parts; ++part) {
    const uint32_t run = empty_first ? part - 1 : part;
    const bool empty = empty_first && part == 0;
    const size_t begin = empty ? 0 : count * run / filled, end = empty ? 0 : count * (run + 1) / filled;
    const auto tensors = whole.tensors().subspan(begin, end - begin);
    paths.push_back(GgufPartName{prefix, part + 1, parts}.path());
    GgufWriter writer(paths.back());
    if (part == 0) {
      for (const GgufValue& value : whole.values()) writer.set(value);
    }
    writer.set("split.no", static_cast<uint16_t>(part));
    writer.set("split.count", static_cast<uint16_t>(parts));
    writer.set("split.tensors.count", static_cast<int32_t>(count));
    for (const GgufTensor& tensor : tensors) {
      writer.add_tensor(tensor.name, std::span(tensor.shape).first(tensor.axes), tensor.type->type);
    }
    for (const GgufTensor& tensor : tensors) writer.write_data(tensor.data);
    writer.commit();
  }
  return paths;
}

}  // namespace thimble::test
