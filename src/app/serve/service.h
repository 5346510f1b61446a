// What all endpoints of the server share: the model with its slots, what the FieldOps tasks need, and the tally. Made once; any number
// of threads.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "app/embedding_model.h"
#include "app/runtime.h"
#include "app/serve/api_error.h"
#include "app/serve/request_fields.h"
#include "app/serve/slot_pool.h"
#include "engine/generate.h"
#include "knowledge/knowledge_base.h"
#include "knowledge/retriever.h"
#include "text/vocabulary_trie.h"

namespace thimble {

struct ServiceOptions {
  std::vector<std::string> names;  // that the model goes by, the first one in replies
  std::string chat_template;       // in place of the file's own where not empty
  SamplerOptions sampling;         // where a request says nothing
  bool has_seed = false;           // else each answer draws its own
  size_t draft_tokens = 0;
  size_t most_waiting = 0;
  CommandOptions command;
  uint64_t planned_bytes = 0, limit_bytes = 0;  // of memory
  size_t body_bytes = 0;                        // of a request, at most
  // Paths that clients are not to know, and what stands in messages for each.
  std::vector<std::pair<std::string, std::string>> hidden;
};

class ServiceTally {
 public:
  void add(const Generation& run);
  std::atomic<uint64_t> requests = 0, failures = 0, prompt_tokens = 0, cached_tokens = 0, answer_tokens = 0,
                        drafted_tokens = 0, accepted_tokens = 0, prompt_microseconds = 0, decode_microseconds = 0;
  // Of the last answer that says something about it; 0 before.
  std::atomic<double> prompt_speed = 0, decode_speed = 0;
};

class Service {
 public:
  // A model that answers. The reference must outlive it.
  Service(Runtime& runtime, ServiceOptions options);
  // An encoder, which embeds only.
  explicit Service(ServiceOptions options) : options_(std::move(options)) {}

  void set_encoder(EmbeddingModel& encoder, std::string name);
  // Throws Error as Retriever does. `base` must outlive this; `encoder`: nullptr for words alone.
  void set_knowledge(KnowledgeBase& base, EmbeddingModel* encoder);
  void set_tools(ToolList tools, const std::function<CommandExamples(const ToolList&)>& examples);

  const ServiceOptions& options() const { return options_; }
  const std::string& name() const { return options_.names[0]; }
  bool has_model() const { return runtime_ != nullptr; }
  // These throw ApiError 501 where the server was started without, naming the flag.
  Runtime& runtime() const;
  const Tokenizer& tokenizer() const { return runtime().tokenizer(); }
  SlotPool& slots();
  EmbeddingModel& encoder() const;
  const std::string& encoder_name() const { return encoder_name_; }
  Asker& asker(Slot& slot);
  Commander& commander(Slot& slot);
  LogSummarizer& summarizer(Slot& slot);
  bool has_encoder() const { return encoder_ != nullptr; }
  bool has_knowledge() const { return retriever_.has_value(); }
  const ToolList* tools() const { return tools_ ? &*tools_ : nullptr; }

  // What is being handled, as a client may read it. To be called within a catch block.
  ApiError current_error() const;
  // Throw ApiError 501.
  void require_knowledge() const;
  void require_tools() const;
  // Throws ApiError 404 where the request asks for another model than `names`.
  void require_model(const RequestFields& fields) const;
  void require_encoder(const RequestFields& fields) const;

  // A conversation from "messages", "tools" and "chat_template_kwargs". Throws ApiError 400, and what Conversation does.
  Conversation read_conversation(const RequestFields& fields, bool with_tools) const;
  // Throws ApiError 400 where a prompt leaves no room for an answer.
  void require_room(size_t prompt_tokens) const;

  // A grammar kept from an earlier request with the same `source`, or else what `compile` makes.
  std::shared_ptr<const Grammar> grammar(const std::string& source, const std::function<Grammar()>& compile);
  std::unique_ptr<TokenConstraint> constrain(std::shared_ptr<const Grammar> grammar);

  ServiceTally tally;
  const std::chrono::system_clock::time_point started = std::chrono::system_clock::now();

 private:
  std::shared_ptr<const VocabularyTrie> trie();
  Conversation blank_conversation() const;

  ServiceOptions options_;
  Runtime* runtime_ = nullptr;
  std::optional<SharedRunner> runner_;
  std::optional<SlotPool> slots_;
  EmbeddingModel* encoder_ = nullptr;
  std::string encoder_name_;
  KnowledgeBase* base_ = nullptr;
  std::optional<Retriever> retriever_;
  std::optional<ToolList> tools_;
  CommandExamples examples_;

  mutable std::mutex mutex_;  // of what follows
  std::shared_ptr<const VocabularyTrie> trie_;
  mutable std::optional<Conversation>
      blank_;  // made when first asked for: a model without a template completes all the same
  std::list<std::pair<std::string, std::shared_ptr<const Grammar>>> grammars_;  // the last used first
};

}  // namespace thimble
