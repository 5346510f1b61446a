#include "text/tool_calls.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace thimble {
namespace {

// How many end tags of a section are tried: a text argument may spell them.
constexpr size_t kMaxAttempts = 32;
// A tentative section is decided by its first bytes.
constexpr size_t kDecidingBytes = 64;
// More white space than this is nobody's tag.
constexpr size_t kMaxSpaceBytes = 4096;

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

size_t leading_space(std::string_view text) { return std::min(text.find_first_not_of(" \t\r\n"), text.size()); }

size_t without_trailing_space(std::string_view text) {
  size_t size = text.size();
  while (size > 0 && is_space(text[size - 1])) --size;
  return size;
}

// Length of the longest end of `text` that is the beginning of `tag`, but not all of it.
size_t begun(std::string_view text, std::string_view tag) {
  if (tag.empty()) return 0;
  for (size_t n = std::min(tag.size() - 1, text.size()); n > 0; --n) {
    if (text.ends_with(tag.substr(0, n))) return n;
  }
  return 0;
}

}  // namespace

void AnswerParts::add(AnswerParts more) {
  content += more.content;
  reasoning += more.reasoning;
  std::ranges::move(more.calls, std::back_inserter(calls));
  is_malformed = is_malformed || more.is_malformed;
}

AnswerParser::AnswerParser(AnswerSyntax syntax, nlohmann::ordered_json tools, std::string_view prompt)
    : syntax_(std::move(syntax)), tools_(std::move(tools)) {
  prompt = prompt.substr(0, without_trailing_space(prompt));
  for (const ReasoningTags& tags : syntax_.reasoning) {
    const bool is_open = prompt.ends_with(tags.open);
    if (!is_open && !prompt.ends_with(tags.close)) continue;
    reasoning_ = tags;
    state_ = is_open ? State::reasoning : State::content;
    skips_space_ = true;
  }
}

AnswerParts AnswerParser::push(std::string_view text) {
  held_ += text;
  AnswerParts out;
  while (step(out)) {
  }
  return out;
}

AnswerParts AnswerParser::finish() {
  AnswerParts out = push({});
  while (state_ == State::section) {
    read_section(out, held_.size(), held_.size(), true);
    while (step(out)) {
    }
  }
  if (state_ == State::reasoning) {
    out.reasoning += held_.substr(0, without_trailing_space(held_));
  } else if (!skips_space_ || leading_space(held_) < held_.size()) {
    out.content += held_;
  }
  held_.clear();
  return out;
}

bool AnswerParser::step(AnswerParts& out) {
  switch (state_) {
    case State::start: return step_start();
    case State::reasoning: return step_reasoning(out);
    case State::content: return step_content(out);
    case State::section: return step_section(out);
  }
  return false;
}

bool AnswerParser::step_start() {
  const std::string_view text = std::string_view(held_).substr(leading_space(held_));
  if (text.empty() && held_.size() <= kMaxSpaceBytes) return false;
  for (const ReasoningTags& tags : syntax_.reasoning) {
    // An answer that thinks nothing may begin with the end tag.
    for (const std::string_view tag : {tags.open, tags.close}) {
      if (text.starts_with(tag)) {
        held_.erase(0, held_.size() - text.size() + tag.size());
        reasoning_ = tags;
        state_ = tag == tags.open ? State::reasoning : State::content;
        skips_space_ = true;
        return true;
      }
      if (!text.empty() && tag.starts_with(text)) return false;
    }
  }
  state_ = State::content;
  return true;
}

bool AnswerParser::step_reasoning(AnswerParts& out) {
  if (skips_space_) held_.erase(0, leading_space(held_));
  const size_t close = held_.find(reasoning_.close);
  const std::string_view text = std::string_view(held_).substr(0, close);
  const size_t whole = close == held_.npos ? text.size() - begun(text, reasoning_.close) : text.size();
  const size_t certain = without_trailing_space(text.substr(0, whole));
  out.reasoning += text.substr(0, certain);
  skips_space_ = skips_space_ && certain == 0;
  if (close == held_.npos) {
    held_.erase(0, certain);
    return false;
  }
  held_.erase(0, close + reasoning_.close.size());
  state_ = State::content;
  skips_space_ = true;
  return true;
}

bool AnswerParser::step_content(AnswerParts& out) {
  if (skips_space_) held_.erase(0, leading_space(held_));
  if (held_.empty()) return false;
  const Found found = find_section();
  if (found.section == nullptr) {
    emit_content(out, certain_content());
    return false;
  }
  const size_t shown = without_trailing_space(std::string_view(held_).substr(0, found.at));
  emit_content(out, shown);
  dropped_space_ = held_.substr(0, found.at - shown);
  held_.erase(0, dropped_space_.size() + found.section->open.size() - found.section->kept);
  section_ = found.section;
  searched_ = attempts_ = 0;
  state_ = State::section;
  return true;
}

