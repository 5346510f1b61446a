// Commands with the right call, to be shown to a model: lines of a task file whose cases are commands.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "assist/word_overlap.h"
#include "text/tool_list.h"

namespace thimble {

struct CommandExample {
  std::string prompt;
  std::string name;  // empty: none
  std::string call;  // as the grammar spells it
};

class CommandExamples {
 public:
  CommandExamples() = default;
  // Throws Error(bad_file) naming every line that is no command or whose call is none that `tools` take.
  CommandExamples(const std::string& path, std::string_view text, const ToolList& tools);

  size_t size() const { return examples_.size(); }

  // The most alike to `prompt`, the best one last so that it stands next to it; no prompt twice, nor the same as `prompt`.
  std::vector<const CommandExample*> similar(std::string_view prompt, size_t count) const;
  // How probable each name is by the names of the most alike examples: their votes, of which a part is spread over all `names`; the empty
  // one stands for none. Parallel to `names`; sums to 1.
  std::vector<double> votes(std::string_view prompt, const std::vector<std::string>& names) const;
  // The same for every command: one a tool in turn and of none, short ones first.
  std::vector<const CommandExample*> fixed(size_t count) const;

 private:
  std::vector<CommandExample> examples_;
  std::unique_ptr<const WordOverlap> overlap_;
};

}  // namespace thimble
