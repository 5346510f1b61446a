// What a checkpoint says about itself: its name, licence and origin, and how its makers would sample from it.
#pragma once

#include <cstdint>
#include <string>

#include "compress/checkpoint_config.h"
#include "format/gguf_writer.h"

namespace thimble {

// Writes the "general." keys beside architecture, type, file type and quantization version: from the model card (README.md), the name
// in config.json, the folder's name, generation_config.json, in this order.
void write_general_metadata(const std::string& folder, const CheckpointConfig& config, uint64_t parameters,
                            GgufWriter& writer);

}  // namespace thimble
