// What a model answers, taken apart: what it thought, what it says, and which tools it calls. Fed piece by piece, so that
// nothing that may be the beginning of a tag is shown as text. Never throws on what a model wrote.
#pragma once

#include <nlohmann/json.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "text/tool_call_forms.h"
#include "text/tool_call_syntax.h"

namespace thimble {

struct AnswerParts {
  std::string content;
  std::string reasoning;
  std::vector<ToolCall> calls;
  bool is_malformed = false;  // a call could not be read: it stands in the content as the model wrote it

  void add(AnswerParts more);
};

class AnswerParser {
 public:
  static constexpr size_t kMaxSectionBytes = 256 << 10;

  // `tools` as read_calls() wants them. `prompt`: what the answer follows; where it ends with the tag that begins
  // reasoning, the answer begins inside of it, and where it ends with the one that ends it, behind it.
  AnswerParser(AnswerSyntax syntax, nlohmann::ordered_json tools, std::string_view prompt = {});

  AnswerParts push(std::string_view text);  // what became certain
  AnswerParts finish();                     // the rest; nothing may be pushed afterwards

 private:
  enum class State { start, reasoning, content, section };
  struct Found {
    const CallSection* section = nullptr;
    size_t at = std::string::npos;
  };

  bool step(AnswerParts& out);  // true where there may be more to do
  bool step_start();
  bool step_reasoning(AnswerParts& out);
  bool step_content(AnswerParts& out);
  bool step_section(AnswerParts& out);
  bool read_section(AnswerParts& out, size_t length, size_t behind, bool is_last);
  void give_up_section(AnswerParts& out, size_t length, bool is_last);
  Found find_section() const;
  // How much of held_ can neither be white space in front of a tag nor the beginning of one.
  size_t certain_content() const;
  void emit_content(AnswerParts& out, size_t length);

  AnswerSyntax syntax_;
  nlohmann::ordered_json tools_;
  std::string held_;  // not yet told
  State state_ = State::start;
  ReasoningTags reasoning_{};
  bool skips_space_ = false;   // white space that comes next belongs to a tag
  bool has_content_ = false;   // nothing can be "at the start" any more
  std::string dropped_space_;  // in front of the section
  const CallSection* section_ = nullptr;
  size_t searched_ = 0;  // of held_, for the section's end
  size_t attempts_ = 0;
};

// The whole answer at once.
AnswerParts parse_answer(const AnswerSyntax& syntax, std::string_view text,
                         const nlohmann::ordered_json& tools = nullptr, std::string_view prompt = {});

}  // namespace thimble
