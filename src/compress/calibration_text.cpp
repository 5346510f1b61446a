#include "compress/calibration_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <unordered_set>

#include "base/utf8.h"
#include "text/hash.h"

namespace thimble {
namespace {

constexpr size_t kShingle = 50;
constexpr size_t kMostSamples = 1 << 20;
constexpr double kOneScript = 0.97;
constexpr double kFewCodeLines = 0.02;
constexpr double kManyCodeLines = 0.9;
constexpr double kManyRepeats = 0.3;
constexpr double kMuchShared = 0.01;
constexpr std::string_view kCodeSigns = "{}()[]<>=;_";

// The Unicode blocks of living scripts, coarsely: enough to say that a text has only one of them.
struct Script {
  uint32_t first;
  uint32_t last;
  std::string_view name;
};
constexpr std::array kScripts = {
    Script{0x00c0, 0x024f, "Latin"},      Script{0x0370, 0x03ff, "Greek"},     Script{0x0400, 0x052f, "Cyrillic"},
    Script{0x0530, 0x058f, "Armenian"},   Script{0x0590, 0x05ff, "Hebrew"},    Script{0x0600, 0x077f, "Arabic"},
    Script{0x0900, 0x097f, "Devanagari"}, Script{0x0980, 0x09ff, "Bengali"},   Script{0x0a00, 0x0a7f, "Gurmukhi"},
    Script{0x0a80, 0x0aff, "Gujarati"},   Script{0x0b80, 0x0bff, "Tamil"},     Script{0x0c00, 0x0c7f, "Telugu"},
    Script{0x0c80, 0x0cff, "Kannada"},    Script{0x0d00, 0x0d7f, "Malayalam"}, Script{0x0e00, 0x0e7f, "Thai"},
    Script{0x10a0, 0x10ff, "Georgian"},   Script{0x1100, 0x11ff, "Hangul"},    Script{0x1200, 0x137f, "Ethiopic"},
    Script{0x1e00, 0x1eff, "Latin"},      Script{0x3040, 0x30ff, "Kana"},      Script{0x3400, 0x4dbf, "Han"},
    Script{0x4e00, 0x9fff, "Han"},        Script{0xac00, 0xd7af, "Hangul"},    Script{0x20000, 0x3134f, "Han"}};

std::string_view script_of(uint32_t code_point) {
  if (code_point < 0x80) {
    const uint32_t lower = code_point | 0x20;
    return lower >= 'a' && lower <= 'z' ? "Latin" : "";
  }
  const auto* script =
      std::ranges::find_if(kScripts, [&](const Script& s) { return code_point >= s.first && code_point <= s.last; });
  return script == kScripts.end() ? "" : script->name;
}

void count_scripts(std::string_view text, TextKind& kind) {
  std::map<std::string_view, size_t> letters;
  size_t all = 0;
  for (size_t at = 0; at < text.size();) {
    const CodePoint point = decode_utf8(text, at);
    at += point.length;
    const std::string_view script = script_of(point.value);
    if (script.empty()) continue;
    ++letters[script];
    ++all;
  }
  for (const auto& [script, count] : letters) {
    const double share = static_cast<double>(count) / static_cast<double>(all);
    if (share > kind.script_share) kind.script = script, kind.script_share = share;
  }
}

void count_lines(std::string_view text, TextKind& kind) {
  std::unordered_set<std::string_view> seen;
  size_t lines = 0, code = 0, repeated = 0;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.find_first_not_of(" \t\r") == line.npos) continue;
    ++lines;
    if (!seen.insert(line).second) ++repeated;
    const auto signs = std::ranges::count_if(line, [](char c) { return kCodeSigns.find(c) != kCodeSigns.npos; });
    if (static_cast<size_t>(signs) * 10 > line.size()) ++code;
  }
  if (lines == 0) return;
  kind.code_line_share = static_cast<double>(code) / static_cast<double>(lines);
  kind.repeated_line_share = static_cast<double>(repeated) / static_cast<double>(lines);
}

