#include "model/head.h"

#include <algorithm>

#include "model/pass.h"

namespace thimble {

void final_norm(const ForwardContext& context, size_t token, float* out) {
  const Model& model = context.model;
  const size_t width = model.hyper().embedding_length;
  const float* row = context.workspace.residual + token * width;
  if (const float* weight = model.vector(Role::output_norm)) {
    apply_norm(model, context.kernels, row, weight, model.vector(Role::output_norm_bias), width, out);
  } else {
    std::copy_n(row, width, out);
  }
}

void finish_logits(const ForwardContext& context, std::span<float> logits) {
  const Hyperparameters& h = context.model.hyper();
  if (const float* bias = context.model.vector(Role::output_bias)) {
    for (size_t row = 0; row < logits.size(); row += h.vocabulary_size) {
      context.kernels.add(bias, h.vocabulary_size, logits.data() + row);
    }
  }
  if (h.logit_scale != 0) context.kernels.scale(1.0f / h.logit_scale, logits.size(), logits.data());
  if (h.final_logit_softcap > 0) context.kernels.softcap(h.final_logit_softcap, logits.size(), logits.data());
}

}  // namespace thimble
