// What a training run says of its steps: a JSON object a line, {"step","loss","lr","tokens","tps"} and more, or, in a file whose name
// ends in .csv, the same as columns under a line of their names.
#pragma once

#include <optional>
#include <string>

#include "base/file_handle.h"
#include "tune/trainer.h"

namespace thimble {

class TrainingLog {
 public:
  // Keeps the lines of the first `kept_steps` steps of a file that is there, and begins it anew for none. Without a path nothing is
  // written. Throws Error(failed) where the file cannot be written.
  TrainingLog(const std::optional<std::string>& path, uint64_t kept_steps);

  void write(const StepReport& report);

 private:
  std::string path_;
  bool is_csv_ = false;
  FileHandle file_;
};

}  // namespace thimble
