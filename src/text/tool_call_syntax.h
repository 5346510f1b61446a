// How the families write the calls of tools and what they think before they answer: rows of a table. Which row is a
// model's is found in the text of its chat template, for that is where the tags are written down.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace thimble {

enum class CallForm : uint8_t {
  json,        // {"name": ..., "arguments" or "parameters": {...}, "id": ...}, several, or a list of them
  keyed_json,  // {"<name>": {arguments}}, several, or a list of them
  named_json,  // name and {arguments}, with tags between; also what `json` takes
  tagged,      // each argument between tags of its own
  python,      // name(key=value, ...), several, or a list of them
  braces,      // call:name{key: value, ...}
  python_tag,  // what `json` takes, name.call(key=value), or code
};

// The tags inside of a section. Empty ones are not there.
struct CallTags {
  std::string_view call_open;  // in front of a call
  std::string_view name_end;   // behind its name; empty: the name ends with its line or before '<'
  std::string_view id_open;    // named_json: between name and id
  std::string_view key_open;   // tagged: around the name of an argument
  std::string_view key_end;
  std::string_view value_open;  // tagged: the value begins behind the next of these
  std::string_view value_close;
  std::string_view call_close;
  std::string_view quote_mark;  // braces: what stands for a quotation mark
};

// A part of the answer that holds calls.
struct CallSection {
  std::string_view open;
  std::string_view close;  // empty: the end of the answer
  CallForm form;
  CallTags tags{};
  size_t kept = 0;            // how many bytes at the end of `open` belong to what follows
  bool at_start = false;      // only where nothing but white space is in front of it
  bool is_tentative = false;  // ordinary text may look like it: what is no call is no fault
};

struct ToolCallSyntax {
  std::string_view name;
  std::array<std::string_view, 2> marks;  // the template has all of these that are not empty
  std::span<const CallSection> sections;
};

struct ReasoningTags {
  std::string_view open;
  std::string_view close;
};

// All rows; the first whose marks a template has is the one.
std::span<const ToolCallSyntax> tool_call_syntaxes();

struct AnswerSyntax {
  const ToolCallSyntax* calls = nullptr;  // null: no way of calling tools is known
  std::vector<ReasoningTags> reasoning;   // of which an answer may begin with one

  static AnswerSyntax of_template(std::string_view source);
  // Every tag, for finding the control tokens among them.
  std::vector<std::string_view> tags() const;
};

}  // namespace thimble
