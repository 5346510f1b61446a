// A model that has been loaded after its plan was found to fit, and what runs it.
#pragma once

#include <memory>

#include "app/console.h"
#include "app/preflight.h"
#include "base/team.h"
#include "engine/language_model.h"
#include "engine/session.h"
#include "kernels/kernels.h"

namespace thimble {

class Runtime {
 public:
  // Throws Error(does_not_fit) before anything is loaded, Error(bad_file) or Error(usage) for what is found while
  // loading.
  Runtime(Preflight preflight, const ModelOptions& model_options, const ContextOptions& context_options);

  const LanguageModel& language_model() const { return language_model_; }
  const Tokenizer& tokenizer() const { return language_model_.tokenizer(); }
  const Kernels& kernels() const { return kernels_; }
  unsigned threads() const { return team_.size(); }
  Team& team() { return team_; }
  const MemoryPlan& plan() const { return plan_; }
  const SessionOptions& session_options() const { return session_options_; }

  // What results depend on beside the model's file and the text: adapters, instruction set, cache.
  std::string run_as() const;
  // A hash of that and of the model's file (kept_rows.h).
  uint64_t identity() const;

  // On stderr: a context that is longer than the model was trained for, and with `verbose` what runs how.
  void note_setup(const Console& console, bool verbose) const;

  // One at a time: the plan has memory for one.
  std::unique_ptr<Session> make_session(const SessionOptions& options);
  std::unique_ptr<Session> make_session() { return make_session(session_options_); }

 private:
  const Kernels& kernels_;
  MemoryPlan plan_;
  MemoryLimit limit_;
  std::vector<std::string> adapters_;  // for people
  SessionOptions session_options_;
  LanguageModel language_model_;
  Team team_;
};

}  // namespace thimble