AnswerParser::Found AnswerParser::find_section() const {
  Found found;
  if (syntax_.calls == nullptr) return found;
  for (const CallSection& section : syntax_.calls->sections) {
    size_t at = held_.find(section.open);
    if (section.at_start && (has_content_ || at != leading_space(held_))) at = held_.npos;
    const bool is_better =
        at < found.at || (at == found.at && at != held_.npos && section.open.size() > found.section->open.size());
    if (is_better) found = {&section, at};
  }
  return found;
}

size_t AnswerParser::certain_content() const {
  const std::string_view text = held_;
  size_t held_back = 0;
  if (syntax_.calls != nullptr) {
    for (const CallSection& section : syntax_.calls->sections) {
      if (section.at_start && (has_content_ || !section.open.starts_with(text.substr(leading_space(text))))) continue;
      held_back = std::max(held_back, begun(text, section.open));
    }
  }
  const std::string_view known = text.substr(0, text.size() - held_back);
  const size_t certain = without_trailing_space(known);
  return known.size() - certain > kMaxSpaceBytes ? known.size() : certain;
}

void AnswerParser::emit_content(AnswerParts& out, size_t length) {
  if (length == 0) return;
  out.content += held_.substr(0, length);
  held_.erase(0, length);
  has_content_ = true;
  skips_space_ = false;
}

bool AnswerParser::step_section(AnswerParts& out) {
  if (section_->is_tentative && !may_become_calls(*section_, std::string_view(held_).substr(0, kDecidingBytes))) {
    give_up_section(out, 0, false);
    return true;
  }
  const size_t close = section_->close.empty() ? held_.npos : held_.find(section_->close, searched_);
  if (close != held_.npos) return read_section(out, close, close + section_->close.size(), false);
  if (held_.size() > kMaxSectionBytes) {
    give_up_section(out, held_.size(), false);
    return true;
  }
  searched_ = held_.size() - std::min(held_.size(), begun(held_, section_->close));
  return false;
}

// Reads the section's first `length` bytes; what follows it begins at `behind`. Only text that is_last may go on behind its
// calls: it is content.
bool AnswerParser::read_section(AnswerParts& out, size_t length, size_t behind, bool is_last) {
  const std::string_view body = std::string_view(held_).substr(0, length);
  CallsRead read = length > kMaxSectionBytes ? CallsRead{} : read_calls(*section_, body, tools_);
  const bool is_whole = read.end + leading_space(body.substr(read.end)) == length;
  if (read.verdict == CallsVerdict::calls && (is_whole || section_->close.empty())) {
    std::ranges::move(read.calls, std::back_inserter(out.calls));
    held_.erase(0, is_whole ? behind : read.end);
    has_content_ = skips_space_ = true;
    state_ = State::content;
    return true;
  }
  if (!is_last && read.verdict == CallsVerdict::cut_off && ++attempts_ < kMaxAttempts) {
    searched_ = length + 1;
    return true;
  }
  give_up_section(out, behind, is_last);
  return true;
}

// The section's tag and its first `length` bytes are content after all.
void AnswerParser::give_up_section(AnswerParts& out, size_t length, bool is_last) {
  const std::string_view open = section_->open;
  const std::string_view tag = open.substr(0, open.size() - section_->kept);
  const bool has_arguments = held_.find("\"arguments\"") < length || held_.find("\"parameters\"") < length;
  const bool names_a_tool = has_arguments && held_.find("\"name\"") < length;
  const bool is_fault = !section_->is_tentative || (section_->at_start && is_last && names_a_tool);
  out.is_malformed = out.is_malformed || is_fault;
  // At least one byte, so that the same tag is not found again.
  const size_t shown = std::max(length, section_->kept);
  out.content.append(dropped_space_).append(tag).append(held_, 0, shown);
  held_.erase(0, std::min(shown, held_.size()));
  dropped_space_.clear();
  has_content_ = true;
  skips_space_ = false;
  state_ = State::content;
}

AnswerParts parse_answer(const AnswerSyntax& syntax, std::string_view text, const nlohmann::ordered_json& tools,
                         std::string_view prompt) {
  AnswerParser parser(syntax, tools, prompt);
  AnswerParts parts = parser.push(text);
  parts.add(parser.finish());
  return parts;
}

}  // namespace thimble
