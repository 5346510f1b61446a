#include "tune/loss_plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace thimble {
namespace {

constexpr double kWidth = 720, kHeight = 360, kLeft = 64, kRight = 16, kTop = 24, kBottom = 40;
constexpr size_t kMostDrawn = 2000;  // points of the line; a longer run has each replaced by a run's mean
constexpr int kTicks = 5;

// The least of 1, 2, 2.5, 5 times a power of ten that is no less.
double round_up(double value) {
  if (value <= 0) return 1;
  const double power = std::pow(10, std::floor(std::log10(value)));
  for (const double factor : {1.0, 2.0, 2.5, 5.0}) {
    if (factor * power >= value) return factor * power;
  }
  return 10 * power;
}

struct Scale {
  double steps, loss;
  double x(double step) const { return kLeft + step / steps * (kWidth - kLeft - kRight); }
  double y(double value) const { return kHeight - kBottom - value / loss * (kHeight - kTop - kBottom); }
};

std::string axes(const Scale& scale) {
  std::string svg;
  for (int i = 0; i <= kTicks; ++i) {
    const double loss = scale.loss * i / kTicks, step = scale.steps * i / kTicks;
    svg += fmt::format(
        "<line x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"#ddd\"/>\n"
        "<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"end\">{:g}</text>\n"
        "<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{:.0f}</text>\n",
        kLeft, kWidth - kRight, scale.y(loss), scale.y(loss), kLeft - 6, scale.y(loss) + 4, loss, scale.x(step),
        kHeight - kBottom + 18, step);
  }
  return svg;
}

}  // namespace

std::string loss_plot(std::span<const LossPoint> points) {
  double most = 0, last = 1;
  bool is_validated = false;
  for (const LossPoint& point : points) {
    most = std::max({most, point.loss, point.validation_loss.value_or(0)});
    last = std::max(last, static_cast<double>(point.step));
    is_validated |= point.validation_loss.has_value();
  }
  const Scale scale{last, round_up(most)};
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {:.0f} {:.0f}\" font-family=\"sans-serif\" "
      "font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n<text x=\"{:.1f}\" y=\"16\">loss a "
      "step{}</text>\n",
      kWidth, kHeight, kLeft, is_validated ? ", and of the validation (dots)" : "");
  svg += axes(scale);
  svg += "<polyline fill=\"none\" stroke=\"#1f6fb4\" stroke-width=\"1.5\" points=\"";
  const size_t together = (points.size() + kMostDrawn - 1) / kMostDrawn;
  for (size_t begin = 0; begin < points.size(); begin += together) {
    const size_t count = std::min(together, points.size() - begin);
    double loss = 0, step = 0;
    for (const LossPoint& point : points.subspan(begin, count)) {
      loss += point.loss / static_cast<double>(count);
      step += static_cast<double>(point.step) / static_cast<double>(count);
    }
    svg += fmt::format("{:.1f},{:.1f} ", scale.x(step), scale.y(loss));
  }
  svg += "\"/>\n";
  for (const LossPoint& point : points) {
    if (!point.validation_loss) continue;
    svg += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3.5\" fill=\"#c4481c\"/>\n",
                       scale.x(static_cast<double>(point.step)), scale.y(*point.validation_loss));
  }
  return svg + "</svg>\n";
}

}  // namespace thimble
