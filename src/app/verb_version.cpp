#include "app/help_text.h"
#include "app/verbs.h"

namespace thimble {
namespace {

class Version : public Command {
 public:
  void declare(OptionTable&) override {}

  ExitCode run(Console& console) override {
    console.print("thimble " + version_text() + "\n");
    return ExitCode::done;
  }
};

constexpr Example kExamples[] = {{"version", "Which version this is"}};

}  // namespace

extern const Verb kVersion;
const Verb kVersion{"version", "Say which version this is", kExamples, make_command<Version>};

}  // namespace thimble
