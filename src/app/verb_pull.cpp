#include <chrono>
#include <cmath>
#include <optional>

#include "app/interrupt.h"
#include "app/model_caches.h"
#include "app/model_summary.h"
#include "app/preflight.h"
#include "app/progress_bar.h"
#include "app/verbs.h"
#include "base/memory.h"
#include "fetch/digest.h"

namespace thimble {
namespace {

constexpr uint64_t kDefaultLimit = 4'000'000'000;  // what the devices have that Thimble is for

// "5.1 GB", "4 GB", "512 MB"
std::string size_text(uint64_t bytes) {
  const double gigabytes = std::round(static_cast<double>(bytes) / 1e8) / 10;
  return gigabytes >= 1 ? fmt::format("{:g} GB", gigabytes)
                        : fmt::format("{:.0f} MB", static_cast<double>(bytes) / 1e6);
}

// "7B", as the file says or its tensors show.
std::string class_of(const Gguf& gguf) {
  const GgufValue* label = gguf.find("general.size_label");
  if (label != nullptr && label->type == GgufValueType::STRING && !label->data.empty()) return display_text(*label);
  const auto parameters = static_cast<double>(summarise(gguf).parameters);
  if (parameters >= 1e9) return fmt::format("{:g}B", std::round(parameters / 1e8) / 10);
  return fmt::format("{:.0f}M", parameters / 1e6);
}

class Pull : public Command {
 public:
  void declare(OptionTable& options) override {
    options.heading("Model");
    options
        .text("MODEL", "MODEL", request_.reference,
              "hf:owner/repository with @revision, :quantization or /file, an address, or a file")
        .required();
    options.text("--name", "NAME", request_.name, "Name in the cache, for an address or a file")
        .by_default("the file's");
    options.value(
        "--sha256", "DIGEST", [this](const std::string& text) { set_digest(text); },
        "SHA-256 that the file must have, where the server does not say");
    options.heading("What is refused");
    context_.declare_context(options);
    context_.declare_memory_limit(options, "--budget,--memory-limit")
        .by_default("4 GB, or what the machine has free where that is less");
    options.flag("--force", request_.is_forced, "Fetch also what will not fit in memory or cannot be run");
    options.heading("Network");
    options.flag("--offline", is_offline_, "Use no network: say where the model is, if it is in a cache");
    options.integer("--retries", retries_, 0, 1000, "How often a fetch that fails is tried again without progress");
    options.real("--retry-wait", retry_wait_, 0, 3600,
                 "Seconds before the first of these; each next wait is twice as long");
    options.real("--timeout", timeout_, 1, 3600, "Seconds without an answer or any progress that end an attempt");
    options.heading("Output");
    options.flag("--json", is_json_, "Print the result as JSON");
  }

