#include "app/command_setup.h"

#include "app/text_input.h"
#include "base/error.h"

namespace thimble {
namespace {

constexpr int64_t kDefaultShots = 4;
constexpr int64_t kMostShots = 100;

}  // namespace

void CommandSetup::declare(OptionTable& options) {
  options.heading("Commands");
  options
      .text("--examples", "FILE", examples,
            "Commands with the right call, of which some are shown to the model: a task file of commands")
      .path();
  options.integer("--shots", shots, 0, kMostShots, "How many examples are shown; fewer where they do not fit")
      .by_default(std::to_string(kDefaultShots));
  options.choice("--shot-choice", "WHICH", shot_choice, {"similar", "fixed"},
                 "Examples that are like the command, or the same ones for all, which are read only once");
  options
      .text("--calibration", "FILE", calibration,
            "How confident which probability makes: what eval task --fit-calibration wrote for this model")
      .path();
  options.real("--min-confidence", min_confidence, 0, 1, "Call nothing where the confidence in a call is less");
  options.text("-sys,--system-prompt", "TEXT", system, "What the model is told to do, in place of the usual words");
}

CommandOptions CommandSetup::resolve() const {
  if (shots.value_or(0) > 0 && !examples)
    fail(ExitCode::usage, "--shots {}: there are no examples: give --examples FILE", *shots);
  CommandOptions options;
  options.system = system;
  options.shots = examples ? static_cast<size_t>(shots.value_or(kDefaultShots)) : 0;
  options.shot_choice = shot_choice == "fixed" ? ShotChoice::fixed : ShotChoice::similar;
  options.min_confidence = min_confidence;
  if (calibration) options.calibration = CallCalibration::parse(read_file(*calibration), *calibration);
  return options;
}

CommandExamples CommandSetup::read_examples(const ToolList& tools) const {
  return examples ? CommandExamples(*examples, read_file(*examples), tools) : CommandExamples();
}

}  // namespace thimble
