// From the probabilities that a model gives to a call to how often such calls are right: a logistic function (Platt 1999) of their
// logarithms, one for calls of a tool and one for the call of none. Fitted on answers whose truth is known, kept as JSON.
#pragma once

#include <nlohmann/json.hpp>

#include <array>
#include <span>
#include <string>

namespace thimble {

// Under the constraint, so that only what may be said counts.
struct CallProbabilities {
  double none = 0;       // of the call of none, against all tools
  double name = 0;       // of the tool's name among all names, none included
  double arguments = 0;  // of what is chosen behind the name; 1 where there is no choice
};

struct CallCalibration {
  double none_threshold = 0.5;             // above this probability of none, none is called
  std::array<double, 3> tool = {0, 1, 0};  // 1, log-odds of name and arguments together, log of the name's
  std::array<double, 2> none = {0, 1};     // 1, log-odds of none

  double confidence(const CallProbabilities& probabilities, bool is_call) const;

  nlohmann::ordered_json to_json() const;
  // Throws Error(bad_file) naming `source`.
  static CallCalibration parse(std::string_view text, const std::string& source);
};

struct CalibrationCase {
  CallProbabilities probabilities;
  bool is_call = false;        // what was answered
  bool is_right = false;       // the answer
  bool none_is_right = false;  // whether the call of none would be
};

// The threshold that makes most cases right, and the weights that make the outcomes under it most likely, with a weak pull to 0 so that few
// cases or cases that are all alike give finite ones. Cases that were answered with none say nothing of a threshold above the one
// of their run, `before`: the best is found from answers without none, of a run with a threshold of 1.
CallCalibration fit_calibration(std::span<const CalibrationCase> cases, const CallCalibration& before);

}  // namespace thimble
