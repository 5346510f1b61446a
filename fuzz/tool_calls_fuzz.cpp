// Any text as an answer, in pieces of any size: it never throws, no byte of content comes twice, and how the text is cut
// makes no difference.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "text/tool_calls.h"

namespace {

using Json = nlohmann::ordered_json;

const Json& tools() {
  static const Json value = Json::parse(
      R"([{"type": "function", "function": {"name": "f", "parameters": {"properties": {"a": {"type": "string"}}}}}])");
  return value;
}

thimble::AnswerParts parse(const thimble::AnswerSyntax& syntax, std::string_view text, size_t size) {
  thimble::AnswerParser parser(syntax, tools());
  thimble::AnswerParts parts;
  for (size_t at = 0; at < text.size(); at += size) parts.add(parser.push(text.substr(at, size)));
  parts.add(parser.finish());
  return parts;
}

bool operator!=(const thimble::AnswerParts& a, const thimble::AnswerParts& b) {
  return a.content != b.content || a.reasoning != b.reasoning || a.calls != b.calls || a.is_malformed != b.is_malformed;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const auto syntaxes = thimble::tool_call_syntaxes();
  thimble::AnswerSyntax syntax = thimble::AnswerSyntax::of_template("[THINK]");
  syntax.calls = &syntaxes[data[0] % syntaxes.size()];
  const std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
  const thimble::AnswerParts whole = parse(syntax, text, text.size() + 1);
  if (whole.content.size() + whole.reasoning.size() > text.size()) std::abort();
  if (parse(syntax, text, 1 + data[1] % 16) != whole) std::abort();
  return 0;
}
