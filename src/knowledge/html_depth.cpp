#include "knowledge/html_depth.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <string>

namespace thimble {
namespace {

constexpr std::string_view kNeverOpen[] = {"area",  "base", "br",   "col",   "embed",  "hr",    "img",
                                           "input", "link", "meta", "param", "source", "track", "wbr"};
constexpr std::string_view kMayStayOpen[] = {"body", "dd", "dt",    "head", "html",  "li", "optgroup", "option", "p",
                                             "rp",   "rt", "tbody", "td",   "tfoot", "th", "thead",    "tr"};
constexpr size_t kLongestName = 32;

bool is_letter(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; }

bool contains(const auto& names, std::string_view name) { return std::ranges::find(names, name) != std::end(names); }

}  // namespace

bool is_nested_too_deep(std::string_view html) {
  // By name, so that an end tag of what is not open takes nothing away.
  std::map<std::string, size_t, std::less<>> open;
  size_t elements = 0, items = 0;
  for (size_t at = html.find('<'); at != std::string_view::npos; at = html.find('<', at + 1)) {
    const bool is_end = at + 1 < html.size() && html[at + 1] == '/';
    const size_t begin = at + (is_end ? 2 : 1);
    if (begin >= html.size() || !is_letter(html[begin])) continue;
    std::string name;
    for (size_t i = begin;
         i < html.size() && name.size() < kLongestName && std::isalnum(static_cast<unsigned char>(html[i])) != 0; ++i) {
      name += static_cast<char>(std::tolower(static_cast<unsigned char>(html[i])));
    }
    if (contains(kNeverOpen, name)) continue;
    size_t& kind = contains(kMayStayOpen, name) ? items : elements;
    size_t& count = open[name];
    if (is_end && count > 0) {
      --count;
      --kind;
    } else if (!is_end) {
      ++count;
      ++kind;
    }
    if (elements > kMostOpenElements || items > kMostOpenItems) return true;
  }
  return false;
}

}  // namespace thimble
