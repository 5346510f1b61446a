#include "text/json_schema_decimal.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "base/error.h"

namespace thimble::json_schema {
namespace {

constexpr size_t kMostDigits = 40;
constexpr uint32_t kMostMultiple = 10'000;  // its digits without the point

int compare_magnitudes(const Decimal& a, const Decimal& b) {
  if (a.whole.size() != b.whole.size()) return a.whole.size() < b.whole.size() ? -1 : 1;
  const int whole = a.whole.compare(b.whole);
  return whole != 0 ? whole : a.fraction.compare(b.fraction);
}

// Texts of numbers from zero on, between two others. A state is how much has been read, whether all of it equals the
// beginning of a bound, and the remainder by the multiple.
class MagnitudeNetwork {
 public:
  struct Bounds {
    Decimal least{};
    bool is_least_excluded = false;
    std::optional<Decimal> most{};
    bool is_most_excluded = false;
  };

  MagnitudeNetwork(GrammarRules& rules, Bounds bounds, const NumberRange& range)
      : rules_(rules), bounds_(std::move(bounds)), is_whole_(range.is_whole) {
    if (range.multiple) set_multiple(*range.multiple, range.path);
    for (char digit = '0'; digit <= '9'; ++digit) digits_.push_back(rules.text(std::string(1, digit)));
    point_ = rules.text(".");
  }

  ExprId build() {
    const size_t least = bounds_.least.whole.size();
    const size_t longest = std::max(least, bounds_.most ? bounds_.most->whole.size() : 0);
    const size_t last = bounds_.most ? bounds_.most->whole.size() : longest;
    for (size_t length = least; length <= last; ++length) {
      begin({.length = length,
             .is_low = length == least,
             .is_high = bounds_.most && length == bounds_.most->whole.size()});
    }
    if (!bounds_.most) begin({.length = longest + 1, .is_longer = true});
    for (size_t i = 0; i < waiting_.size(); ++i) extend(waiting_[i]);
    return rules_.network(std::move(network_));
  }

 private:
  struct State {
    size_t length = 0;       // of the whole part, the least where it may be longer
    bool is_longer = false;  // it may
    size_t whole = 0;        // digits read of the whole part
    size_t fraction = 0;     // and behind the point, counted as far as they differ
    bool has_point = false;
    bool is_low = false;  // equal to the bound so far
    bool is_high = false;
    uint32_t remainder = 0;

    using Key = std::tuple<size_t, bool, size_t, size_t, bool, bool, bool, uint32_t>;
    Key key() const { return {length, is_longer, whole, fraction, has_point, is_low, is_high, remainder}; }
  };

  void set_multiple(const Decimal& multiple, const std::string& path) {
    const std::string digits = multiple.whole == "0" ? multiple.fraction : multiple.whole + multiple.fraction;
    uint64_t value = 0;
    for (const char digit : digits)
      value = std::min<uint64_t>(value * 10 + static_cast<uint64_t>(digit - '0'), kMostMultiple + 1);
    if (value > kMostMultiple) {
      fail(ExitCode::usage, "{}: 'multipleOf' is {}, the digits of one may make {} at most", path, multiple.text(),
           kMostMultiple);
    }
    multiple_ = static_cast<uint32_t>(value);
    places_ = multiple.fraction.size();
  }

  void begin(const State& state) { add_edge(0, rules_.text(""), state); }

  void add_edge(uint32_t from, ExprId what, const State& to) {
    const auto [found, is_new] = ids_.try_emplace(to.key(), network_.states);
    if (is_new) {
      if (network_.states >= GrammarLimits::kStates)
        fail(ExitCode::usage, "the bounds of a number need too many states");
      network_.add_state();
      waiting_.push_back(to);
      if (may_end(to)) network_.finals.push_back(found->second);
    }
    network_.edges.push_back({from, what, found->second});
  }

  void extend(const State state) {
    const uint32_t id = ids_.at(state.key());
    const bool is_whole_done = state.whole == state.length;
    if (!state.has_point && is_whole_done && !is_whole_) {
      State next = state;
      next.has_point = true;
      add_edge(id, point_, next);
    }
    if (!state.has_point && is_whole_done && !state.is_longer) return;
    for (uint32_t digit = 0; digit < 10; ++digit) {
      if (const auto next = after_digit(state, digit)) add_edge(id, digits_[digit], *next);
    }
  }

  std::optional<State> after_digit(const State& state, uint32_t digit) const {
    // Behind the places of the multiple there are zeros only.
    const bool is_behind = state.has_point && multiple_ && state.fraction >= places_;
    if (is_behind && digit != 0) return std::nullopt;
    // No zero before other digits.
    if (!state.has_point && state.whole == 0 && digit == 0 && (state.length > 1 || state.is_longer))
      return std::nullopt;
    const auto low = static_cast<uint32_t>(digit_of(bounds_.least, state) - '0');
    const auto high = bounds_.most ? static_cast<uint32_t>(digit_of(*bounds_.most, state) - '0') : 9;
    if ((state.is_low && digit < low) || (state.is_high && digit > high)) return std::nullopt;
    State next = state;
    next.is_low = state.is_low && digit == low;
    next.is_high = state.is_high && digit == high;
    if (multiple_ && !is_behind) next.remainder = (state.remainder * 10 + digit) % *multiple_;
    if (!state.has_point) {
      next.whole = std::min(state.whole + 1, state.length);
    } else {
      const size_t most = std::max(
          {bounds_.least.fraction.size(), bounds_.most ? bounds_.most->fraction.size() : 0, places_, size_t{1}});
      next.fraction = std::min(state.fraction + 1, most);
    }
    return next;
  }

