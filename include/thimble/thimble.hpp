// Thimble's library: plan a model's memory, load it, answer. Nothing here prints, exits or reads the environment.
//
//   auto model = thimble::api::Model::load("model.gguf", {.context_size = 2048});
//   thimble::api::Session session(model);
//   session.chat("Why does the pump lose prime?", {.max_tokens = 200}, [](std::string_view text) { std::cout << text; });
//
// A Model may be shared by threads; a Session belongs to one thread at a time. Text is UTF-8 throughout, sizes are bytes.
// All functions throw thimble::api::Error, and std::bad_alloc where the system has no memory at all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "thimble/export.h"

namespace thimble::api {

// The program's exit codes.
enum class Code : int {
  failed = 1,
  usage = 2,
  does_not_fit = 3,
  bad_file = 4,
  validation_failed = 5,
  interrupted = 130
};

// The message is one line: what, where, expected, found, and the way out where there is one.
class THIMBLE_API Error : public std::runtime_error {
 public:
  Error(Code code, const std::string& message) : std::runtime_error(message), code_(code) {}
  Code code() const { return code_; }

 private:
  Code code_;
};

THIMBLE_API std::string_view version();

// A LoRA adapter in llama.cpp's GGUF form.
struct Adapter {
  std::string path;
  float scale = 1;  // how much of it; 0: none
};

struct Setup {
  size_t context_size = 0;  // tokens; 0: 2048, or what the model was trained with where that is less
  std::string
      cache_type_k;  // "f32" "f16" "bf16" "q8_0" "q5_1" "q5_0" "q4_0"; empty: q8_0 where the head size allows, else f16
  std::string cache_type_v;
  size_t batch_size = 512;             // prompt tokens run at once
  unsigned threads = 0;                // 0: the processors this process may use
  std::string isa = "auto";            // "scalar", "avx2", ...
  uint64_t memory_limit = 0;           // 0: what the machine, its cgroup and this process's limits have free
  std::vector<Adapter> adapters = {};  // they add up
};

// What a model will take with one session, known from the head of its file.
struct Plan {
  uint64_t weights = 0;
  uint64_t kv = 0;
  uint64_t activations = 0;
  uint64_t scratch = 0;
  uint64_t tokenizer = 0;
  uint64_t program = 0;
  uint64_t total = 0;
  uint64_t limit = 0;
  bool fits = false;
  std::vector<std::string> remedies;  // settings that make it fit, as the program's flags, the least painful first
};

// Reads no tensor data.
THIMBLE_API Plan plan(const std::string& path, const Setup& setup = {});

class THIMBLE_API Model {
 public:
  // Throws Error(does_not_fit) before anything large is touched, Error(bad_file), Error(usage).
  static Model load(const std::string& path, const Setup& setup = {});

  const Plan& plan() const;
  size_t context_size() const;
  size_t vocabulary_size() const;
  // add_special: BOS and EOS as the model asks. Control tokens written in the text stay text.
  std::vector<int32_t> tokenize(std::string_view text, bool add_special = true) const;
  std::string detokenize(const std::vector<int32_t>& tokens) const;

 private:
  friend class Session;
  struct Impl;
  explicit Model(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

struct Request {
  size_t max_tokens = SIZE_MAX;
  std::vector<std::string> stop;  // end the answer and are not part of it
  float temperature = 0.8f;       // 0: always the most probable token
  uint32_t top_k = 40;            // 0: all
  float top_p = 0.95f;            // 1: all
  float min_p = 0.05f;            // 0: all
  float repeat_penalty = 1.0f;
  uint64_t seed = 0;  // the same seed gives the same text
};

struct Answer {
  std::string text;
  std::vector<int32_t> tokens;
  size_t prompt_tokens = 0;
  size_t reused_tokens = 0;  // of the prompt, found in the session's cache
  std::string stop_reason;   // "eos", "stop", "length", "context", "interrupted"
  double prompt_seconds = 0;
  double decode_seconds = 0;
};

// Called with whole characters as they come; returning false ends the answer.
using OnText = std::function<bool(std::string_view text)>;

// Keeps what it has read: a prompt that begins as the one before runs only what is new.
class THIMBLE_API Session {
 public:
  // The plan has memory for the first session of a model; a further one is refused with Error(does_not_fit) where the limit
  // has no room for it. Keeps the model alive.
  explicit Session(const Model& model);
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;
  ~Session();

  // Continues `prompt` as it is, without a template.
  Answer generate(std::string_view prompt, const Request& request = {}, const OnText& on_text = {});

  // One turn of a conversation, in the model's own chat template. A turn that throws leaves the conversation as it was.
  Answer chat(std::string_view user, const Request& request = {}, const OnText& on_text = {});
  void set_system(std::string_view text);  // from the next turn on; empty: none
  void clear();                            // forgets the turns, keeps the system prompt

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace thimble::api
