// The public C++ interface over the engine.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <optional>
#include <type_traits>

#include "base/cpu.h"
#include "base/error.h"
#include "base/memory.h"
#include "engine/conversation.h"
#include "engine/memory_plan.h"
#include "engine/session_defaults.h"
#include "thimble/thimble.hpp"

#ifndef THIMBLE_VERSION
#error "THIMBLE_VERSION comes from the build"
#endif

namespace thimble::api {
namespace {

// Errors of the rooms become those of the interface.
template <class F>
auto translated(F&& f) -> std::invoke_result_t<F> {
  try {
    return f();
  } catch (const thimble::Error& error) {
    throw Error(static_cast<Code>(error.code()), error.what());
  }
}

constexpr unsigned kMostThreads = 512;
constexpr size_t kMostContext = size_t{1} << 24;  // beyond any model; keeps the plan's sums far from overflow

unsigned thread_count(const Setup& setup) {
  if (setup.threads > kMostThreads) {
    fail(ExitCode::usage, "threads: expected at most {}, found {}", kMostThreads, setup.threads);
  }
  return setup.threads != 0 ? setup.threads : usable_cpus();
}

SessionOptions session_options(const thimble::Model& model, const Setup& setup) {
  const Hyperparameters& hyper = model.hyper();
  const auto cache_type = [&](std::string_view field, const std::string& name) {
    return name.empty() ? default_cache_type(hyper) : parse_cache_type(field, name);
  };
  if (setup.batch_size == 0) fail(ExitCode::usage, "batch_size: expected at least 1, found 0");
  if (setup.context_size > kMostContext) {
    fail(ExitCode::usage, "context_size: expected at most {}, found {}", kMostContext, setup.context_size);
  }
  SessionOptions options;
  options.kv.context_length = setup.context_size != 0 ? setup.context_size : default_context_length(hyper);
  options.kv.batch_tokens = std::min(setup.batch_size, options.kv.context_length);
  options.kv.k_type = cache_type("cache_type_k", setup.cache_type_k);
  options.kv.v_type = cache_type("cache_type_v", setup.cache_type_v);
  return options;
}

// A file whose shapes are known and whose memory is planned, before anything is loaded.
struct Planned {
  std::unique_ptr<const Gguf> gguf;
  std::vector<OpenAdapter> adapters;
  SessionOptions options;
  unsigned threads = 1;
  Plan plan;
};

Plan to_plan(const MemoryPlan& parts, uint64_t limit) {
  Plan plan{
      parts.weights, parts.kv, parts.activations, parts.scratch, parts.tokenizer, parts.program, parts.total(), limit,
      false,         {}};
  plan.fits = plan.total <= limit;
  return plan;
}

Planned plan_file(const std::string& path, const Setup& setup, bool must_fit) {
  const uint64_t program = resident_bytes();
  const AvailableMemory available =
      setup.memory_limit != 0 ? AvailableMemory{setup.memory_limit, "memory_limit"} : available_memory();
  Planned planned;
  planned.gguf = std::make_unique<const Gguf>(Gguf::open(path));
  planned.threads = thread_count(setup);
  thimble::Model model = thimble::Model::bind(*planned.gguf, thimble::Model::Depth::shapes);
  for (const Adapter& adapter : setup.adapters) {
    if (!std::isfinite(adapter.scale))
      fail(ExitCode::usage, "adapters: expected a finite scale, found {}", adapter.scale);
    planned.adapters.push_back({std::make_unique<const Gguf>(Gguf::open(adapter.path)), adapter.scale});
    model.add_adapter(*planned.adapters.back().gguf, adapter.scale);
  }
  planned.options = session_options(model, setup);
  if (must_fit) require_fit(model, planned.options, planned.threads, program, available.bytes, available.source);
  planned.plan = to_plan(plan_memory(model, planned.options, planned.threads, program), available.bytes);
  if (!planned.plan.fits) {
    for (const Remedy& remedy : find_remedies(model, planned.options, planned.threads, program, available.bytes)) {
      planned.plan.remedies.push_back(remedy.change);
    }
  }
  return planned;
}

SamplerOptions sampler_options(const Request& request) {
  SamplerOptions options;
  options.temperature = request.temperature;
  options.top_k = request.top_k;
  options.top_p = request.top_p;
  options.min_p = request.min_p;
  options.repeat_penalty = request.repeat_penalty;
  options.seed = request.seed;
  return options;
}

Answer to_answer(Generation&& generation) {
  return {std::move(generation.text),
          std::move(generation.tokens),
          generation.prompt_tokens,
          generation.reused_tokens,
          std::string(name_of(generation.stop_reason)),
          generation.prompt_seconds,
          generation.decode_seconds};
}

// What one turn hands to the engine's answer loop.
struct Turn {
  Turn(const Request& request, const OnText& on_text) : sampler(sampler_options(request)) {
    if (std::ranges::any_of(request.stop, [](const std::string& stop) { return stop.empty(); })) {
      fail(ExitCode::usage, "stop: expected strings with at least one character, found an empty one");
    }
    options.max_tokens = request.max_tokens;
    options.stop = request.stop;
    if (!on_text) return;
    callbacks.on_text = [this, &on_text](std::string_view text) { ended = ended || !on_text(text); };
    callbacks.interrupted = [this] { return ended; };
  }
  Turn(const Turn&) = delete;  // the callbacks point here
  Turn& operator=(const Turn&) = delete;

