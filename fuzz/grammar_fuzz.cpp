// Grammars, regular expressions and schemas from anyone: compiling ends in a grammar or in Error(usage), following any text in a yes,
// a no or Error(failed), within the limits.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "text/gbnf.h"
#include "text/grammar_matcher.h"
#include "text/json_schema.h"
#include "text/regular_expression.h"

namespace {

using namespace thimble;

// Fewer steps than anyone gets otherwise, for the sanitizers are slow.
constexpr size_t kSteps = 200'000;

Grammar compile_any(uint8_t kind, std::string_view text) {
  switch (kind % 4) {
    case 0: return compile_gbnf(text);
    case 1: return compile_regular_expression(text);
    case 2: return compile_json_schema_text(text);
    default: return compile_json_schema_text(text, {.closed_objects = false});
  }
}

// A position that is alive can be left by a byte, or the text may end there.
void require_way_out(GrammarMatcher& matcher, PositionId position) {
  if (position != GrammarMatcher::kDead && !matcher.accepts(position) && matcher.items(position).empty())
    __builtin_trap();
}

void follow(const Grammar& grammar, std::string_view text) {
  GrammarMatcher matcher(grammar);
  matcher.allow_steps(kSteps);
  PositionId position = matcher.start();
  require_way_out(matcher, position);
  for (const char byte : text) {
    position = matcher.next(position, static_cast<uint8_t>(byte));
    if (position == GrammarMatcher::kDead) position = matcher.start();
    require_way_out(matcher, position);
  }
  // The bytes that come first in what is allowed, as far as they go.
  for (int i = 0; i < 200 && !matcher.items(position).empty(); ++i) {
    const auto edges = grammar.bytes(matcher.items(position)[0].state);
    position = matcher.compact(matcher.next(position, edges[0].first));
    if (position == GrammarMatcher::kDead) break;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data + 2), size - 2);
  const std::string_view source = text.substr(0, text.size() - text.size() * data[1] / 1024);
  try {
    follow(compile_any(data[0], source), text.substr(source.size()));
  } catch (const Error&) {
  }
  return 0;
}
