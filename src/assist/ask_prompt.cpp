#include "assist/ask_prompt.h"

#include <fmt/format.h>

#include <algorithm>

#include "assist/ask_check.h"
#include "base/error.h"
#include "base/utf8.h"

namespace thimble {
namespace {

constexpr double kAlike = 0.8;         // likeness from which a chunk says nothing new
constexpr size_t kLeastPart = 48;      // tokens of a chunk that are worth having without the rest
constexpr size_t kTurnTokens = 12;     // that a template puts around a turn, about
constexpr size_t kBytesPerToken = 64;  // no text of more than this for each token of room is looked at
constexpr size_t kLongestKept = 1 << 20;
constexpr size_t kHintsPart = 10;  // of the room for what is retrieved
constexpr std::string_view kHints = "Most relevant lines:\n";

// Small models follow few words better than many.
constexpr std::string_view kInstruction =
    "You answer questions about equipment from its manuals. Use only the numbered manual sections. Answer in one short "
    "sentence with the exact "
    "numbers and units of the section, and its number in brackets, like [1]. If the sections do not have the answer, "
    "say: The manuals do "
    "not say.";
constexpr std::string_view kPlainInstruction =
    "You answer questions about equipment. Answer in one short sentence. If you do not know, say: The manuals do not "
    "say.";

std::string source_text(size_t number, const Chunk& chunk, std::string_view text) {
  return fmt::format("[{}] {}\n{}\n\n", number, chunk.section_path, text);
}

// Without its last line; empty where there is one only.
std::string_view without_last_line(std::string_view text) {
  const size_t at = text.rfind('\n');
  return at == std::string_view::npos ? std::string_view() : text.substr(0, at);
}

}  // namespace

AskPromptBuilder::AskPromptBuilder(Conversation& conversation, const Tokenizer& tokenizer, size_t context_length,
                                   size_t answer_tokens, bool with_sources, const AskShares& shares)
    : conversation_(conversation), tokenizer_(tokenizer), with_sources_(with_sources), shares_(shares) {
  const std::string_view instruction = with_sources ? kInstruction : kPlainInstruction;
  conversation_.set_system(instruction);
  limits_.context = context_length;
  try {
    limits_.system = fill("", {}, 0, "");
  } catch (const Error&) {  // a template without a place for it, as Gemma 2's: the person says it
    conversation_.set_system("");
    opening_ = std::string(instruction) + "\n\n";
    limits_.system = fill("", {}, 0, "");
  }
  if (limits_.system + 2 > context_length) {
    fail(ExitCode::usage, "-c {}: the instruction and the chat template take {} tokens; give at least -c {}",
         context_length, limits_.system, limits_.system * 2);
  }
  const size_t free = context_length - limits_.system;
  const auto share = [&](double part) {
    return std::max<size_t>(1, static_cast<size_t>(static_cast<double>(free) * part));
  };
  limits_.answer = std::min(std::max<size_t>(1, answer_tokens), share(shares_.answer));
  limits_.most_question = share(shares_.question);
  limits_.most_history = share(shares_.history);
}

size_t AskPromptBuilder::fill(const std::string& question, const std::vector<AskTurn>& history, size_t turns,
                              const std::string& sources) {
  conversation_.clear();
  for (size_t i = history.size() - turns; i < history.size(); ++i) {
    conversation_.add("user", history[i].question);
    conversation_.add("assistant", history[i].answer);
  }
  const std::string asked =
      with_sources_ ? fmt::format("Manual sections:\n\n{}Question: {}", sources, question) : question;
  conversation_.add("user", opening_ + asked);
  return conversation_.prompt_tokens().size();
}

// The longest beginning of whole characters that has at most `most` tokens, by halving: tokens grow with the text, nearly.
std::string AskPromptBuilder::fitting(std::string_view text, size_t most) const {
  size_t low = 0, high = std::min(text.size(), most * kBytesPerToken);
  while (low < high) {
    const size_t middle = (low + high + 1) / 2;
    if (tokens_of(text.substr(0, middle)) <= most) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return std::string(text.substr(0, low - incomplete_utf8_tail(text.substr(0, low))));
}

// Before the chunks are chosen.
void AskPromptBuilder::add_hints(AskPrompt& prompt, const std::vector<std::string>& hints) const {
  const size_t most = prompt.budget.most_retrieved / kHintsPart;
  for (const std::string& hint : hints) {
    std::string longer = (prompt.hints.empty() ? std::string(kHints) : prompt.hints) + "- " + hint + "\n";
    if (longer.size() > most * kBytesPerToken || tokens_of(longer) > most) break;
    prompt.hints = std::move(longer);
  }
  if (!prompt.hints.empty()) prompt.hints += "\n";
  prompt.budget.retrieved = tokens_of(prompt.hints);
}

void AskPromptBuilder::choose(AskPrompt& prompt, std::vector<Retrieved> retrieved) const {
  size_t room = prompt.budget.most_retrieved - prompt.budget.retrieved, number = 0;
  for (Retrieved& found : retrieved) {
    AskSource source{std::move(found)};
    const Chunk& chunk = source.retrieved.stored.chunk;
    const auto same = std::ranges::find_if(prompt.retrieved, [&](const AskSource& other) {
      return other.number != 0 && likeness(other.retrieved.stored.chunk.text, chunk.text) >= kAlike;
    });
    std::string_view text = chunk.text;
    source.tokens = tokens_of(source_text(number + 1, chunk, text));
    if (same != prompt.retrieved.end()) {
      source.cut = fmt::format("says the same as {}", same->number);
    } else {
      while (source.tokens > room && !text.empty()) {
        text = without_last_line(text);
        source.tokens = tokens_of(source_text(number + 1, chunk, text));
      }
      const bool is_whole = text.size() == chunk.text.size();
      if (text.empty() || (!is_whole && source.tokens < kLeastPart)) {
        source.cut = "no room";
      } else {
        source.number = ++number;
        source.cut = is_whole ? "" : "its end has no room";
        room -= source.tokens;
        source.retrieved.stored.chunk.text = std::string(text);
      }
    }
    if (source.number == 0) source.tokens = 0;
    prompt.retrieved.push_back(std::move(source));
  }
}

std::string AskPromptBuilder::sources_text(AskPrompt& prompt) const {
  std::string text;
  prompt.budget.retrieved = tokens_of(prompt.hints);
  for (const AskSource& source : prompt.retrieved) {
    if (source.number == 0) continue;
    text += source_text(source.number, source.retrieved.stored.chunk, source.retrieved.stored.chunk.text);
    prompt.budget.retrieved += source.tokens;
  }
  return text;
}

// What is least missed, where the sum of the parts was less than the whole. False where nothing is left to drop.
bool AskPromptBuilder::drop_one(AskPrompt& prompt, std::string& question) const {
  AskSource* last = nullptr;
  for (AskSource& source : prompt.retrieved) last = source.number != 0 ? &source : last;
  if (last != nullptr) {
    last->number = last->tokens = 0;
    last->cut = "no room";
  } else if (!prompt.hints.empty()) {
    prompt.hints.clear();
  } else if (prompt.turns > 0) {
    --prompt.turns;
  } else if (!question.empty()) {
    question = question.size() < 8 ? std::string() : fitting(question, tokens_of(question) / 2);
    prompt.is_question_cut = true;
  } else {
    return false;
  }
  return true;
}

AskPrompt AskPromptBuilder::build(const std::string& question, const std::vector<AskTurn>& history,
                                  std::vector<Retrieved> retrieved, const std::vector<std::string>& hints) {
  AskPrompt prompt;
  AskBudget& budget = prompt.budget = limits_;
  std::string asked = question.size() > kLongestKept ? question.substr(0, kLongestKept) : question;
  if (asked.size() > budget.most_question * kBytesPerToken || tokens_of(asked) > budget.most_question) {
    asked = fitting(asked, budget.most_question);
  }
  prompt.is_question_cut = asked.size() < question.size();
  budget.question = tokens_of(asked);
  for (size_t i = history.size(); i-- > 0;) {
    const AskTurn& turn = history[i];
    if (turn.question.size() + turn.answer.size() > budget.most_history * kBytesPerToken) break;
    const size_t tokens = tokens_of(turn.question) + tokens_of(turn.answer) + kTurnTokens;
    if (budget.history + tokens > budget.most_history) break;
    budget.history += tokens;
    ++prompt.turns;
  }
  const size_t taken = budget.system + budget.question + budget.history + budget.answer;
  budget.most_retrieved = budget.context - std::min(taken, budget.context);
  add_hints(prompt, hints);
  choose(prompt, std::move(retrieved));
  for (;;) {
    prompt.sources = sources_text(prompt);
    budget.prompt = fill(asked, history, prompt.turns, prompt.sources + prompt.hints);
    if (budget.prompt + budget.answer <= budget.context || !drop_one(prompt, asked)) break;
  }
  if (prompt.turns == 0) budget.history = 0;
  budget.question = tokens_of(asked);
  return prompt;
}

}  // namespace thimble
