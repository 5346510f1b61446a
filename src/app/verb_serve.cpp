#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <thread>

#include "app/command_setup.h"
#include "app/embedding_model.h"
#include "app/interrupt.h"
#include "app/knowledge_option.h"
#include "app/runtime.h"
#include "app/serve/api.h"
#include "app/text_input.h"
#include "app/verbs.h"
#include "knowledge/document.h"

namespace thimble {
namespace {

using namespace std::chrono_literals;

constexpr int64_t kMostSlots = 64;
constexpr int64_t kDefaultSlots = 4;
constexpr int64_t kMostWaiting = 1024;
constexpr size_t kSpareWorkers = 4;                    // for what needs no slot
constexpr uint64_t kServerBytes = uint64_t{48} << 20;  // requests, threads and grammars beside the model
constexpr int kHeaps = 2;
constexpr auto kGrace = 4s;

bool is_loopback(const std::string& host) { return host == "localhost" || host == "::1" || host.starts_with("127."); }

std::vector<std::string> lines_of_keys(const std::string& text) {
  std::vector<std::string> keys;
  for (const TextLine& line : lines_of(text)) {
    const std::string_view key = trimmed(line.text);
    if (!key.empty()) keys.emplace_back(key);
  }
  return keys;
}

class Serve : public Command {
 public:
  void declare(OptionTable& options) override {
    model_.declare(options);
    options.texts("-a,--alias", "NAME", aliases_,
                  "Another name that clients may call the model by; the first one is shown");
    options.text("--chat-template-file", "FILE", template_file_, "Chat template in place of the file's own").path();
    options.heading("Address");
    options.text("--host", "ADDRESS", host_,
                 "Where to listen; others than this machine can ask only where it is another one");
    options.integer("--port", port_, 0, 65535, "Port, 0 for any that is free");
    options.texts("--api-key", "KEY", keys_, "Key that requests must have; several may be given");
    options.text("--api-key-file", "FILE", key_file_, "File with such keys, one on a line").path();
    options.texts("--allowed-host", "NAME", hosts_,
                  "Name that this machine is reached by, beside localhost and addresses");
    options.texts("--cors-origin", "ORIGIN", origins_,
                  "Web page elsewhere that may ask, such as https://panel.example");
    options.text("--ssl-cert-file", "FILE", certificate_, "Serve https with this certificate (PEM)").path();
    options.text("--ssl-key-file", "FILE", certificate_key_, "Its private key (PEM)").path();
    options.heading("Load");
    options.integer("-np,--parallel", slots_, 1, kMostSlots, "Answers made at once, each with a context of its own")
        .by_default(fmt::format("{}, or as many as fit the memory", kDefaultSlots));
    options.integer("--max-queue", most_waiting_, 0, kMostWaiting, "Requests that may wait for one of these");
    options.size("--max-body", body_bytes_, "Size of a request, at most").by_default("8M");
    options.heading("Knowledge");
    options.text("--kb", "FILE", base_, "Knowledge base for /v1/ask, made by `thimble index`").path();
    embedding_.declare(options, "Encoder for /v1/embeddings, and for finding by meaning in --kb");
    options.heading("Commands");
    options.text("--tools", "FILE", tools_, "Tools for /v1/command, as a JSON array in OpenAI's form").path();
    command_.declare(options);
    sampling_.declare(options);
    context_.declare(options);
    options.heading("Output");
    output_.declare_verbose(options);
  }

