// Every family's spec, each defined in its own file.
#pragma once

#include "model/arch_spec.h"

namespace thimble {

extern const ArchSpec kLlama;
extern const ArchSpec kQwen2;
extern const ArchSpec kGemma3;

}  // namespace thimble
