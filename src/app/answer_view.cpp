#include "app/answer_view.h"

#include "app/interrupt.h"
#include "base/memory.h"

namespace thimble {
namespace {

std::string arguments_text(const ToolCall& call) {
  return call.arguments.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace

GenerateCallbacks AnswerView::callbacks() {
  prompt_progress_.emplace(console_, "reading the prompt", "tokens");
  GenerateCallbacks callbacks;
  callbacks.interrupted = interrupted;
  callbacks.on_prompt_progress = [this](size_t done, size_t total) { prompt_progress_->update(done, total); };
  callbacks.on_text = [this](std::string_view text) {
    prompt_progress_->finish();
    if (streams_) console_.print_model_text(text);
  };
  return callbacks;
}

nlohmann::ordered_json answer_json(const Generation& answer, const SamplerOptions& sampler) {
  return {{"text", answer.text},
          {"tokens", answer.tokens},
          {"prompt_tokens", answer.prompt_tokens},
          {"generated_tokens", answer.tokens.size()},
          {"stop_reason", name_of(answer.stop_reason)},
          {"prompt_tps", answer.prompt_speed()},
          {"decode_tps", answer.decode_speed()},
          {"peak_rss_bytes", peak_resident_bytes()},
          {"prompt_seconds", answer.prompt_seconds},
          {"decode_seconds", answer.decode_seconds},
          {"drafted_tokens", answer.drafted_tokens},
          {"accepted_tokens", answer.accepted_tokens},
          {"seed", sampler.seed}};
}

std::string speed_text(const Generation& answer) {
  return fmt::format(
      "prompt {} tokens ({} reused), {:.1f} tokens/s; answer {} tokens, {:.1f} tokens/s; peak memory {:.0f} MB",
      answer.prompt_tokens, answer.reused_tokens, answer.prompt_speed(), answer.tokens.size(), answer.decode_speed(),
      static_cast<double>(peak_resident_bytes()) / 1e6);
}

void note_early_end(const Console& console, const Generation& answer) {
  if (answer.stop_reason == StopReason::context_full) {
    console.note("the answer ends here because the context is full; raise -c, or use --context-full shift");
  } else if (answer.stop_reason == StopReason::interrupted) {
    console.note("interrupted");
  }
}

nlohmann::ordered_json parts_json(const AnswerParts& parts) {
  nlohmann::ordered_json calls = nlohmann::ordered_json::array();
  for (const ToolCall& call : parts.calls) {
    calls.push_back({{"id", call.id},
                     {"type", "function"},
                     {"function", {{"name", call.name}, {"arguments", arguments_text(call)}}}});
  }
  return {{"content", parts.content},
          {"reasoning", parts.reasoning},
          {"tool_calls", std::move(calls)},
          {"tool_calls_malformed", parts.is_malformed}};
}

void show_calls(Console& console, const AnswerParts& parts) {
  for (const ToolCall& call : parts.calls) {
    console.print_model_text(fmt::format("call {}({})\n", printable(call.name), arguments_text(call)));
  }
  if (parts.is_malformed)
    console.note("the model wrote a call that could not be read; it stands in the answer as it is");
}

ExitCode finish_answer(Console& console, const Generation& answer, const SamplerOptions& sampler,
                       const OutputOptions& output, const nlohmann::ordered_json& more) {
  if (output.json) {
    nlohmann::ordered_json report = answer_json(answer, sampler);
    report.update(more);
    console.print_json(report);
  } else if (!answer.text.ends_with('\n')) {
    console.print("\n");
  }
  console.flush();
  note_early_end(console, answer);
  if (output.verbose) console.note("{}; seed {}", speed_text(answer), sampler.seed);
  return answer.stop_reason == StopReason::interrupted ? ExitCode::interrupted : ExitCode::done;
}

}  // namespace thimble
