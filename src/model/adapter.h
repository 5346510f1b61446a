// LoRA adapters (arXiv 2106.09685) in llama.cpp's GGUF form, as its convert_lora_to_gguf.py writes them: general.type "adapter",
// the base model's general.architecture, adapter.type "lora", adapter.lora.alpha, and for each weight W of the base that is
// adapted two tensors: "<W>.lora_a", [columns of W, rank], and "<W>.lora_b", [rank, rows of W] (contiguous axis first).
// For token_embd.weight a is stored a row a token: [rank, vocabulary_size], and b is [rank, embedding_length].
#pragma once

#include <vector>

#include "format/gguf.h"

namespace thimble {

struct AdapterPair {
  const GgufTensor* base;  // in the base model's file
  const GgufTensor* a;
  const GgufTensor* b;
  bool is_embedding;  // of the table that tokens are looked up in, not of a product
};

struct AdapterFile {
  float alpha = 0;  // 0: the scale is not divided by the rank
  std::vector<AdapterPair> pairs;
};

// Checks that `adapter` is one, that it was made for `base`, and that every tensor has its partner and fits the tensor it names;
// no data is read. "output.weight" of a base whose head is tied means the head alone. Throws Error(bad_file) naming the file, the
// key or tensor, what was expected and what was found.
AdapterFile read_adapter(const Gguf& adapter, const Gguf& base);

}  // namespace thimble