  ExitCode run(Console& console) override {
    program_bytes_ = resident_bytes();
    if (!context_.memory_limit && available_memory().bytes > kDefaultLimit) {
      context_.memory_limit = kDefaultLimit;
      context_.memory_limit_name = "the default";
    }
    PullSettings settings = pull_settings();
    settings.is_offline = settings.is_offline || is_offline_;
    settings.retry.attempts = static_cast<unsigned>(retries_);
    settings.retry.first_wait = retry_wait_;
    settings.http.stall_seconds = timeout_;
    const PullChecks checks{
        [&](Gguf header, const std::string& name) { check_header(console, std::move(header), name); },
        [&](uint64_t bytes, const std::string& name) { check_size(console, bytes, name); }};
    std::optional<ProgressBar> bar;
    std::string shown;
    const auto progress = [&](const std::string& what, uint64_t done, uint64_t total, uint64_t kept) {
      if (!bar || shown != what || done < last_done_) bar.emplace(console, shown = what, "bytes");
      last_done_ = done;
      bar->update(done, total, kept);
    };
    const FetchEvents events{interrupted,
                             [&](const std::string& line) {
                               if (bar) bar->finish();
                               console.note("{}", line);
                             },
                             progress};
    const auto start = std::chrono::steady_clock::now();
    const std::vector<PulledFile> files = pull_model(request_, settings, checks, events);
    if (bar) bar->finish();
    print(console, files, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    return ExitCode::done;
  }

 private:
  void set_digest(const std::string& text) {
    if (!is_sha256(text)) fail(ExitCode::usage, "expected 64 hexadecimal digits, found '{}'", printable(text));
    request_.sha256 = text;
    for (char& c : request_.sha256) c = c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
  }

  // Refuses, or with --force says so and goes on.
  void refuse(const Console& console, const Error& error) const {
    if (!request_.is_forced) throw error;
    console.note("{}; fetched all the same", error.what());
  }

  void check_header(const Console& console, Gguf header, const std::string& name) const {
    const std::string size_class = class_of(header);
    try {
      const Preflight preflight(std::move(header), context_, program_bytes_);
      const uint64_t total = preflight.plan().total();
      if (total <= preflight.limit().bytes) return;
      std::string way_out;
      for (const Remedy& remedy : preflight.remedies()) {
        way_out += fmt::format("{}{} ({})", way_out.empty() ? "it fits with " : " or ", remedy.change,
                               size_text(remedy.total));
      }
      if (way_out.empty()) way_out = "choose a smaller model or quantization";
      fail(ExitCode::does_not_fit,
           "{}: will not fit in {}: {} needs {} (limit: {}); {}; --force fetches it all the same", printable(name),
           size_text(preflight.limit().bytes), size_class, size_text(total), preflight.limit().source, way_out);
    } catch (const Error& error) {
      refuse(console, error);
    }
  }

  // Of a model in several files the first header does not say all: the weights alone must fit.
  void check_size(const Console& console, uint64_t bytes, const std::string& name) const {
    const uint64_t limit = context_.memory_limit.value_or(available_memory().bytes);
    if (bytes <= limit) return;
    refuse(console, Error(ExitCode::does_not_fit,
                          fmt::format("{}: will not fit in {}: its files alone are {}; choose a smaller model or "
                                      "quantization; --force fetches it all the same",
                                      printable(name), size_text(limit), size_text(bytes))));
  }

  void print(Console& console, const std::vector<PulledFile>& files, double seconds) const {
    if (!is_json_) {
      console.print(files[0].path + "\n");
      return;
    }
    uint64_t size = 0;
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const PulledFile& file : files) {
      size += file.size;
      list.push_back({{"path", file.path},
                      {"size", file.size},
                      {"sha256", file.sha256},
                      {"source", file.source},
                      {"origin", file.origin}});
    }
    nlohmann::ordered_json json = {{"path", files[0].path},     {"size", size},
                                   {"sha256", files[0].sha256}, {"source", files[0].source},
                                   {"origin", files[0].origin}, {"seconds", seconds}};
    if (files.size() > 1) json["files"] = std::move(list);
    console.print_json(json);
  }

  PullRequest request_;
  ContextOptions context_;
  bool is_offline_ = false;
  int64_t retries_ = 5;
  double retry_wait_ = 1;
  double timeout_ = 30;
  bool is_json_ = false;
  uint64_t program_bytes_ = 0;
  uint64_t last_done_ = 0;
};

constexpr Example kExamples[] = {
    {"pull hf:Qwen/Qwen2.5-0.5B-Instruct-GGUF", "Fetch a model's Q4_K_M file from the Hugging Face hub"},
    {"pull hf:Qwen/Qwen2.5-0.5B-Instruct-GGUF:Q8_0 --budget 1GB",
     "Another quantization, refused beforehand where it needs more than 1 GB"},
    {"pull https://example.org/model.gguf --name mine", "Fetch a file from anywhere; later -m mine"},
};

}  // namespace

extern const Verb kPull;
const Verb kPull{"pull", "Fetch a model into the cache", kExamples, make_command<Pull>};

}  // namespace thimble
