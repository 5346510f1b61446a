// What every verb is to the program: options, and something to run.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "app/console.h"
#include "app/option_table.h"
#include "base/error.h"

namespace thimble {

class Command {
 public:
  virtual ~Command() = default;
  // Binds the options to this object, which must outlive the table.
  virtual void declare(OptionTable& options) = 0;
  virtual ExitCode run(Console& console) = 0;
};

struct Example {
  std::string_view command;  // after "thimble "
  std::string_view what;
};

struct Verb {
  std::string_view name;     // one word or two
  std::string_view summary;  // one line
  std::span<const Example> examples;
  std::unique_ptr<Command> (*make)();
};

// A verb ready to be asked for its options.
struct VerbInstance {
  explicit VerbInstance(const Verb& verb_to_make);

  const Verb& verb;
  std::unique_ptr<Command> command;
  OptionTable options;
  bool help = false;
};

template <class C>
std::unique_ptr<Command> make_command() {
  return std::make_unique<C>();
}

}  // namespace thimble
