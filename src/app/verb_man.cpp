#include "app/man_page.h"
#include "app/verbs.h"

namespace thimble {
namespace {

class Man : public Command {
 public:
  void declare(OptionTable&) override {}

  ExitCode run(Console& console) override {
    console.print(man_page());
    return ExitCode::done;
  }
};

constexpr Example kExamples[] = {{"man | man -l -", "Read the manual page"}};

}  // namespace

extern const Verb kMan;
const Verb kMan{"man", "Print the manual page", kExamples, make_command<Man>};

}  // namespace thimble
