// Adapters as peft keeps them: a folder with adapter_config.json and adapter_model.safetensors, whose tensors are named
// "base_model.model.<module>.lora_A.weight" ([rank, columns], the contiguous axis last) and "...lora_B.weight" ([rows, rank]) after
// the base checkpoint's modules. Rows of Q and K stand there in the checkpoint's order (compress/checkpoint_rows.h).
#pragma once

#include <string>

#include "tune/lora.h"

namespace thimble {

bool is_peft_folder(const std::string& path);

// Rank, alpha and targets of the folder's adapter. Throws Error(bad_file) for one that is no plain LoRA (DoRA, rsLoRA, biases,
// ranks that differ, modules saved whole) or adapts what is no matrix of this model's blocks.
LoraOptions read_peft_options(const std::string& folder, const Model& model);

// The factors themselves, into those of `lora`, which was made with these options. Throws Error(bad_file) naming a tensor that is
// missing, unknown, of another shape, or not finite.
void read_peft_factors(const std::string& folder, const Model& model, Lora& lora);

// Makes the folder where it is missing. Throws Error(failed) where it cannot be written, Error(usage) for a model whose checkpoint
// has other modules than its GGUF file has tensors.
void write_peft_folder(const std::string& folder, const Model& model, const Lora& lora);

}  // namespace thimble
