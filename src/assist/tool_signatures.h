// Tools as a model reads them with few tokens: one line each, made from their JSON schemas, such as
// `set_valve(valve: text, percent: 0..100) - Move a valve`. Lists of words that several tools share are named once in front.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "text/tool_list.h"

namespace thimble {

enum class SignatureDetail : uint8_t {
  full,
  no_arguments,  // what arguments mean is left out
  names          // what tools do as well
};
std::string_view name_of(SignatureDetail detail);  // "full", "no argument descriptions", "no descriptions"

std::string tool_signatures(std::span<const Tool* const> tools, SignatureDetail detail);

// All words that a person might use for it: name, descriptions, the words of its lists.
std::string words_about(const Tool& tool);

}  // namespace thimble
