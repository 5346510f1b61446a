// A model's chat template (Jinja, as published in tokenizer.chat_template) rendered in a sandbox: no file, no network, no
// attribute of the host is reachable, and steps, depth, time and output are limited.
#pragma once

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace thimble {

struct TemplateLimits {
  size_t steps = 1'000'000;  // nodes evaluated
  size_t depth = 200;        // nesting of the source and of calls
  size_t output_bytes = 1 << 20;
  size_t value_bytes = 16 << 20;  // all strings and lists alive or made while rendering
  std::chrono::milliseconds time{2000};
};

class ChatTemplate {
 public:
  // Compiles; throws Error(bad_file) with line and column of what is malformed or outside the supported subset.
  explicit ChatTemplate(std::string_view source, TemplateLimits limits = {});
  ChatTemplate(ChatTemplate&&) noexcept;
  ChatTemplate& operator=(ChatTemplate&&) noexcept;
  ~ChatTemplate();

  // `context` holds messages, tools, add_generation_prompt, bos_token, eos_token, ...; key order is kept.
  // Throws Error(bad_file) for a template's own raise_exception(), an error while rendering, or a limit passed.
  // `now` is what strftime_now() tells, in local time.
  std::string render(const nlohmann::ordered_json& context,
                     std::chrono::system_clock::time_point now = std::chrono::system_clock::now()) const;

 private:
  struct Compiled;
  std::unique_ptr<const Compiled> compiled_;
  TemplateLimits limits_;
};

}  // namespace thimble
