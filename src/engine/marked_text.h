// What people and tools wrote is kept from becoming control tokens: where their text spells one, a noncharacter is put inside
// it before rendering and taken out again afterwards; its place is then barred from matching, so the text stays text
// whatever the template does around it.
#pragma once

#include <nlohmann/json.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"

namespace thimble {

// Deeper than this no message, tool or variable is.
constexpr size_t kMaxJsonDepth = 100;

// A copy whose strings and keys are valid UTF-8 and hold no marks of their own. Throws Error(bad_file), naming `what`,
// where it nests too deep.
nlohmann::ordered_json clean_json(const nlohmann::ordered_json& value, std::string_view what);
std::string clean_text(std::string_view text);

class Marker {
 public:
  explicit Marker(const Tokenizer& tokenizer) : tokenizer_(tokenizer) {}

  // A copy with marks in every string and key that spells a control token. `value` is clean.
  nlohmann::ordered_json mark(const nlohmann::ordered_json& value);
  // Removes the marks from what a template made of marked values, also where it wrote them as an escape, and returns
  // where they were.
  std::vector<size_t> take_from(std::string& text) const;

 private:
  std::string mark_text(const std::string& text);

  const Tokenizer& tokenizer_;
  bool spells_escape_ = false;  // the text of someone has the mark's escape, which then is no mark
};

}  // namespace thimble
