// The hyper-parameters of a Hugging Face checkpoint under the names and values that GGUF has for them.
#pragma once

#include "compress/checkpoint_config.h"
#include "compress/checkpoint_modules.h"
#include "format/gguf_writer.h"

namespace thimble {

// Writes every "<architecture>." key and returns the values, completed as far as shapes and rotary factors need them
// (vocabulary_size is left at 0). Throws Error(bad_file) naming the key of config.json for values of a wrong type, and for what this
// version would run as something that it is not: another activation, layers of kinds that the family lacks, quantized weights.
Hyperparameters write_hyperparameters(const CheckpointConfig& config, const SentenceModules& modules,
                                      GgufWriter& writer);

}  // namespace thimble
