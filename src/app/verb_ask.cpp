#include "app/embedding_model.h"
#include "app/interrupt.h"
#include "app/knowledge_option.h"
#include "app/text_input.h"
#include "app/verbs.h"
#include "assist/ask.h"
#include "format/json_text.h"
#include "knowledge/document.h"

namespace thimble {
namespace {

constexpr size_t kMostCandidates = 100;

struct Asked {
  std::string question;
  std::vector<AskTurn> history;
};

class Ask : public Command {
 public:
  void declare(OptionTable& options) override {
    model_.declare_model(options, false);
    model_.declare_adapters(options);
    model_.declare_pre_tokenizer(options);
    options.heading("Knowledge");
    options.text("--kb", "FILE", base_, "Knowledge base made by `thimble index`").path();
    embedding_.declare(options, "The encoder that it was indexed with; without one the search is by words alone");
    options.choice("--retrieval", "HOW", how_, {"hybrid", "lexical", "vector", "none"},
                   "How chunks are found; none: the model answers alone");
    options.integer("-k,--candidates", candidates_, 1, kMostCandidates, "Chunks that are retrieved");
    options.flag("--retrieve-only", retrieve_only_, "Show what is found and ask no model");
    options.heading("Question");
    options.text("-p,--prompt", "TEXT", question_, "The question").only_one_of("question");
    options.text("-f,--file", "FILE", file_, "File with the question, - for standard input")
        .only_one_of("question")
        .path();
    options.flag("--jsonl", jsonl_,
                 "A question a line: a text, or an object with \"prompt\" or \"messages\"; an answer a line, as JSON");
    options.heading("Answer");
    options.integer("-n,--predict", predict_, 1, INT32_MAX, "Tokens of an answer, at most");
    options.flag("--no-check", no_check_, "Do not refuse answers that the sources do not bear out");
    options.text("--chat-template-file", "FILE", template_file_, "Chat template in place of the file's own").path();
    context_.declare(options);
    output_.declare(options);
  }

  ExitCode run(Console& console) override {
    require_consistent();
    std::vector<Asked> questions;  // read before anything is loaded
    if (jsonl_) {
      questions = read_lines();
    } else {
      questions.push_back({without_last_newline(question_ ? *question_ : read_text(file_.value_or("-"))), {}});
    }
    if (retrieve_only_) return retrieve(console, questions);
    return answer(console, questions);
  }

 private:
  void require_consistent() const {
    if (base_.empty() && how_ != "none") fail(ExitCode::usage, "ask: --kb FILE is required; `thimble index` makes one");
    if (model_.model.empty() && !retrieve_only_) fail(ExitCode::usage, "ask: -m MODEL is required, or --retrieve-only");
    if (retrieve_only_ && how_ == "none")
      fail(ExitCode::usage, "ask: --retrieve-only and --retrieval none leave nothing to do");
    if (how_ == "vector" && !embedding_.path)
      fail(ExitCode::usage, "--retrieval vector: --embed-model GGUF is required");
    if (!question_ && !file_ && input_is_terminal())
      fail(ExitCode::usage, "ask: a question is required: -p TEXT, -f FILE or standard input");
  }

  static Asked from_json(const nlohmann::json& value, size_t line) {
    Asked asked;
    if (const auto prompt = find_text(value, "prompt")) asked.question = *prompt;
    const nlohmann::json* messages = find_member(value, "messages");
    if (messages == nullptr || !messages->is_array()) {
      if (asked.question.empty())
        fail(ExitCode::usage, "line {}: expected \"prompt\" or \"messages\", found neither", line);
      return asked;
    }
    for (const nlohmann::json& message : *messages) {
      const std::string role = text_or_empty(message, "role"), content = text_or_empty(message, "content");
      if (role == "assistant" && !asked.question.empty()) asked.history.push_back({std::move(asked.question), content});
      if (role == "user") asked.question = content;
      if (role == "assistant") asked.question.clear();
    }
    if (asked.question.empty()) fail(ExitCode::usage, "line {}: \"messages\" does not end with a user's", line);
    return asked;
  }

  std::vector<Asked> read_lines() const {
    const std::string text = question_ ? *question_ : read_text(file_.value_or("-"));
    std::vector<Asked> questions;
    for (const TextLine& line : lines_of(text)) {
      if (trimmed(line.text).empty()) continue;
      const bool is_object = trimmed(line.text).starts_with('{');
      if (!is_object) questions.push_back({std::string(line.text), {}});
      if (is_object)
        questions.push_back(from_json(parse_json(line.text, fmt::format("line {}", line.number)), line.number));
    }
    if (questions.empty()) fail(ExitCode::usage, "ask: no question was given");
    return questions;
  }

  Retrieval retrieval() const {
    if (how_ == "lexical") return Retrieval::words;
    return how_ == "vector" ? Retrieval::vectors : Retrieval::both;
  }

