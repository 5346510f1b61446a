#include "measure/task_plots.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/utf8.h"

namespace thimble {
namespace {

constexpr size_t kModelClasses = 4;

std::string svg_begin(double width, double height, std::string_view title) {
  return fmt::format("<svg viewBox=\"0 0 {:.0f} {:.0f}\" width=\"{:.0f}\" role=\"img\" aria-label=\"{}\">\n", width,
                     height, width, html_text(title));
}

std::string line(double x1, double y1, double x2, double y2, std::string_view css) {
  return fmt::format("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" class=\"{}\"/>\n", x1, y1, x2, y2,
                     css);
}

std::string label(double x, double y, std::string_view anchor, std::string_view text) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\" class=\"label\">{}</text>\n", x, y, anchor,
                     html_text(text));
}

std::string rectangle(double x, double y, double width, double height, std::string_view css, std::string_view title) {
  return fmt::format(
      "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" class=\"{}\"><title>{}</title></rect>\n", x,
      y, std::max(width, 0.0), std::max(height, 0.0), css, html_text(title));
}

// A square or oblong field with both axes and five steps on each.
struct Field {
  double left, top, width, height;
  double x_end, y_end;  // values at the far ends; 0 at the near ones

  double x(double value) const { return left + width * value / x_end; }
  double y(double value) const { return top + height * (1 - value / y_end); }

  std::string grid(std::string_view x_name, std::string_view y_name, int x_digits, int y_digits) const {
    constexpr int kSteps = 5;
    std::string out;
    for (int i = 0; i <= kSteps; ++i) {
      const double x_value = x_end * i / kSteps, y_value = y_end * i / kSteps;
      out += line(x(x_value), top, x(x_value), top + height, i == 0 ? "axis" : "grid");
      out += line(left, y(y_value), left + width, y(y_value), i == 0 ? "axis" : "grid");
      out += label(x(x_value), top + height + 16, "middle", fmt::format("{:.{}f}", x_value, x_digits));
      out += label(left - 6, y(y_value) + 4, "end", fmt::format("{:.{}f}", y_value, y_digits));
    }
    out += label(left + width / 2, top + height + 34, "middle", x_name);
    return out + label(left, top - 8, "start", y_name);
  }
};

std::string percent(double share) { return fmt::format("{:.1f}%", share * 100); }

std::string bar_title(const ModelReport& model, const std::string& category, const TaskFigures& figures) {
  return fmt::format("{}, {}: {} of {} cases, {} to {}", model.run.name, category, percent(figures.score),
                     figures.cases, percent(figures.interval.first), percent(figures.interval.second));
}

// A figure that is easy to read and not less than `value`.
double round_up(double value) {
  if (!(value > 0)) return 1;
  const double power = std::pow(10.0, std::floor(std::log10(value)));
  for (const double step : {1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0}) {
    if (step * power >= value) return step * power;
  }
  return 10 * power;
}

}  // namespace

std::string html_text(std::string_view text) {
  std::string out;
  for (const char c : to_valid_utf8(text)) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default: {
        const auto byte = static_cast<unsigned char>(c);
        const bool is_control = (byte < 0x20 && c != '\n' && c != '\t') || byte == 0x7F;
        out += is_control ? std::string("\xEF\xBF\xBD") : std::string(1, c);
      }
    }
  }
  return out;
}

std::string model_class(size_t model) { return "m" + std::to_string(model % kModelClasses); }

std::string score_plot(const TaskReport& report) {
  constexpr double kLeft = 190, kWidth = 780, kTop = 24, kBar = 12, kGap = 10;
  std::vector<std::string> names = {"all"};
  for (const auto& [name, figures] : report.models.front().categories) names.push_back(name);
  const double group = kBar * static_cast<double>(report.models.size()) + kGap;
  const double height = group * static_cast<double>(names.size());
  std::string out = svg_begin(kLeft + kWidth + 30, kTop + height + 24, "Score by category");
  for (int i = 0; i <= 10; i += 2) {
    const double x = kLeft + kWidth * i / 10;
    out += line(x, kTop, x, kTop + height, i == 0 ? "axis" : "grid");
    out += label(x, kTop + height + 16, "middle", fmt::format("{}%", i * 10));
  }
  double y = kTop + kGap / 2;
  for (const std::string& name : names) {
    out += label(kLeft - 8, y + (group - kGap) / 2 + 4, "end", name.size() > 26 ? name.substr(0, 24) + "..." : name);
    for (size_t i = 0; i < report.models.size(); ++i) {
      const ModelReport& model = report.models[i];
      const TaskFigures& figures = name == names.front() ? model.all : model.categories.at(name);
      const std::string title = bar_title(model, name, figures);
      const double middle = y + (kBar - 2) / 2;
      out += rectangle(kLeft, y, kWidth * figures.score, kBar - 2, model_class(i), title);
      out += line(kLeft + kWidth * figures.interval.first, middle, kLeft + kWidth * figures.interval.second, middle,
                  "range");
      y += kBar;
    }
    y += kGap;
  }
  return out + "</svg>\n";
}

