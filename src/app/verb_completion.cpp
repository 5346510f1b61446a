#include "app/completion.h"
#include "app/verbs.h"

namespace thimble {
namespace {

class Completion : public Command {
 public:
  void declare(OptionTable& options) override {
    options.choice("SHELL", "SHELL", shell_, {"bash", "zsh", "fish"}, "The shell").required();
  }

  ExitCode run(Console& console) override {
    console.print(shell_ == "bash" ? bash_completion() : shell_ == "zsh" ? zsh_completion() : fish_completion());
    return ExitCode::done;
  }

 private:
  std::string shell_;
};

constexpr Example kExamples[] = {
    {"completion bash > ~/.local/share/bash-completion/completions/thimble", "Install it for bash"}};

}  // namespace

extern const Verb kCompletion;
const Verb kCompletion{"completion", "Print a completion script for a shell", kExamples, make_command<Completion>};

}  // namespace thimble
