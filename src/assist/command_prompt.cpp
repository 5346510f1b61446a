#include "assist/command_prompt.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "base/error.h"

namespace thimble {
namespace {

constexpr std::string_view kCommandInstructions =
    "Turn what the user says into a call of one of the tools below, as JSON. Use only what is said: leave out optional "
    "arguments that are "
    "not mentioned. Call \"none\" where it is a question, a remark or a negation, where something required is missing, "
    "or where no tool "
    "does it.";
constexpr size_t kUsualCommandTokens =
    64;  // the tools' descriptions are chosen so that this many are left for a command

constexpr std::array<SignatureDetail, 3> kDetails = {SignatureDetail::full, SignatureDetail::no_arguments,
                                                     SignatureDetail::names};

}  // namespace

CommandPrompter::CommandPrompter(const LanguageModel& language_model, const ToolList& tools,
                                 const CommandExamples& examples, CommandPromptOptions options)
    : language_model_(language_model),
      tools_(tools),
      examples_(examples),
      options_(std::move(options)),
      all_tools_(tools.tools().size()) {
  std::iota(all_tools_.begin(), all_tools_.end(), size_t{0});
  std::vector<std::string> words;
  for (const Tool& tool : tools_.tools()) words.push_back(words_about(tool));
  overlap_ = std::make_unique<const WordOverlap>(words);
  if (language_model_.gguf().string("tokenizer.chat_template")) {
    conversation_ = std::make_unique<const Conversation>(language_model_, std::string_view());
    has_system_message_ = takes_system_message();
  }
  fixed_shots_ = examples_.fixed(options_.shots);
  settle_detail();
}

// Some templates refuse a system message, some drop it, some put it where it was not asked for.
bool CommandPrompter::takes_system_message() const {
  constexpr std::string_view kProbe = "zyzzyva";
  Conversation probe = *conversation_;
  probe.set_system(kProbe);
  probe.add("user", "?");
  try {
    return probe.render().find(kProbe) != std::string::npos;
  } catch (const Error&) {
    return false;
  }
}

// The fixed examples stand for those that a command will have.
void CommandPrompter::settle_detail() {
  for (const SignatureDetail detail : kDetails) {
    detail_ = detail;
    if (tokens(instructions(all_tools_, detail), fixed_shots_, "").size() + kUsualCommandTokens <= room()) return;
  }
  shows_all_tools_ = tokens(instructions(all_tools_, detail_), {}, "").size() + kUsualCommandTokens <= room();
}

std::string CommandPrompter::instructions(const std::vector<size_t>& tools, SignatureDetail detail) const {
  std::vector<const Tool*> shown;
  for (const size_t index : tools) shown.push_back(&tools_.tools()[index]);
  const std::string_view what = options_.system.empty() ? kCommandInstructions : std::string_view(options_.system);
  return std::string(what) + "\n\n" + tool_signatures(shown, detail);
}

std::vector<TokenId> CommandPrompter::tokens(const std::string& system, const Shots& shots,
                                             std::string_view command) const {
  return conversation_ != nullptr ? chat_tokens(system, shots, command) : plain_tokens(system, shots, command);
}

std::vector<TokenId> CommandPrompter::plain_tokens(const std::string& system, const Shots& shots,
                                                   std::string_view command) const {
  std::string text = system;
  for (const CommandExample* shot : shots) text += "\nUser: " + shot->prompt + "\nCall: " + shot->call + "\n";
  text += "\nUser: " + std::string(command) + "\nCall:";
  return language_model_.tokenizer().encode(text);
}

std::vector<TokenId> CommandPrompter::chat_tokens(const std::string& system, const Shots& shots,
                                                  std::string_view command) const {
  Conversation conversation = *conversation_;
  std::string before_user;
  if (has_system_message_) {
    conversation.set_system(system);
  } else {
    before_user = system + "\n";
  }
  for (const CommandExample* shot : shots) {
    conversation.add("user", std::exchange(before_user, {}) + shot->prompt);
    conversation.add("assistant", shot->call);
  }
  conversation.add("user", before_user + std::string(command));
  return conversation.prompt_tokens();
}

CommandPrompter::Shots CommandPrompter::shots_for(std::string_view command) const {
  return options_.shot_choice == ShotChoice::fixed ? fixed_shots_ : examples_.similar(command, options_.shots);
}

CommandPrompt CommandPrompter::make(std::string_view command) const {
  Shots shots = shots_for(command);
  if (shows_all_tools_) {
    const std::string system = instructions(all_tools_, detail_);
    for (;; shots.erase(shots.begin())) {
      std::vector<TokenId> prompt = tokens(system, shots, command);
      if (prompt.size() <= room()) return {std::move(prompt), all_tools_, detail_, shots.size()};
      if (shots.empty()) break;
    }
    shots = shots_for(command);
  }
  if (auto prompt = with_fewer_tools(command, std::move(shots))) return std::move(*prompt);
  const size_t least =
      tokens(instructions({ranked_tools(command, {}).front()}, SignatureDetail::names), {}, command).size();
  fail(ExitCode::failed,
       "the command with one of {} tools takes {} tokens, but the context of {} has room for {} beside the answer: "
       "shorten "
       "it or raise -c",
       all_tools_.size(), least, options_.context_length, room());
}

// Those that the examples call come first, then those that share words with the command, then the rest.
std::vector<size_t> CommandPrompter::ranked_tools(std::string_view command, const Shots& shots) const {
  std::vector<size_t> order;
  const auto add = [&](size_t index) {
    if (std::ranges::find(order, index) == order.end()) order.push_back(index);
  };
  for (auto shot = shots.rbegin(); shot != shots.rend(); ++shot) {
    if (const Tool* tool = tools_.find((*shot)->name)) add(static_cast<size_t>(tool - tools_.tools().data()));
  }
  for (const WordOverlap::Match& match : overlap_->ranked(command)) add(match.text);
  for (const size_t index : all_tools_) add(index);
  return order;
}

// As many tools as fit, and examples of these only; with half of the room at least, where there are examples.
std::optional<CommandPrompt> CommandPrompter::with_fewer_tools(std::string_view command, Shots shots) const {
  const std::vector<size_t> order = ranked_tools(command, shots);
  const auto prompt_of = [&](size_t count, SignatureDetail detail, const Shots& shown) {
    std::vector<size_t> chosen(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count));
    std::ranges::sort(chosen);
    std::vector<TokenId> prompt = tokens(instructions(chosen, detail), shown, command);
    return CommandPrompt{std::move(prompt), std::move(chosen), detail, shown.size()};
  };
  for (const SignatureDetail detail : {SignatureDetail::no_arguments, SignatureDetail::names}) {
    size_t fits = 0, too_many = order.size() + 1;
    while (fits + 1 < too_many) {
      const size_t middle = fits + (too_many - fits) / 2;
      const size_t limit = shots.empty() ? room() : room() / 2;
      (prompt_of(middle, detail, {}).tokens.size() <= limit ? fits : too_many) = middle;
    }
    if (fits == 0) continue;
    std::erase_if(shots, [&](const CommandExample* shot) {
      const Tool* tool = tools_.find(shot->name);
      const auto end = order.begin() + static_cast<std::ptrdiff_t>(fits);
      return tool != nullptr && std::find(order.begin(), end, static_cast<size_t>(tool - tools_.tools().data())) == end;
    });
    for (;; shots.erase(shots.begin())) {
      CommandPrompt prompt = prompt_of(fits, detail, shots);
      if (prompt.tokens.size() <= room()) return prompt;
      if (shots.empty()) break;
    }
  }
  return std::nullopt;
}

}  // namespace thimble
