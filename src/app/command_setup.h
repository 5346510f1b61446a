// How commands are asked about, as options of `command` and `eval task`.
#pragma once

#include <optional>
#include <string>

#include "app/option_table.h"
#include "assist/commander.h"

namespace thimble {

struct CommandSetup {
  std::optional<std::string> examples;
  std::optional<int64_t> shots;
  std::string shot_choice = "similar";
  std::optional<std::string> calibration;
  double min_confidence = 0;
  std::string system;

  void declare(OptionTable& options);
  // Reads what files say; errors as they have it. Throws Error(usage) for --shots without --examples.
  CommandOptions resolve() const;
  CommandExamples read_examples(const ToolList& tools) const;
};

}  // namespace thimble
