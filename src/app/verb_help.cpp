#include <fmt/ranges.h>

#include "app/help_text.h"
#include "app/models_page.h"
#include "app/verbs.h"

namespace thimble {
namespace {

class Help : public Command {
 public:
  void declare(OptionTable& options) override {
    options.text("VERB", "VERB", verb_, "The verb to explain, or 'models' for the families that run");
    options.text("SECOND", "WORD", second_, "Its second word, where it has one");
  }

  ExitCode run(Console& console) override {
    if (verb_.empty()) {
      console.print(overview_text());
      return ExitCode::done;
    }
    if (verb_ == "models" && second_.empty()) {
      console.print(models_page());
      return ExitCode::done;
    }
    const std::string name = second_.empty() ? verb_ : verb_ + " " + second_;
    const Verb* verb = find_verb(name);
    if (verb == nullptr) {
      std::vector<std::string> names;
      for (const Verb* known : all_verbs()) names.emplace_back(known->name);
      fail(ExitCode::usage, "unknown verb '{}'; there are: {}", printable(name), fmt::join(names, ", "));
    }
    console.print(help_text(VerbInstance(*verb)));
    return ExitCode::done;
  }

 private:
  std::string verb_;
  std::string second_;
};

constexpr Example kExamples[] = {
    {"help chat", "What 'chat' can do"},
    {"help models", "The model families and number formats that run"},
};

}  // namespace

extern const Verb kHelp;
const Verb kHelp{"help", "Explain a verb and its options", kExamples, make_command<Help>};

}  // namespace thimble
