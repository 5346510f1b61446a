// Templates from anyone: compiling and rendering ends in text or in Error(bad_file), within the limits.
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/error.h"
#include "text/chat_template.h"

namespace {

using Json = nlohmann::ordered_json;

const Json& context() {
  static const Json value = {
      {"messages",
       {{{"role", "system"}, {"content", "Be brief."}},
        {{"role", "user"}, {"content", "Grüße <b>{{ x }}</b>"}},
        {{"role", "assistant"},
         {"content", nullptr},
         {"tool_calls", {{{"function", {{"name", "f"}, {"arguments", {{"a", 1.5}}}}}}}}}}},
      {"tools", {{{"type", "function"}, {"function", {{"name", "f"}, {"parameters", {{"type", "object"}}}}}}}},
      {"bos_token", "<s>"},
      {"eos_token", "</s>"},
      {"add_generation_prompt", true},
      {"n", 3},
      {"x", {1, "two", {3.0, nullptr}}}};
  return value;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  thimble::TemplateLimits limits;
  limits.steps = 20'000;
  limits.output_bytes = 1 << 16;
  limits.value_bytes = 1 << 20;
  try {
    const std::string_view source(reinterpret_cast<const char*>(data), size);
    thimble::ChatTemplate(source, limits).render(context());
  } catch (const thimble::Error&) {
  }
  return 0;
}