  // What is found, for people who search and for measuring.
  ExitCode retrieve(Console& console, const std::vector<Asked>& questions) {
    std::optional<KnowledgeBase> base;
    open(base, console);
    std::optional<EmbeddingModel> embedding;
    if (embedding_.path) {
      Preflight preflight = EmbeddingModel::preflight(*embedding_.path, context_);
      preflight.require_fit(kKnowledgeBaseBytes + base->vector_bytes());
      embedding.emplace(std::move(preflight), context_);
    }
    Retriever retriever(*base, embedding ? &embedding->embedder() : nullptr);
    for (const Asked& asked : questions) {
      stop_if_interrupted();
      const std::vector<Retrieved> found =
          retriever.retrieve(asked.question, static_cast<size_t>(candidates_), retrieval());
      if (jsonl_ || output_.json) {
        nlohmann::ordered_json list = nlohmann::ordered_json::array();
        for (const Retrieved& chunk : found) {
          list.push_back(retrieved_json(chunk));
          list.back()["text"] = chunk.stored.chunk.text;
        }
        print_json(console, {{"question", asked.question}, {"retrieved", std::move(list)}});
      } else {
        for (const Retrieved& chunk : found) print_chunk(console, chunk);
      }
    }
    return ExitCode::done;
  }

  static void print_chunk(Console& console, const Retrieved& chunk) {
    const StoredChunk& stored = chunk.stored;
    console.print(fmt::format("{} [{} {}-{}]\n", printable(stored.path + ": " + stored.chunk.section_path, 400),
                              stored.has_pages ? "pages" : "lines", stored.chunk.first, stored.chunk.last));
    console.print(without_controls(stored.chunk.text) + "\n\n");
  }

  void open(std::optional<KnowledgeBase>& base, Console& console) const {
    open_knowledge_base(base, base_);
    if (!base->is_complete()) {
      console.note("{}: the last `thimble index` did not come to its end; run it again to have all documents",
                   printable(base_));
    }
  }

  ExitCode answer(Console& console, const std::vector<Asked>& questions) {
    // All that will be resident is added up before anything is loaded: both models, the index.
    Preflight preflight(model_, context_);
    std::optional<KnowledgeBase> base;
    std::optional<Preflight> encoder;
    uint64_t more = 0;
    if (how_ != "none") {
      open(base, console);
      if (embedding_.path) encoder.emplace(EmbeddingModel::preflight(*embedding_.path, context_));
      more = kKnowledgeBaseBytes + (encoder ? base->vector_bytes() + EmbeddingModel::bytes(*encoder) : 0);
    }
    preflight.require_fit(more);
    Runtime runtime(std::move(preflight), model_, context_);
    runtime.note_setup(console, output_.verbose);
    std::optional<EmbeddingModel> embedding;
    if (encoder) embedding.emplace(std::move(*encoder), context_);
    std::optional<Retriever> retriever;
    if (base) retriever.emplace(*base, embedding ? &embedding->embedder() : nullptr);
    const std::unique_ptr<Session> session = runtime.make_session();
    Asker asker(runtime.language_model(), *session, retriever ? &*retriever : nullptr, options());
    for (const Asked& asked : questions) {
      const AskAnswer answer = asker.ask(asked.question, asked.history, {.interrupted = interrupted});
      stop_if_interrupted();
      show(console, answer);
    }
    return ExitCode::done;
  }

  AskOptions options() const {
    AskOptions options;
    options.with_retrieval = how_ != "none";
    options.how = retrieval();
    options.candidates = static_cast<size_t>(candidates_);
    options.answer_tokens = static_cast<size_t>(predict_);
    options.checks_answer = !no_check_;
    if (template_file_) options.chat_template = read_text(*template_file_);
    return options;
  }

  void show(Console& console, const AskAnswer& answer) const {
    if (jsonl_ || output_.json) {
      nlohmann::ordered_json json = answer.json();
      json["peak_rss_bytes"] = peak_resident_bytes();
      return print_json(console, json);
    }
    console.print_model_text(answer.answer);
    console.print("\n");
    for (const AskCitation& citation : answer.citations) {
      console.print(fmt::format("  {}: {} ({} {}-{})\n", printable(citation.path), printable(citation.section),
                                citation.has_pages ? "pages" : "lines", citation.first, citation.last));
    }
    if (output_.verbose && answer.refused) console.note("refused: {}", answer.reason);
    console.flush();
  }

  void print_json(Console& console, const nlohmann::ordered_json& value) const {
    if (!jsonl_) return console.print_json(value);
    console.print(value.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
    console.flush();
  }

  ModelOptions model_;
  std::string base_;
  EmbeddingOption embedding_;
  std::string how_ = "hybrid";
  int64_t candidates_ = static_cast<int64_t>(AskOptions{}.candidates);
  int64_t predict_ = static_cast<int64_t>(AskOptions{}.answer_tokens);
  std::optional<std::string> question_, file_, template_file_;
  bool jsonl_ = false, retrieve_only_ = false, no_check_ = false;
  ContextOptions context_;
  OutputOptions output_;
};

constexpr Example kExamples[] = {
    {"ask -m model.gguf --kb kb.db -p \"At what vibration does the CP-40 trip?\"",
     "An answer from the manuals, with its section"},
    {"ask -m model.gguf --kb kb.db --embed-model minilm-q8_0.gguf -p \"How do I bleed the pump?\" --json",
     "Found by meaning too, and everything that was found, cut and why"},
    {"ask -m model.gguf --kb kb.db -f questions.txt --jsonl", "An answer for each line, the model loaded once"},
    {"ask --kb kb.db --retrieve-only -p \"filter change interval\"", "Search the manuals without a model"},
};

}  // namespace

extern const Verb kAsk;
const Verb kAsk{"ask", "Answer a question from a knowledge base, or say that it has no answer", kExamples,
                make_command<Ask>};

}  // namespace thimble
