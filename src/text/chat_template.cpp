#include "text/chat_template.h"

#include <algorithm>

#include "base/error.h"
#include "base/utf8.h"
#include "text/jinja_evaluator.h"
#include "text/jinja_fault.h"
#include "text/jinja_json.h"
#include "text/jinja_lexer.h"
#include "text/jinja_parser.h"
#include "text/jinja_text.h"

namespace thimble {
namespace {

constexpr size_t kMaxSourceBytes = 1 << 20;

[[noreturn]] void fail_at(std::string_view source, const jinja::Fault& fault) {
  const std::string_view before = source.substr(0, std::min(fault.offset.value_or(0), source.size()));
  const size_t line = static_cast<size_t>(std::ranges::count(before, '\n')) + 1;
  const size_t column = jinja::count_code_points(before.substr(before.rfind('\n') + 1)) + 1;
  fail(ExitCode::bad_file, "chat template, line {}:{}: {}", line, column, fault.message);
}

}  // namespace

struct ChatTemplate::Compiled {
  std::unique_ptr<const jinja::Tree> tree;
};

ChatTemplate::ChatTemplate(std::string_view source, TemplateLimits limits) : limits_(limits) {
  if (source.size() > kMaxSourceBytes) {
    fail(ExitCode::bad_file, "chat template: expected at most {} bytes, found {}", kMaxSourceBytes, source.size());
  }
  if (!is_valid_utf8(source)) fail(ExitCode::bad_file, "chat template: expected valid UTF-8");
  try {
    compiled_ = std::make_unique<const Compiled>(Compiled{jinja::parse(source, limits.depth)});
  } catch (const jinja::Fault& fault) {
    fail_at(jinja::normalize_newlines(source), fault);
  }
}

ChatTemplate::ChatTemplate(ChatTemplate&&) noexcept = default;
ChatTemplate& ChatTemplate::operator=(ChatTemplate&&) noexcept = default;
ChatTemplate::~ChatTemplate() = default;

std::string ChatTemplate::render(const nlohmann::ordered_json& context,
                                 std::chrono::system_clock::time_point now) const {
  if (!context.is_object()) fail(ExitCode::bad_file, "chat template: expected a JSON object as context");
  jinja::Runtime runtime(limits_, now);
  try {
    const jinja::Value variables = jinja::from_json(runtime, context);
    return jinja::Evaluator(runtime, *compiled_->tree, *variables.get<jinja::Dict*>()).render();
  } catch (const jinja::Fault& fault) {
    fail_at(compiled_->tree->source, fault);
  }
}

}  // namespace thimble
