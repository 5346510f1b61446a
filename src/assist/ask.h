// Questions answered from a knowledge base: chunks are retrieved, a prompt is made of them under a budget, a model
// answers, and the answer is held against its sources. What they do not bear out is refused: small models invent.
#pragma once

#include <nlohmann/json.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "assist/ask_evidence.h"
#include "assist/ask_prompt.h"
#include "engine/conversation.h"
#include "engine/session.h"
#include "knowledge/retriever.h"

namespace thimble {

inline constexpr std::string_view kManualsDoNotSay = "The manuals do not say.";

struct AskOptions {
  bool with_retrieval = true;  // false: the model alone, for comparison
  Retrieval how = Retrieval::both;
  size_t candidates = 4;       // chunks that are retrieved
  size_t answer_tokens = 128;  // at most
  // Refuse what the manuals do not speak of and what the sources do not bear out; answer with the sources' own lines
  // where they do and the model does not.
  bool checks_answer = true;
  std::string chat_template;  // in place of the model's own; empty: its own
  AskShares shares{};
};

struct AskCitation {
  std::string path;
  std::string section;
  uint32_t first = 0, last = 0;
  bool has_pages = false;
};

struct AskAnswer {
  std::string answer;
  bool refused = false;
  std::string reason;      // why it was refused, or quoted; empty where the answer is the model's
  bool is_quoted = false;  // the answer is lines of the sources
  double coverage = 0;     // of the question by the best chunk (ask_evidence.h); 0 without retrieval
  std::string written;     // by the model, before it was judged
  std::vector<AskCitation> citations;
  std::vector<AskSource> retrieved;
  AskBudget budget;
  bool is_question_cut = false;
  size_t history_turns = 0;  // that were in the prompt
  Generation generation;     // without tokens where no model ran
  double retrieval_seconds = 0;
  double first_token_seconds = 0;  // from the question on; 0 where no model ran

  // {"answer", "refused", "reason", "citations": [{"path", "section", ...}], "retrieved": [...], "budget": {...}, ...}
  nlohmann::ordered_json json() const;
};

// {"path", "section", "section_path", "first_line", "last_line" or pages, "score", "bm25", "cosine"}
nlohmann::ordered_json retrieved_json(const Retrieved& retrieved);

// Made once for many questions. Not locked: one question at a time.
class Asker {
 public:
  // The references must outlive it. `retriever`: nullptr where options.with_retrieval is false. Throws Error(bad_file)
  // for a model without chat template, Error(usage) naming -c where the context is too small.
  Asker(const LanguageModel& language_model, Session& session, Retriever* retriever, AskOptions options);

  // `history`: earlier turns, the oldest first. Throws Error(usage) for an empty question. Interrupted: what there is of
  // an answer.
  AskAnswer ask(const std::string& question, const std::vector<AskTurn>& history = {},
                const GenerateCallbacks& callbacks = {});

 private:
  std::vector<Retrieved> retrieve(const std::string& question, const std::vector<AskTurn>& history);
  Evidence weigh(const std::string& question, const std::vector<Retrieved>& retrieved);
  std::string fault_of(const AskAnswer& answer, const Evidence& evidence, const std::string& question) const;
  void judge(AskAnswer& answer, const Evidence& evidence, const std::string& fault) const;
  static void quote(AskAnswer& answer, const Evidence& evidence);
  void cite(AskAnswer& answer, const std::string& text) const;
  const AskSource* best_source(const AskAnswer& answer, const std::string& text) const;

  const LanguageModel& language_model_;
  Session& session_;
  Retriever* retriever_;
  AskOptions options_;
  Conversation conversation_;
  AskPromptBuilder builder_;
};

}  // namespace thimble
