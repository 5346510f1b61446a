#include "assist/log_templates.h"

#include <algorithm>
#include <array>

#include "base/ascii.h"
#include "base/utf8.h"
#include "text/hash.h"

namespace thimble {
namespace {

using ascii::is_digit;
using ascii::is_letter;
using ascii::is_upper;

constexpr std::string_view kMask = "<*>";
constexpr double kSimilar = 0.5;
constexpr size_t kMostInLeaf = 64;

// Bytes of letters beyond ASCII belong to words.
bool is_word(char c) { return is_digit(c) || is_letter(c) || c == '_' || (c & 0x80); }

// One or two capitals and up to four digits, as machines number their faults.
bool is_code(std::string_view run) {
  const size_t letters = run.size() > 1 && is_upper(run[1]) ? 2 : 1;
  return run.size() > letters && run.size() <= letters + 4 && is_upper(run[0]) &&
         std::all_of(run.begin() + static_cast<ptrdiff_t>(letters), run.end(), is_digit);
}

bool is_path(std::string_view token) {
  return token.size() > 2 && (token[0] == '/' || token.find("://") != std::string_view::npos) &&
         std::ranges::count(token, '/') >= 2;
}

// What joins the parts of a number, time or address.
bool is_joint(char c) { return c == '.' || c == ':' || c == '-' || c == '/' || c == '+' || c == ','; }

// Letters of units, hexadecimal digits and the like vary with the digits beside them. Numbers joined become one mask.
void mask_token(std::string& out, std::string_view token) {
  for (size_t at = 0; at < token.size();) {
    if (!is_word(token[at])) {
      const bool joins =
          is_joint(token[at]) && out.ends_with(kMask) && at + 1 < token.size() && is_digit(token[at + 1]);
      if (!joins) out += token[at];
      ++at;
      continue;
    }
    size_t end = at;
    bool has_digit = false;
    for (; end < token.size() && is_word(token[end]); ++end) has_digit |= is_digit(token[end]);
    const std::string_view run = token.substr(at, end - at);
    if (!has_digit || is_code(run)) {
      out += run;
    } else if (!out.ends_with(kMask)) {
      out += kMask;
    }
    at = end;
  }
}

std::vector<std::string_view> split_words(std::string_view text) {
  std::vector<std::string_view> words;
  for (size_t at = 0; at < text.size() && words.size() < LogTemplates::kMostWords;) {
    const size_t end = std::min(text.find(' ', at), text.size());
    if (end > at) words.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

}  // namespace

void append_masked(std::string& out, std::string_view message) {
  const size_t limit = out.size() + kMostMasked;
  message = message.substr(0, kMostMasked);
  bool is_first = true;
  for (size_t at = 0; at < message.size() && out.size() < limit;) {
    size_t end = at;
    while (end < message.size() && message[end] != ' ' && message[end] != '\t') ++end;
    if (end > at) {
      if (!is_first) out += ' ';
      is_first = false;
      const std::string_view token = message.substr(at, end - at);
      if (is_path(token)) {
        out += kMask;
      } else {
        mask_token(out, token);
      }
    }
    at = end + 1;
  }
}

double LogTemplates::similarity(const Group& group, const std::vector<std::string_view>& words) {
  size_t same = 0;
  for (size_t i = 0; i < words.size(); ++i) same += group.words[i] == words[i] ? 1 : 0;
  return static_cast<double>(same) / static_cast<double>(words.size());
}

uint32_t LogTemplates::find(std::string_view masked) {
  std::vector<std::string_view> words = split_words(masked);
  if (words.empty()) words.push_back("");
  const bool begins_masked = words[0].find(kMask) != std::string_view::npos;
  const uint64_t key = mix(hash_text(begins_masked ? kMask : words[0]) + words.size());
  const auto leaf = leaves_.find(key);
  Group* best = nullptr;
  double best_similarity = 0;
  for (size_t i = 0; leaf != leaves_.end() && i < leaf->second.size(); ++i) {
    Group& group = templates_[leaf->second[i]];
    if (group.words.size() != words.size()) continue;
    const double similar = similarity(group, words);
    if (similar > best_similarity) {
      best = &group;
      best_similarity = similar;
    }
  }
  if (best && best_similarity >= kSimilar) {
    for (size_t i = 0; i < words.size(); ++i) {
      if (best->words[i] != words[i]) best->words[i] = kMask;
    }
    return static_cast<uint32_t>(best - templates_.data());
  }
  const bool is_full = leaf != leaves_.end() && leaf->second.size() >= kMostInLeaf;
  if (best && is_full) return static_cast<uint32_t>(best - templates_.data());
  if (templates_.size() + 1 < kMostTemplates) {
    templates_.push_back({{words.begin(), words.end()}, {}});
    leaves_[key].push_back(static_cast<uint32_t>(templates_.size() - 1));
  } else if (templates_.size() < kMostTemplates) {
    templates_.push_back({{"(all other lines)"}, {}});
  }
  return static_cast<uint32_t>(templates_.size() - 1);
}

void LogTemplates::count(uint32_t id, uint64_t line, LogLevel level, std::optional<int64_t> time) {
  LogTemplate& facts = templates_[id].facts;
  if (facts.count++ == 0) {
    facts.first_line = line;
    facts.first_time = time;
  }
  facts.last_line = line;
  facts.level = std::max(facts.level, level);
  if (time) facts.last_time = time;
}

std::vector<LogTemplate> LogTemplates::top(size_t most) const {
  std::vector<const Group*> groups;
  for (const Group& group : templates_) {
    if (group.facts.count != 0) groups.push_back(&group);
  }
  std::ranges::stable_sort(groups, std::greater(), [](const Group* group) { return group->facts.count; });
  groups.resize(std::min(groups.size(), most));
  std::vector<LogTemplate> top;
  for (const Group* group : groups) {
    top.push_back(group->facts);
    std::string& text = top.back().text;
    for (const std::string& word : group->words) text += (text.empty() ? "" : " ") + word;
    text = to_valid_utf8(text);
  }
  return top;
}

}  // namespace thimble