  static char digit_of(const Decimal& bound, const State& state) {
    if (!state.has_point) return state.whole < bound.whole.size() ? bound.whole[state.whole] : '0';
    return state.fraction < bound.fraction.size() ? bound.fraction[state.fraction] : '0';
  }

  bool may_end(const State& state) const {
    if (state.whole < state.length || (state.has_point && state.fraction == 0)) return false;
    if (multiple_) {
      uint64_t remainder = state.remainder;
      for (size_t i = state.fraction; i < places_; ++i) remainder = remainder * 10 % *multiple_;
      if (remainder != 0) return false;
    }
    // A bound that goes on beyond what was read has a digit there that is not zero.
    if (state.is_low && (state.fraction < bounds_.least.fraction.size() || bounds_.is_least_excluded)) return false;
    return !state.is_high || state.fraction < bounds_.most->fraction.size() || !bounds_.is_most_excluded;
  }

  GrammarRules& rules_;
  Bounds bounds_;
  bool is_whole_;
  std::optional<uint32_t> multiple_;
  size_t places_ = 0;  // behind the point, of the multiple
  std::vector<ExprId> digits_;
  ExprId point_ = 0;
  Network network_;
  std::map<State::Key, uint32_t> ids_;
  std::vector<State> waiting_;
};

Decimal negated(Decimal value) {
  if (!value.is_zero()) value.is_negative = !value.is_negative;
  return value;
}

// The part of the range from zero on.
ExprId upper_half(GrammarRules& rules, const NumberRange& range, bool with_zero) {
  MagnitudeNetwork::Bounds bounds{.is_least_excluded = !with_zero};
  if (range.most) {
    if (range.most->is_negative) return rules.never();
    bounds.most = range.most;
    bounds.is_most_excluded = range.is_most_excluded;
  }
  if (range.least && !range.least->is_negative && !(range.least->is_zero() && !with_zero)) {
    bounds.least = *range.least;
    bounds.is_least_excluded = range.is_least_excluded;
  }
  if (bounds.most && compare_magnitudes(bounds.least, *bounds.most) > 0) return rules.never();
  return MagnitudeNetwork(rules, std::move(bounds), range).build();
}

}  // namespace

std::string Decimal::text() const {
  return (is_negative ? "-" : "") + whole + (fraction.empty() ? "" : "." + fraction);
}

std::optional<Decimal> to_decimal(const nlohmann::ordered_json& number) {
  // The shortest text that stands for a double is what its writer meant.
  std::string text = number.is_number_float() ? fmt::format("{}", number.get<double>()) : number.dump();
  Decimal out;
  if (text.starts_with('-')) {
    out.is_negative = true;
    text.erase(0, 1);
  }
  int64_t exponent = 0;
  if (const size_t mark = text.find_first_of("eE"); mark != std::string::npos) {
    exponent = std::stoll(text.substr(mark + 1));
    text.resize(mark);
  }
  const size_t point = std::min(text.find('.'), text.size());
  std::string digits = text.substr(0, point) + (point < text.size() ? text.substr(point + 1) : "");
  if (digits.find_first_not_of("0123456789") != std::string::npos) return std::nullopt;  // infinity
  int64_t whole_digits = static_cast<int64_t>(point) + exponent;
  if (whole_digits < -static_cast<int64_t>(kMostDigits) || whole_digits > static_cast<int64_t>(kMostDigits))
    return std::nullopt;
  if (whole_digits < 0) {
    digits.insert(0, static_cast<size_t>(-whole_digits), '0');
    whole_digits = 0;
  }
  if (digits.size() < static_cast<size_t>(whole_digits)) digits.resize(static_cast<size_t>(whole_digits), '0');
  out.whole = digits.substr(0, static_cast<size_t>(whole_digits));
  out.fraction = digits.substr(static_cast<size_t>(whole_digits));
  out.whole.erase(0, std::min(out.whole.find_first_not_of('0'), out.whole.size()));
  if (out.whole.empty()) out.whole = "0";
  while (out.fraction.ends_with('0')) out.fraction.pop_back();
  if (out.fraction.size() > kMostDigits) return std::nullopt;
  if (out.is_zero()) out.is_negative = false;
  return out;
}

int compare(const Decimal& a, const Decimal& b) {
  if (a.is_negative != b.is_negative) return a.is_negative ? -1 : 1;
  return a.is_negative ? compare_magnitudes(b, a) : compare_magnitudes(a, b);
}

ExprId number_expression(GrammarRules& rules, const NumberRange& range) {
  NumberRange mirrored = range;
  mirrored.least.reset();
  mirrored.most.reset();
  if (range.most) mirrored.least = negated(*range.most);
  if (range.least) mirrored.most = negated(*range.least);
  std::swap(mirrored.is_least_excluded, mirrored.is_most_excluded);
  const ExprId below = upper_half(rules, mirrored, false);
  return rules.choice({upper_half(rules, range, true), rules.sequence({rules.text("-"), below})});
}

}  // namespace thimble::json_schema
