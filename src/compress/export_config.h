// config.json of a GGUF file's model, as transformers reads it.
#pragma once

#include <nlohmann/json.hpp>

#include <string>

#include "model/model.h"

namespace thimble {

// `type`: the number format of the matrices, "float32", "float16" or "bfloat16". Throws Error(bad_file) for rotary factors that follow
// no rule that config.json can name.
nlohmann::ordered_json export_config(const Model& model, const std::string& type);

// generation_config.json: special tokens and how the makers would sample.
nlohmann::ordered_json export_generation_config(const Gguf& gguf);

}  // namespace thimble