// Hashes of all windows of kShingle bytes, each from the one before: polynomials modulo 2^64, then mixed.
template <class F>
void for_each_shingle(std::string_view text, F&& f) {
  constexpr uint64_t kBase = 0x9e3779b97f4a7c15u;
  uint64_t leaving = 1;
  for (size_t i = 1; i < kShingle; ++i) leaving *= kBase;
  uint64_t hash = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (i >= kShingle) hash -= leaving * (static_cast<uint8_t>(text[i - kShingle]) + 1u);
    hash = hash * kBase + static_cast<uint8_t>(text[i]) + 1u;
    if (i + 1 >= kShingle) f(mix(hash));
  }
}

std::string with_single_blanks(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool is_blank = c == ' ' || (c >= '\t' && c <= '\r');
    if (!is_blank) out += c;
    if (is_blank && !out.empty() && out.back() != ' ') out += ' ';
  }
  return out;
}

}  // namespace

TextKind text_kind(std::string_view text) {
  TextKind kind;
  count_scripts(text, kind);
  count_lines(text, kind);
  return kind;
}

double shared_shingles(std::string_view calibration, std::string_view evaluation) {
  const std::string wanted = with_single_blanks(evaluation);
  if (wanted.size() < kShingle) return 0;
  const uint64_t every = (wanted.size() + kMostSamples - 1) / kMostSamples;
  std::vector<uint64_t> hashes;  // of the evaluation text, sorted
  for_each_shingle(wanted, [&](uint64_t hash) {
    if (hash % every == 0) hashes.push_back(hash);
  });
  if (hashes.empty()) return 0;
  std::ranges::sort(hashes);
  std::vector<bool> found(hashes.size());
  for_each_shingle(with_single_blanks(calibration), [&](uint64_t hash) {
    if (hash % every != 0) return;
    const auto [begin, end] = std::equal_range(hashes.begin(), hashes.end(), hash);
    for (auto it = begin; it != end && !found[static_cast<size_t>(it - hashes.begin())]; ++it) {
      found[static_cast<size_t>(it - hashes.begin())] = true;
    }
  });
  return static_cast<double>(std::ranges::count(found, true)) / static_cast<double>(hashes.size());
}

std::vector<std::string> calibration_warnings(const CalibrationText& given) {
  std::vector<std::string> warnings;
  if (given.tokens < kAdvisedTokens) {
    warnings.push_back(fmt::format("the calibration text is short: {} tokens are run, at least {} are advised",
                                   given.tokens, kAdvisedTokens));
  }
  const TextKind kind = text_kind(given.text);
  const bool one_kind = kind.code_line_share < kFewCodeLines || kind.code_line_share > kManyCodeLines;
  if (kind.script_share >= kOneScript && one_kind) {
    warnings.push_back(
        fmt::format("the calibration text is of one kind: {:.1f}% of its letters are {}, {:.1f}% of its lines look "
                    "like code or data; "
                    "what the model will read in use should be in it",
                    kind.script_share * 100, kind.script, kind.code_line_share * 100));
  }
  if (kind.repeated_line_share > kManyRepeats) {
    warnings.push_back(fmt::format("the calibration text repeats itself: {:.0f}% of its lines stood there before",
                                   kind.repeated_line_share * 100));
  }
  const double shared = shared_shingles(given.text, given.evaluation);
  if (shared >= kMuchShared) {
    warnings.push_back(
        fmt::format("the evaluation text overlaps the calibration text: {:.1f}% of its runs of {} characters stand in "
                    "both; what is "
                    "measured on it will look better than it is",
                    shared * 100, kShingle));
  }
  if (given.has_template && !given.has_turns) {
    warnings.push_back(
        "the model has a chat template, but the calibration text is plain: give conversations with --chat-data too");
  }
  return warnings;
}

}  // namespace thimble
