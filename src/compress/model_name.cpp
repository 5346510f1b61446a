#include "compress/model_name.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <regex>
#include <vector>

namespace thimble {
namespace {

constexpr size_t kMostBytes = 255;

struct Part {
  std::string text;
  bool is_version = false, is_type = false, is_size = false, is_finetune = false, is_basename = false;
  int kinds() const { return is_version + is_type + is_size + is_finetune + is_basename; }
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
std::string upper(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}
std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

bool matches(const std::string& text, const char* pattern) {
  return std::regex_match(text, std::regex(pattern, std::regex::icase | std::regex::ECMAScript));
}

std::vector<Part> split(std::string_view name) {
  std::vector<Part> parts;
  while (!name.empty()) {
    const size_t end = std::min(name.find('-'), name.size());
    if (end != 0) parts.push_back({std::string(name.substr(0, end))});
    name.remove_prefix(std::min(end + 1, name.size()));
  }
  return parts;
}

// "7b1" is 7.1B, "135m" 135M; what is far from the model's size is a context length.
void note_size(Part& part, uint64_t parameters) {
  std::string text = part.text;
  std::ranges::replace(text, '_', '.');
  if (is_digit(text.back())) text = text.substr(0, text.size() - 2) + "." + text.back() + text[text.size() - 2];
  const std::string_view suffixes = "KMBT";
  if (text.size() > 1 && is_digit(text[text.size() - 2])) text.back() = upper(text.substr(text.size() - 1))[0];
  double value = 0;
  const char* end = text.data() + text.size() - 1;
  const bool is_number = std::from_chars(text.data(), end, value).ptr == end;
  const size_t suffix = suffixes.find(text.back());
  if (is_number && suffix != std::string_view::npos && parameters != 0) {
    const double label = value * std::pow(1000.0, static_cast<double>(suffix) + 1);
    const auto most = static_cast<double>(7 * parameters / 8);
    if (std::abs(label - static_cast<double>(parameters)) > most) {
      part.is_finetune = true;
      text.back() = lower(text.substr(text.size() - 1))[0];
    }
  }
  if (part.kinds() == 0) part.is_size = true;
  part.text = text;
}

void note_kinds(std::vector<Part>& parts, uint64_t parameters) {
  for (size_t i = 0; i < parts.size(); ++i) {
    Part& part = parts[i];
    if (matches(part.text, R"((v|iter)?\d+([.]\d+)*)")) {
      part.is_version = true;
    } else if (matches(part.text, R"(i?q\d(_\w)*|b?fp?(16|32))")) {
      part.is_type = true;
      part.text = upper(part.text);
    } else if (i > 0 && matches(part.text, R"(((A|\d+x)?\d+([._]\d+)?[KMBT]\d?|small|mini|medium|large|x?xl))")) {
      note_size(part, parameters);
    } else if (i > 0 && matches(part.text, "chat|instruct|vision|lora")) {
      part.is_finetune = true;
    }
  }
  const auto has_digit = [](const Part& part) { return part.is_size && std::ranges::any_of(part.text, is_digit); };
  if (std::ranges::any_of(parts, has_digit)) {
    for (Part& part : parts) part.is_size = part.is_size && !std::ranges::all_of(part.text, is_letter);
  }
}

// The name begins with its base; a version at the end of that is none of it.
void note_base(std::vector<Part>& parts) {
  bool is_start = true;
  for (Part& part : parts) {
    if (is_start && ((part.kinds() == 0 && is_letter(part.text[0])) || part.is_version)) {
      part.is_basename = true;
    } else {
      is_start = false;
      if (part.kinds() == 0) part.is_finetune = true;
    }
  }
  for (auto part = parts.rbegin(); part != parts.rend() && part->is_basename && part->kinds() > 1; ++part) {
    part->is_basename = false;
  }
}

template <class Wanted>
std::string joined(const std::vector<Part>& parts, Wanted&& wanted) {
  std::string text;
  for (const Part& part : parts) {
    if (wanted(part)) text += (text.empty() ? "" : "-") + part.text;
  }
  return text;
}

}  // namespace

ModelName take_apart(std::string_view id, uint64_t parameters) {
  if (id.size() > kMostBytes || id.find(' ') != std::string_view::npos) return {.name = std::string(id)};
  ModelName result;
  if (const size_t slash = id.find('/'); slash != std::string_view::npos) {
    result.organization = id.starts_with('.') ? "" : std::string(id.substr(0, slash));
    id.remove_prefix(slash + 1);
  }
  result.name = id;
  std::vector<Part> parts = split(id);
  note_kinds(parts, parameters);
  note_base(parts);
  result.basename = joined(parts, [](const Part& part) { return part.is_basename; });
  std::vector<std::string> sizes;
  result.size_label = joined(parts, [&](const Part& part) {
    if (!part.is_size || std::ranges::count(sizes, part.text) != 0) return false;
    sizes.push_back(part.text);
    return true;
  });
  result.finetune = joined(parts, [](const Part& part) { return part.is_finetune; });
  result.version = joined(parts, [](const Part& part) { return part.is_version && !part.is_basename; });
  // A basename alone says too little.
  if (result.size_label.empty() && result.finetune.empty() && result.version.empty()) result.basename.clear();
  return result;
}

std::string title_of(std::string_view id) {
  std::string out;
  std::string word;
  const auto finish = [&] {
    if (word.empty()) return;
    const bool has_lower = std::ranges::any_of(word, [](char c) { return c >= 'a' && c <= 'z'; });
    const bool has_upper = std::ranges::any_of(word, [](char c) { return c >= 'A' && c <= 'Z'; });
    const bool is_version = is_digit(word[0]) || std::regex_match(word, std::regex(R"(v\d+(\.\d+)*)"));
    if (has_lower && !has_upper && !is_version) {
      bool is_inside = false;
      for (char& c : word) {
        if (!is_inside) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
        is_inside = is_letter(c);
      }
    }
    out += (out.empty() ? "" : " ") + word;
    word.clear();
  };
  for (const char c : id.substr(0, kMostBytes)) {
    if (c == '-' || c == ' ' || c == '\t' || c == '\n') {
      finish();
    } else {
      word += c;
    }
  }
  finish();
  return out;
}

std::string size_label_of(uint64_t parameters) {
  struct Unit {
    double least;
    double scale;
    char letter;
  };
  constexpr Unit kUnits[] = {{1e12, 1e-12, 'T'}, {1e9, 1e-9, 'B'}, {1e6, 1e-6, 'M'}, {-1, 1e-3, 'K'}};
  const auto count = static_cast<double>(parameters);
  const Unit& unit = *std::ranges::find_if(kUnits, [&](const Unit& u) { return count > u.least; });
  const double scaled = count * unit.scale;
  // At least two digits.
  const double whole = std::nearbyint(scaled);
  const int places = whole >= 10 ? 0 : whole >= 1 ? 1 : 2;
  return fmt::format("{:.{}f}{}", scaled, places, unit.letter);
}

}  // namespace thimble
