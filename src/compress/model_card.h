// The front matter of a model card (README.md): plain values and lists of them, which is what says where a model comes from. Nested
// values are passed over; this is no YAML reader.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace thimble {

class ModelCard {
 public:
  // Empty where the folder has no card, or one without front matter.
  static ModelCard read(const std::string& folder);
  static ModelCard parse(std::string_view text);

  std::vector<std::string> texts(std::string_view key) const;  // a plain value is a list of one
  std::string text(std::string_view keys) const;               // the first of "a|b" that is there; empty where none is

 private:
  std::map<std::string, std::vector<std::string>, std::less<>> values_;
};

}  // namespace thimble
