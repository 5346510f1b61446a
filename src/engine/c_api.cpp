// The public C interface: thimble.hpp with handles for objects and codes for exceptions.
#include <new>

#include "thimble/thimble.h"
#include "thimble/thimble.hpp"

namespace api = thimble::api;

struct thimble_model {
  api::Model model;
};
struct thimble_session {
  api::Session session;
};

namespace {

// One message a thread, as errno has one number.
thread_local std::string last_error;  // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)

int report(int code, const char* message) noexcept {
  try {
    last_error = message;
  } catch (const std::bad_alloc&) {
    last_error.clear();
  }
  return code;
}

template <class F>
int guarded(F&& f) noexcept {
  try {
    f();
    return THIMBLE_OK;
  } catch (const api::Error& error) {
    return report(static_cast<int>(error.code()), error.what());
  } catch (const std::bad_alloc&) {
    return report(THIMBLE_DOES_NOT_FIT, "the system has no memory left");
  } catch (const std::exception& error) {
    return report(THIMBLE_FAILED, error.what());
  } catch (...) {
    return report(THIMBLE_FAILED, "a callback threw something that is no std::exception");
  }
}

template <class T>
T& required(T* pointer, const char* name) {
  if (pointer == nullptr) throw api::Error(api::Code::usage, std::string(name) + ": expected a pointer, found NULL");
  return *pointer;
}

const char* required_text(const char* text, const char* name) { return &required(text, name); }

std::string text_or_default(const char* text, const char* instead) { return text != nullptr ? text : instead; }

api::Setup to_setup(const thimble_setup* given) {
  api::Setup setup;
  if (given == nullptr) return setup;
  setup.context_size = given->context_size;
  setup.cache_type_k = text_or_default(given->cache_type_k, "");
  setup.cache_type_v = text_or_default(given->cache_type_v, "");
  if (given->batch_size != 0) setup.batch_size = given->batch_size;
  setup.threads = given->threads;
  setup.isa = text_or_default(given->isa, "auto");
  setup.memory_limit = given->memory_limit;
  for (size_t i = 0; i < given->adapter_count; ++i) {
    const thimble_adapter& adapter = (&required(given->adapters, "adapters"))[i];
    setup.adapters.push_back({required_text(adapter.path, "adapters[].path"), adapter.scale});
  }
  return setup;
}

api::Request to_request(const thimble_request* given) {
  api::Request request;
  if (given == nullptr) return request;
  if (given->max_tokens != 0) request.max_tokens = given->max_tokens;
  for (const char* const* stop = given->stop; stop != nullptr && *stop != nullptr; ++stop)
    request.stop.emplace_back(*stop);
  request.temperature = given->temperature;
  request.top_k = given->top_k;
  request.top_p = given->top_p;
  request.min_p = given->min_p;
  request.repeat_penalty = given->repeat_penalty;
  request.seed = given->seed;
  return request;
}

api::OnText to_callback(thimble_on_text on_text, void* user) {
  if (on_text == nullptr) return {};
  return [on_text, user](std::string_view text) { return on_text(std::string(text).c_str(), user) != 0; };
}

// The names in Answer::stop_reason live as long as the answer; those given to C live for ever.
const char* stop_reason(const std::string& name) {
  for (const char* known : {"eos", "stop", "length", "context", "interrupted"}) {
    if (name == known) return known;
  }
  return "";
}

void give_counts(const api::Answer& answer, thimble_counts* counts) {
  if (counts == nullptr) return;
  *counts = {answer.prompt_tokens,  answer.reused_tokens,  answer.tokens.size(),
             answer.prompt_seconds, answer.decode_seconds, stop_reason(answer.stop_reason)};
}

}  // namespace

const char* thimble_last_error(void) { return last_error.c_str(); }

const char* thimble_version(void) { return api::version().data(); }

void thimble_request_init(thimble_request* request) {
  if (request == nullptr) return;
  const api::Request defaults;
  *request = {0,
              nullptr,
              defaults.temperature,
              defaults.top_k,
              defaults.top_p,
              defaults.min_p,
              defaults.repeat_penalty,
              defaults.seed};
}

int thimble_plan(const char* path, const thimble_setup* setup, thimble_plan_result* out) {
  return guarded([&] {
    thimble_plan_result& result = required(out, "out");
    const api::Plan plan = api::plan(required_text(path, "path"), to_setup(setup));
    result = {plan.weights, plan.kv,    plan.activations, plan.scratch, plan.tokenizer,
              plan.program, plan.total, plan.limit,       plan.fits};
  });
}

int thimble_load(const char* path, const thimble_setup* setup, thimble_model** out) {
  return guarded([&] {
    thimble_model*& model = required(out, "out");
    model = new thimble_model{api::Model::load(required_text(path, "path"), to_setup(setup))};
  });
}

int thimble_open_session(const thimble_model* model, thimble_session** out) {
  return guarded([&] {
    thimble_session*& session = required(out, "out");
    session = new thimble_session{api::Session(required(model, "model").model)};
  });
}

int thimble_generate(thimble_session* session, const char* prompt, const thimble_request* request,
                     thimble_on_text on_text, void* user, thimble_counts* counts) {
  return guarded([&] {
    give_counts(required(session, "session")
                    .session.generate(required_text(prompt, "prompt"), to_request(request), to_callback(on_text, user)),
                counts);
  });
}

int thimble_chat(thimble_session* session, const char* user_text, const thimble_request* request,
                 thimble_on_text on_text, void* user, thimble_counts* counts) {
  return guarded([&] {
    give_counts(
        required(session, "session")
            .session.chat(required_text(user_text, "user_text"), to_request(request), to_callback(on_text, user)),
        counts);
  });
}

int thimble_set_system(thimble_session* session, const char* text) {
  return guarded([&] { required(session, "session").session.set_system(required_text(text, "text")); });
}

int thimble_clear(thimble_session* session) {
  return guarded([&] { required(session, "session").session.clear(); });
}

void thimble_free_session(thimble_session* session) { delete session; }
void thimble_free_model(thimble_model* model) { delete model; }
