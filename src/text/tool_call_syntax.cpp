#include "text/tool_call_syntax.h"

#include <algorithm>

namespace thimble {
namespace {

constexpr CallTags kFunctionTags{.call_open = "<function=",
                                 .name_end = ">",
                                 .key_open = "<parameter=",
                                 .key_end = ">",
                                 .value_close = "</parameter>",
                                 .call_close = "</function>"};
constexpr CallTags kArgumentKeys{
    .key_open = "<arg_key>", .key_end = "</arg_key>", .value_open = "<arg_value>", .value_close = "</arg_value>"};
constexpr CallTags kInvoke{.call_open = "<invoke name=\"",
                           .name_end = "\">",
                           .key_open = "<parameter name=\"",
                           .key_end = "\"",
                           .value_open = ">",
                           .value_close = "</parameter>",
                           .call_close = "</invoke>"};
constexpr CallTags kMarkedInvoke{.call_open = "<｜DSML｜invoke name=\"",
                                 .name_end = "\">",
                                 .key_open = "<｜DSML｜parameter name=\"",
                                 .key_end = "\"",
                                 .value_open = ">",
                                 .value_close = "</｜DSML｜parameter>",
                                 .call_close = "</｜DSML｜invoke>"};
constexpr CallTags kFunctionElement{.call_open = "<function name=\"",
                                    .name_end = "\">",
                                    .key_open = "<param name=\"",
                                    .key_end = "\">",
                                    .value_close = "</param>"};  // ends with its section
constexpr CallTags kSeparated{
    .call_open = "<｜tool▁call▁begin｜>", .name_end = "<｜tool▁sep｜>", .call_close = "<｜tool▁call▁end｜>"};
constexpr CallTags kSeparatedFence{.call_open = "<｜tool▁call▁begin｜>function<｜tool▁sep｜>",
                                   .name_end = "\n```json\n",
                                   .call_close = "```<｜tool▁call▁end｜>"};
constexpr CallTags kArgs{.call_open = "[TOOL_CALLS]", .name_end = "[ARGS]", .id_open = "[CALL_ID]"};
constexpr CallTags kFunctionJson{.call_open = "<function=", .name_end = ">"};  // ends with its section

// Small models forget the tags.
constexpr CallSection kToolCall[] = {
    {"<tool_call>", "</tool_call>", CallForm::json},
    {.open = "{", .close = "", .form = CallForm::json, .kept = 1, .at_start = true, .is_tentative = true}};
constexpr CallSection kToolCallTagged[] = {{"<tool_call>", "</tool_call>", CallForm::tagged, kFunctionTags}};
constexpr CallSection kToolCallKeys[] = {{"<tool_call>", "</tool_call>", CallForm::tagged, kArgumentKeys}};
constexpr CallSection kSeed[] = {{"<seed:tool_call>", "</seed:tool_call>", CallForm::tagged, kFunctionTags}};
constexpr CallSection kMiniMax[] = {{"<minimax:tool_call>", "</minimax:tool_call>", CallForm::tagged, kInvoke}};
constexpr CallSection kDsml[] = {
    {"<｜DSML｜function_calls>", "</｜DSML｜function_calls>", CallForm::tagged, kMarkedInvoke},
    {"<｜DSML｜tool_calls>", "</｜DSML｜tool_calls>", CallForm::tagged, kMarkedInvoke}};
constexpr CallSection kElement[] = {{"<function ", "</function>", CallForm::tagged, kFunctionElement, 10}};
constexpr CallSection kDeepSeek[] = {
    {"<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>", CallForm::named_json, kSeparated}};
constexpr CallSection kDeepSeekFence[] = {
    {"<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>", CallForm::named_json, kSeparatedFence}};
constexpr CallSection kMistral[] = {{"[TOOL_CALLS]", "", CallForm::named_json, kArgs}};
constexpr CallSection kLfm[] = {{"<|tool_call_start|>", "<|tool_call_end|>", CallForm::python}};
constexpr CallSection kUpperToolCall[] = {{"<TOOLCALL>", "</TOOLCALL>", CallForm::json}};
constexpr CallSection kToolCalls[] = {{"<tool_calls>", "</tool_calls>", CallForm::json}};
constexpr CallSection kToolsPrefix[] = {{"<|tools_prefix|>", "<|tools_suffix|>", CallForm::keyed_json}};
constexpr CallSection kAction[] = {{"<|START_ACTION|>", "<|END_ACTION|>", CallForm::json}};
constexpr CallSection kGemma4[] = {{"<|tool_call>", "<tool_call|>", CallForm::braces, {.quote_mark = "<|\"|>"}}};
constexpr CallSection kFunctionGemma[] = {
    {"<start_function_call>", "<end_function_call>", CallForm::braces, {.quote_mark = "<escape>"}}};
constexpr CallSection kFunctionCall[] = {{"<|function_call|>", "", CallForm::json}};
constexpr CallSection kFunctionEquals[] = {{"<function=", "</function>", CallForm::named_json, kFunctionJson, 10},
                                           {"<|python_tag|>", "", CallForm::python_tag}};
constexpr CallSection kGranite[] = {{"<|tool_call|>", "", CallForm::json},
                                    {"<tool_call>", "</tool_call>", CallForm::json}};
constexpr CallSection kPhi[] = {
    {"<|tool_call|>", "<|/tool_call|>", CallForm::json},
    {.open = "functools[", .close = "", .form = CallForm::json, .kept = 1, .at_start = true, .is_tentative = true}};
constexpr CallSection kLlama[] = {
    {"<|python_tag|>", "", CallForm::python_tag},
    {.open = "{", .close = "", .form = CallForm::json, .kept = 1, .at_start = true, .is_tentative = true},
    {.open = "[", .close = "", .form = CallForm::python, .kept = 1, .at_start = true, .is_tentative = true}};
constexpr CallSection kGemma[] = {
    {.open = "```tool_code\n", .close = "```", .form = CallForm::python},
    {.open = "```tool_call\n", .close = "```", .form = CallForm::json},
    {.open = "```json\n", .close = "```", .form = CallForm::json, .is_tentative = true},
    {.open = "{", .close = "", .form = CallForm::json, .kept = 1, .at_start = true, .is_tentative = true},
    {.open = "[", .close = "", .form = CallForm::python, .kept = 1, .at_start = true, .is_tentative = true}};

// Marks that several families share come after those that tell them apart.
constexpr ToolCallSyntax kSyntaxes[] = {
    {"seed", {"<seed:tool_call>"}, kSeed},
    {"minimax", {"minimax:tool_call"}, kMiniMax},
    {"dsml", {"｜DSML｜"}, kDsml},
    {"qwen3-coder", {"<tool_call>", "<function="}, kToolCallTagged},
    {"glm", {"<tool_call>", "<arg_key>"}, kToolCallKeys},
    {"deepseek-r1", {"<｜tool▁call▁begin｜>", "```json"}, kDeepSeekFence},
    {"deepseek", {"<｜tool▁call▁begin｜>"}, kDeepSeek},
    {"mistral", {"[TOOL_CALLS]"}, kMistral},
    {"lfm2", {"<|tool_call_start|>"}, kLfm},
    {"lfm2", {"<|tool_list_start|>"}, kLfm},
    {"nemotron", {"<TOOLCALL>"}, kUpperToolCall},
    {"apertus", {"<|tools_prefix|>"}, kToolsPrefix},
    {"command", {"<|START_ACTION|>"}, kAction},
    {"gemma4", {"<|tool_call>"}, kGemma4},
    {"functiongemma", {"<start_function_call>"}, kFunctionGemma},
    {"minicpm", {"<function name="}, kElement},
    {"functionary", {"<function="}, kFunctionEquals},
    {"tool-calls", {"<tool_calls>"}, kToolCalls},
    {"hermes", {"<tool_call>"}, kToolCall},
    {"gigachat", {"<|function_call|>"}, kFunctionCall},
    {"granite", {"<|start_of_role|>"}, kGranite},
    {"phi", {"<|tool|>"}, kPhi},
    {"llama3", {"<|start_header_id|>"}, kLlama},
    {"hermes", {"<|im_start|>"}, kToolCall},
    {"gemma", {"<start_of_turn>"}, kGemma},
};

constexpr ReasoningTags kThink{"<think>", "</think>"};
constexpr ReasoningTags kReasoning[] = {{"[THINK]", "[/THINK]"},
                                        {"<|START_THINKING|>", "<|END_THINKING|>"},
                                        {"<|channel>thought", "<channel|>"},
                                        {"<seed:think>", "</seed:think>"},
                                        {"<|inner_prefix|>", "<|inner_suffix|>"}};

bool has_marks(std::string_view source, const ToolCallSyntax& syntax) {
  return std::ranges::all_of(syntax.marks, [&](std::string_view mark) { return source.find(mark) != source.npos; });
}

}  // namespace

std::span<const ToolCallSyntax> tool_call_syntaxes() { return kSyntaxes; }

AnswerSyntax AnswerSyntax::of_template(std::string_view source) {
  AnswerSyntax result;
  const auto* row = std::ranges::find_if(kSyntaxes, [&](const auto& syntax) { return has_marks(source, syntax); });
  if (row != std::end(kSyntaxes)) result.calls = row;
  // The most common pair is understood in any answer.
  result.reasoning.push_back(kThink);
  for (const ReasoningTags& tags : kReasoning) {
    if (source.find(tags.open) != source.npos) result.reasoning.push_back(tags);
  }
  return result;
}

std::vector<std::string_view> AnswerSyntax::tags() const {
  std::vector<std::string_view> tags;
  for (const ReasoningTags& pair : reasoning) tags.insert(tags.end(), {pair.open, pair.close});
  if (calls != nullptr) {
    for (const CallSection& section : calls->sections) {
      const CallTags& inner = section.tags;
      tags.insert(tags.end(),
                  {section.open, section.close, inner.call_open, inner.name_end, inner.id_open, inner.key_open,
                   inner.key_end, inner.value_open, inner.value_close, inner.call_close, inner.quote_mark});
    }
  }
  std::erase(tags, std::string_view());
  return tags;
}

}  // namespace thimble
