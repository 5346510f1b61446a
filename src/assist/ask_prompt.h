// The prompt of a question under a budget of tokens: shares of the context for what the system says, earlier turns,
// retrieved chunks and the answer. What is built always fits, whatever the model, context, question and chunks; what had
// to go is told.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "engine/conversation.h"
#include "knowledge/retriever.h"

namespace thimble {

struct AskTurn {
  std::string question;
  std::string answer;
};

// Of the context; what one does not use, retrieved chunks may.
struct AskShares {
  double question = 0.2;
  double history = 0.15;
  double answer = 0.25;  // at most, and no more than AskOptions::answer_tokens
};

struct AskBudget {
  size_t context = 0;
  size_t system = 0;  // template, instruction and headings: what is there in every prompt
  size_t question = 0;
  size_t history = 0;
  size_t retrieved = 0;                                            // chunks and hints
  size_t answer = 0;                                               // what is kept free
  size_t most_question = 0, most_history = 0, most_retrieved = 0;  // their limits
  size_t prompt = 0;                                               // all tokens of it
};

// A retrieved chunk and what became of it.
struct AskSource {
  Retrieved retrieved;
  size_t number = 0;  // in the prompt, from 1; 0: not there
  size_t tokens = 0;
  std::string cut;  // why it is not there, or not all of it; empty: it is whole
};

struct AskPrompt {
  std::string sources;  // the text of those that are there
  std::string hints;
  std::vector<AskSource> retrieved;
  AskBudget budget;
  size_t turns = 0;  // earlier ones that are there, the latest
  bool is_question_cut = false;
};

class AskPromptBuilder {
 public:
  // `conversation` is filled anew by every build(); its system prompt is set once. Throws Error(usage) naming -c where
  // not even an empty question fits `context_length` tokens.
  AskPromptBuilder(Conversation& conversation, const Tokenizer& tokenizer, size_t context_length, size_t answer_tokens,
                   bool with_sources, const AskShares& shares = {});

  // `hints`: lines of the chunks that are put right before the question, the most telling first; those that fit into a
  // tenth of the room.
  AskPrompt build(const std::string& question, const std::vector<AskTurn>& history, std::vector<Retrieved> retrieved,
                  const std::vector<std::string>& hints = {});

 private:
  size_t tokens_of(std::string_view text) const { return tokenizer_.encode(text, {.add_special = false}).size(); }
  std::string fitting(std::string_view text, size_t most) const;
  size_t fill(const std::string& question, const std::vector<AskTurn>& history, size_t turns,
              const std::string& sources);
  void add_hints(AskPrompt& prompt, const std::vector<std::string>& hints) const;
  void choose(AskPrompt& prompt, std::vector<Retrieved> retrieved) const;
  std::string sources_text(AskPrompt& prompt) const;
  bool drop_one(AskPrompt& prompt, std::string& question) const;

  Conversation& conversation_;
  const Tokenizer& tokenizer_;
  AskBudget limits_;
  std::string opening_;  // of the question, where the template has no system role
  bool with_sources_;
  AskShares shares_;
};

}  // namespace thimble
