#include "engine/language_model.h"

#include "base/error.h"

namespace thimble {

LanguageModel LanguageModel::load(std::unique_ptr<const Gguf> gguf, const LoadOptions& options,
                                  std::vector<OpenAdapter> adapters) {
  LanguageModel loaded;
  loaded.gguf_ = std::move(gguf);
  loaded.adapters_ = std::move(adapters);
  auto model = std::make_unique<Model>(Model::bind(*loaded.gguf_));
  for (const OpenAdapter& adapter : loaded.adapters_) model->add_adapter(*adapter.gguf, adapter.scale);
  loaded.model_ = std::move(model);
  loaded.tokenizer_ = std::make_unique<const Tokenizer>(Tokenizer::from_gguf(*loaded.gguf_, options.pre_tokenizer));
  const uint32_t rows = loaded.model_->hyper().vocabulary_size;
  if (loaded.tokenizer_->vocabulary_size() != rows) {
    fail(ExitCode::bad_file, "{}: the tokenizer has {} tokens, but token_embd.weight has {} rows", loaded.gguf_->path(),
         loaded.tokenizer_->vocabulary_size(), rows);
  }
  if (options.check_tensors) loaded.model_->check_tensors();
  return loaded;
}

}  // namespace thimble