std::string reliability_plot(const TaskReport& report) {
  const Field field{52, 28, 300, 300, 1, 1};
  std::string lines;
  for (size_t i = 0; i < report.models.size(); ++i) {
    const ModelReport& model = report.models[i];
    if (!model.reliability) continue;
    std::string points, marks;
    for (const ReliabilityBin& bin : model.reliability->bins) {
      if (bin.cases == 0) continue;
      const double x = field.x(bin.confidence), y = field.y(bin.accuracy);
      points += fmt::format("{:.1f},{:.1f} ", x, y);
      const double radius = 3 + 1.5 * std::log2(static_cast<double>(bin.cases) + 1);
      marks += fmt::format(
          "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{:.1f}\" class=\"{}\"><title>{}</title></circle>\n", x, y, radius,
          model_class(i),
          html_text(fmt::format("{}: {} cases of confidence {:.1f} to {:.1f}: {:.2f} on average, right {}",
                                model.run.name, bin.cases, bin.low, bin.high, bin.confidence, percent(bin.accuracy))));
    }
    lines += fmt::format("<polyline points=\"{}\" class=\"line {}\"/>\n", points, model_class(i)) + marks;
  }
  if (lines.empty()) return {};
  return svg_begin(380, 372, "Reliability of confidence") + field.grid("confidence", "share that is right", 1, 1) +
         line(field.x(0), field.y(0), field.x(1), field.y(1), "ideal") + lines + "</svg>\n";
}

std::string latency_plot(const TaskReport& report) {
  constexpr size_t kBins = 30;
  // A few that took very long are counted at the end, so that they do not make the others one bar.
  double longest = 0, usual = 0;
  for (const ModelReport& model : report.models) {
    for (const double seconds : model.first_token_seconds) longest = std::max(longest, seconds);
    usual = std::max(usual, quantile(model.first_token_seconds, 0.95));
  }
  if (longest == 0) return {};
  const double end = round_up(std::min(longest, 2 * usual));
  std::vector<std::vector<size_t>> counts(report.models.size(), std::vector<size_t>(kBins));
  size_t most = 0;
  for (size_t i = 0; i < report.models.size(); ++i) {
    for (const double seconds : report.models[i].first_token_seconds) {
      const size_t bin = std::min(static_cast<size_t>(seconds / end * kBins), kBins - 1);
      most = std::max(most, ++counts[i][bin]);
    }
  }
  const Field field{52, 28, 400, 300, end, round_up(static_cast<double>(most))};
  std::string bars;
  for (size_t i = 0; i < report.models.size(); ++i) {
    const double width = field.width / kBins / static_cast<double>(report.models.size());
    for (size_t bin = 0; bin < kBins; ++bin) {
      if (counts[i][bin] == 0) continue;
      const double from = end * static_cast<double>(bin) / kBins, to = end * static_cast<double>(bin + 1) / kBins;
      const double top = field.y(static_cast<double>(counts[i][bin]));
      bars +=
          rectangle(field.x(from) + width * static_cast<double>(i), top, width - 1, field.y(0) - top, model_class(i),
                    fmt::format("{}: {} cases from {:.2f} {}", report.models[i].run.name, counts[i][bin], from,
                                bin + 1 < kBins ? fmt::format("to {:.2f} s", to) : "s on"));
    }
  }
  const int digits = end < 1 ? 2 : 1;
  return svg_begin(480, 372, "Time to first token") + field.grid("seconds to the first token", "cases", digits, 0) +
         bars + "</svg>\n";
}

}  // namespace thimble
