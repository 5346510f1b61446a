// How an answer is shown while it is made and reported when it is done.
#pragma once

#include <nlohmann/json.hpp>

#include <optional>

#include "app/console.h"
#include "app/option_groups.h"
#include "app/progress_bar.h"
#include "engine/conversation.h"
#include "engine/generate.h"

namespace thimble {

class AnswerView {
 public:
  // `streams`: the text goes to stdout as it comes.
  AnswerView(Console& console, bool streams) : console_(console), streams_(streams) {}

  GenerateCallbacks callbacks();

 private:
  Console& console_;
  bool streams_;
  std::optional<ProgressBar> prompt_progress_;
};

nlohmann::ordered_json answer_json(const Generation& answer, const SamplerOptions& sampler);
std::string speed_text(const Generation& answer);

// The end of a verb that gives one answer: JSON or a last line feed, notes, and the exit code.
// `more` is added to the JSON.
ExitCode finish_answer(Console& console, const Generation& answer, const SamplerOptions& sampler,
                       const OutputOptions& output,
                       const nlohmann::ordered_json& more = nlohmann::ordered_json::object());

// "content", "reasoning", "tool_calls" in OpenAI's form, and whether a call could not be read.
nlohmann::ordered_json parts_json(const AnswerParts& parts);
// The calls, one a line, and a note where one could not be read.
void show_calls(Console& console, const AnswerParts& parts);

// The note that says why an answer ended early; nothing where it did not.
void note_early_end(const Console& console, const Generation& answer);

}  // namespace thimble
