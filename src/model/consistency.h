// What a model file says besides its hyper-parameters and tensors, held against them.
#pragma once

#include "format/gguf.h"
#include "model/arch_spec.h"
#include "model/hyperparameters.h"

namespace thimble {

// Refuses an adapter, or a part of a model, that is given as one. Throws Error(bad_file).
void check_kind(const Gguf& gguf);

// Refuses what would otherwise be run as something that it is not: keys of a computation that `spec` has no row for, with another
// value than the one that leaves it out; attention of the other direction; a vocabulary size that is not the embedding's; rotary and
// capping numbers that leave nothing but infinities or zeros. Throws Error(bad_file) naming the key.
void check_consistency(const Gguf& gguf, const ArchSpec& spec, const Hyperparameters& hyper);

}  // namespace thimble