  Sampler sampler;
  GenerateOptions options;
  GenerateCallbacks callbacks;
  bool ended = false;
};

}  // namespace

std::string_view version() { return THIMBLE_VERSION; }

Plan plan(const std::string& path, const Setup& setup) {
  return translated([&] { return plan_file(path, setup, false).plan; });
}

struct Model::Impl {
  Impl(Planned&& planned, const Setup& setup)
      : kernels(select_kernels(setup.isa)),
        plan(std::move(planned.plan)),
        options(planned.options),
        threads(planned.threads),
        language_model(LanguageModel::load(std::move(planned.gguf), {}, std::move(planned.adapters))) {}

  uint64_t session_bytes() const { return plan.kv + plan.activations + plan.scratch; }

  const Kernels& kernels;
  Plan plan;
  SessionOptions options;
  unsigned threads;
  LanguageModel language_model;
  std::atomic<uint64_t> open_sessions{0};
};

Model::Model(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

Model Model::load(const std::string& path, const Setup& setup) {
  return translated([&] { return Model(std::make_shared<Impl>(plan_file(path, setup, true), setup)); });
}

const Plan& Model::plan() const { return impl_->plan; }
size_t Model::context_size() const { return impl_->options.kv.context_length; }
size_t Model::vocabulary_size() const { return impl_->language_model.tokenizer().vocabulary_size(); }

std::vector<int32_t> Model::tokenize(std::string_view text, bool add_special) const {
  return translated([&] { return impl_->language_model.tokenizer().encode(text, {.add_special = add_special}); });
}

std::string Model::detokenize(const std::vector<int32_t>& tokens) const {
  return translated([&] { return impl_->language_model.tokenizer().decode(tokens); });
}

struct Session::Impl {
  // Counts a session of the model for as long as it lives.
  class Place {
   public:
    explicit Place(Model::Impl& model) : model_(model) {
      const uint64_t others = model.open_sessions.fetch_add(1);
      const uint64_t needed = model.plan.total + others * model.session_bytes();
      if (needed <= model.plan.limit) return;
      model.open_sessions.fetch_sub(1);
      fail(ExitCode::does_not_fit,
           "{}: session {} would bring memory to {} bytes, but the limit is {}: free a session first",
           model.language_model.gguf().path(), others + 1, needed, model.plan.limit);
    }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    ~Place() { model_.open_sessions.fetch_sub(1); }

   private:
    Model::Impl& model_;
  };

  explicit Impl(std::shared_ptr<Model::Impl> shared)
      : model(std::move(shared)),
        place(*model),
        team(model->threads),
        session(model->language_model.model(), model->kernels, team, model->options) {}

  // Made at the first use: a model without a template can still generate.
  Conversation& talk() {
    if (!conversation) conversation.emplace(model->language_model, "");
    return *conversation;
  }

  std::shared_ptr<Model::Impl> model;
  Place place;
  Team team;
  thimble::Session session;
  std::optional<Conversation> conversation;
};

Session::Session(const Model& model) : impl_(translated([&] { return std::make_unique<Impl>(model.impl_); })) {}
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;

Answer Session::generate(std::string_view prompt, const Request& request, const OnText& on_text) {
  return translated([&] {
    Turn turn(request, on_text);
    const Tokenizer& tokenizer = impl_->model->language_model.tokenizer();
    return to_answer(thimble::generate(impl_->session, tokenizer, tokenizer.encode(prompt), turn.sampler, turn.options,
                                       turn.callbacks));
  });
}

Answer Session::chat(std::string_view user, const Request& request, const OnText& on_text) {
  return translated([&] {
    Turn turn(request, on_text);
    Conversation& conversation = impl_->talk();
    conversation.add("user", user);
    try {
      return to_answer(conversation.answer(impl_->session, turn.sampler, turn.options, turn.callbacks));
    } catch (...) {
      conversation.remove_last();
      throw;
    }
  });
}

void Session::set_system(std::string_view text) {
  translated([&] { impl_->talk().set_system(text); });
}

void Session::clear() {
  if (impl_->conversation) impl_->conversation->clear();
}

}  // namespace thimble::api
