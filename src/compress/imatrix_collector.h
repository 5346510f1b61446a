// What a model's matrices are given on a text, summed up by column: the numbers of llama-imatrix. The order of the sums is fixed, so
// that they do not depend on the number of threads.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "format/imatrix.h"
#include "model/forward.h"
#include "model/model.h"

namespace thimble {

class ImatrixCollector : public InputProbe {
 public:
  // Sees passes of at most batch_tokens. with_output: the head too, where it has a tensor of its own named output.weight.
  ImatrixCollector(const Model& model, size_t batch_tokens, bool with_output);
  // Heap that such an object takes.
  static uint64_t bytes(const Model& model, size_t batch_tokens, bool with_output);

  void see(Worker& worker, uint32_t block, Role reader, size_t token, std::span<const float> values) override;
  void finish(Worker& worker, uint32_t block, Role reader, size_t tokens) override;

  // Sums and counts so far by tensor; tensors that read the same input have the same ones. Throws Error(bad_file) naming the tensor
  // whose sums are not finite.
  std::map<std::string, ImatrixEntry, std::less<>> entries() const;
  // Goes on from the sums that entries() gave after `count` tokens. Throws Error(bad_file) where they are not of this model's tensors
  // and lengths.
  void restore(const Imatrix& saved, uint64_t count);

 private:
  struct Input {
    std::vector<std::string> tensors;  // that read it
    std::vector<float> sums;           // [columns]
    uint64_t count = 0;
  };
  size_t index(uint32_t block, Role reader) const;
  void add_input(uint32_t block, std::initializer_list<Role> roles);

  const Model& model_;
  bool with_output_;
  std::vector<Input> inputs_;  // by index()
  size_t row_;                 // floats from token to token of seen_
  std::vector<float> seen_;    // [batch_tokens][row_], of one input at a time
};

}  // namespace thimble