  ExitCode run(Console& console) override {
    // By default the C library gives each of many threads a heap of its own, which keeps what they have freed.
    ::mallopt(M_ARENA_MAX, kHeaps);
    const ApiGuard guard = read_guard();
    const std::unique_ptr<TlsContext> tls = make_tls();
    std::optional<ToolList> tools;  // read before memory is counted
    if (tools_) tools = ToolList::parse(read_file(*tools_), *tools_);
    // All that will be resident is added up before anything is loaded.
    Preflight preflight(model_, context_);
    if (!preflight.model().has_head()) return serve_encoder(console, preflight.gguf().path(), guard, tls.get());
    std::optional<Preflight> encoder;
    if (embedding_.path) encoder.emplace(EmbeddingModel::preflight(*embedding_.path, context_));
    std::optional<KnowledgeBase> base;
    if (base_) open_knowledge_base(base, *base_);
    uint64_t more = kServerBytes + (encoder ? EmbeddingModel::bytes(*encoder) : 0);
    if (base) more += kKnowledgeBaseBytes + (encoder ? base->vector_bytes() : 0);
    settle_slots(console, preflight, more);
    ServiceOptions options = service_options(preflight, more);
    Runtime runtime(std::move(preflight), model_, context_);
    runtime.note_setup(console, output_.verbose);
    std::optional<EmbeddingModel> embedding;
    if (encoder) embedding.emplace(std::move(*encoder), context_);
    Service service(runtime, std::move(options));
    if (embedding) service.set_encoder(*embedding, stem_of(*embedding_.path));
    if (base) service.set_knowledge(*base, embedding ? &*embedding : nullptr);
    if (tools) service.set_tools(std::move(*tools), [&](const ToolList& list) { return command_.read_examples(list); });
    return listen(console, service, guard, tls.get());
  }

 private:
  static std::string stem_of(const std::string& path) { return std::filesystem::path(path).stem().string(); }

  ApiGuard read_guard() const {
    ApiGuard guard{keys_, hosts_, origins_};
    if (key_file_) {
      for (std::string& key : lines_of_keys(read_file(*key_file_))) guard.keys.push_back(std::move(key));
      if (guard.keys.empty()) fail(ExitCode::usage, "--api-key-file: {} has no key", printable(*key_file_));
    }
    for (const std::string& key : guard.keys) {
      if (key.empty()) fail(ExitCode::usage, "--api-key: the key is empty");
    }
    if (!is_loopback(host_) && guard.keys.empty()) {
      fail(ExitCode::usage,
           "--host {}: others could ask: give --api-key KEY or --api-key-file FILE, or listen on 127.0.0.1",
           printable(host_));
    }
    char name[256] = {};
    if (::gethostname(name, sizeof name - 1) == 0) guard.hosts.emplace_back(name);
    return guard;
  }

  std::unique_ptr<TlsContext> make_tls() const {
    if (certificate_.has_value() != certificate_key_.has_value()) {
      fail(ExitCode::usage, "--ssl-cert-file and --ssl-key-file go together, found one of them");
    }
    return certificate_ ? std::make_unique<TlsContext>(*certificate_, *certificate_key_) : nullptr;
  }

  // As many as were asked for, or else as many of the usual number as fit.
  void settle_slots(const Console& console, Preflight& preflight, uint64_t more) const {
    preflight.session.sessions = static_cast<size_t>(slots_.value_or(kDefaultSlots));
    while (!slots_ && preflight.session.sessions > 1 && preflight.plan().total() + more > preflight.limit().bytes) {
      --preflight.session.sessions;
    }
    preflight.require_fit(more);
    if (!slots_ && preflight.session.sessions < kDefaultSlots) {
      console.note("{} slots, for more do not fit the memory; a shorter context (-c) leaves room for more",
                   preflight.session.sessions);
    }
  }

  ServiceOptions service_options(const Preflight& preflight, uint64_t more) const {
    ServiceOptions options = plain_options(preflight.gguf().path());
    options.sampling = sampling_.resolve();
    options.has_seed = sampling_.seed >= 0;
    options.draft_tokens = kDefaultDraftTokens;
    options.most_waiting = static_cast<size_t>(most_waiting_);
    options.command = command_.resolve();
    options.planned_bytes = preflight.plan().total() + more;
    options.limit_bytes = preflight.limit().bytes;
    return options;
  }

  ServiceOptions plain_options(const std::string& model_path) const {
    ServiceOptions options;
    options.names = aliases_;
    options.names.push_back(stem_of(model_.model));
    options.names.push_back(std::filesystem::path(model_.model).filename().string());
    options.names.push_back(model_.model);
    if (template_file_) options.chat_template = read_text(*template_file_);
    options.body_bytes = body_bytes_.value_or(HttpLimits{}.body_bytes);
    const auto hide = [&](const std::string& path, const char* shown) {
      options.hidden.emplace_back(path, shown);
      std::error_code error;
      options.hidden.emplace_back(std::filesystem::absolute(path, error).string(), shown);
    };
    hide(model_path, "the model");
    if (base_) hide(*base_, "the knowledge base");
    if (tools_) hide(*tools_, "the tools");
    if (embedding_.path) hide(*embedding_.path, "the encoder");
    // A longer path first: it may begin with a shorter one.
    std::ranges::sort(options.hidden, std::greater(), [](const auto& entry) { return entry.first.size(); });
    return options;
  }

