// What running a model will take, part by part, known from the file's header before anything is loaded.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/session_options.h"
#include "model/model.h"

namespace thimble {

struct MemoryPlan {
  uint64_t weights = 0;  // the file's pages, and the norms and biases kept as floats
  uint64_t kv = 0;
  uint64_t activations = 0;
  uint64_t scratch = 0;
  uint64_t tokenizer = 0;
  uint64_t program = 0;  // code, libraries, stacks

  uint64_t total() const { return weights + kv + activations + scratch + tokenizer + program; }
  std::array<std::pair<std::string_view, uint64_t>, 6> parts() const {
    return {{{"weights", weights},
             {"kv", kv},
             {"activations", activations},
             {"scratch", scratch},
             {"tokenizer", tokenizer},
             {"program", program}}};
  }
};

// `program_bytes`: what the process has resident before it opens a model.
MemoryPlan plan_memory(const Model& model, const SessionOptions& options, unsigned workers, uint64_t program_bytes);

// What would make the plan fit `limit`, the least painful first; empty where nothing short of a smaller model does.
struct Remedy {
  std::string change;  // as flags: "-c 1024", "-ctk q4_0 -ctv q4_0"
  uint64_t total;
};
std::vector<Remedy> find_remedies(const Model& model, const SessionOptions& options, unsigned workers,
                                  uint64_t program_bytes, uint64_t limit);

// Throws Error(does_not_fit) with the sum, the limit, where it comes from and the remedies.
void require_fit(const Model& model, const SessionOptions& options, unsigned workers, uint64_t program_bytes,
                 uint64_t limit, std::string_view limit_source);

}  // namespace thimble