  ExitCode serve_encoder(Console& console, const std::string& model_path, const ApiGuard& guard,
                         const TlsContext* tls) {
    if (base_ || tools_ || embedding_.path) {
      fail(ExitCode::usage, "{}: an encoder only embeds: --kb, --tools and --embed-model need a model that answers",
           printable(model_.model));
    }
    Preflight preflight = EmbeddingModel::preflight(model_.model, context_);
    preflight.require_fit(kServerBytes);
    ServiceOptions options = plain_options(model_path);
    options.planned_bytes = preflight.plan().total() + kServerBytes;
    options.limit_bytes = preflight.limit().bytes;
    EmbeddingModel embedding(std::move(preflight), context_);
    Service service(std::move(options));
    service.set_encoder(embedding, service.name());
    return listen(console, service, guard, tls);
  }

  ExitCode listen(Console& console, Service& service, const ApiGuard& guard, const TlsContext* tls) const {
    HttpLimits limits;
    limits.body_bytes = service.options().body_bytes;
    const size_t slots = service.has_model() ? service.slots().size() : 1;
    const auto log = [&console](const std::string& line) { console.note("{}", line); };
    const Api api(service, guard, log, output_.verbose ? Api::Log(log) : Api::Log());
    HttpFront front(
        limits, slots + static_cast<size_t>(most_waiting_) + kSpareWorkers, tls,
        [&](const httplib::Request& request, httplib::Response& reply, const HttpPeer& client) {
          api.answer(request, reply, client);
        },
        Api::refuse);
    const int port = front.bind(host_, static_cast<int>(port_));
    front.start();
    console.note("{} on {}://{}:{}", service.name(), tls != nullptr ? "https" : "http",
                 host_.find(':') == host_.npos ? host_ : "[" + host_ + "]", port);
    if (service.has_model()) {
      console.note("{} slots with {} tokens of context each; {:.0f} MB planned; Ctrl-C ends it", slots,
                   service.runtime().session_options().kv.context_length,
                   static_cast<double>(service.options().planned_bytes) / 1e6);
    }
    while (!interrupted()) std::this_thread::sleep_for(50ms);
    console.note("ending: answers under way have {} s", kGrace.count());
    front.stop(kGrace);
    return ExitCode::done;
  }

  ModelOptions model_;
  std::vector<std::string> aliases_;
  std::optional<std::string> template_file_;
  std::string host_ = "127.0.0.1";
  int64_t port_ = 8080;
  std::vector<std::string> keys_, hosts_, origins_;
  std::optional<std::string> key_file_, certificate_, certificate_key_;
  std::optional<int64_t> slots_;
  int64_t most_waiting_ = 32;
  std::optional<uint64_t> body_bytes_;
  std::optional<std::string> base_, tools_;
  EmbeddingOption embedding_;
  CommandSetup command_;
  SamplingOptions sampling_;
  ContextOptions context_;
  OutputOptions output_;
};

constexpr Example kExamples[] = {
    {"serve -m model.gguf", "OpenAI's API and a web page on http://127.0.0.1:8080"},
    {"serve -m model.gguf -np 2 -c 4096 --api-key-file keys.txt --host 0.0.0.0",
     "For the local network, two answers at once"},
    {"serve -m model.gguf --kb kb.db --embed-model minilm.gguf --tools tools.json",
     "With the FieldOps tasks: manuals and commands"},
    {"serve -m minilm.gguf --port 0", "An encoder: /v1/embeddings on any free port"},
};

}  // namespace

extern const Verb kServe;
const Verb kServe{"serve", "Serve a model over HTTP: OpenAI's API, the FieldOps tasks and a web page", kExamples,
                  make_command<Serve>};

}  // namespace thimble
