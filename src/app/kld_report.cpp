#include "app/kld_report.h"

#include <fmt/format.h>

namespace thimble {
namespace {

std::string line(std::string_view what, const Estimate& estimate, double factor, std::string_view unit, int digits) {
  return fmt::format("{:<22}{:>11.{}f} +/- {:.{}f}{}\n", what, estimate.value * factor, digits, estimate.error * factor,
                     digits, unit);
}

std::string spread(const Distribution& values, double factor, std::string_view unit, int digits) {
  std::string out;
  const auto add = [&](std::string_view name, double value) {
    out += fmt::format("  {:<20}{:>11.{}f}{}\n", name, value * factor, digits, unit);
  };
  add("maximum", values.most);
  for (size_t i = kPercentiles.size(); i-- > 0;) {
    if (kPercentiles[i] < 0.5 && (i + 1 == kPercentiles.size() || kPercentiles[i + 1] > 0.5))
      add("median", values.median);
    add(fmt::format("{:.1f}%", kPercentiles[i] * 100), values.percentiles[i]);
  }
  add("minimum", values.least);
  return out;
}

void add_spread(nlohmann::ordered_json& json, const std::string& prefix, const Distribution& values) {
  json[prefix + "_median"] = values.median;
  for (size_t i = 0; i < kPercentiles.size(); ++i) {
    std::string name = fmt::format("{:g}", kPercentiles[i] * 100);
    if (const size_t dot = name.find('.'); dot != std::string::npos) name[dot] = '_';
    json[prefix + "_p" + name] = values.percentiles[i];
  }
  json[prefix + "_min"] = values.least;
  json[prefix + "_max"] = values.most;
}

void add_estimate(nlohmann::ordered_json& json, const std::string& name, const Estimate& estimate,
                  const std::string& error_name = {}) {
  json[name] = estimate.value;
  json[error_name.empty() ? name + "_error" : error_name] = estimate.error;
}

}  // namespace

std::string kld_text(const KldResult& r) {
  std::string out = fmt::format("{} tokens scored in {} chunks\n\n", r.tokens, r.chunks);
  out += line("perplexity", r.ppl, 1, "", 6);
  out += line("  of the reference", r.ppl_reference, 1, "", 6);
  out += line("  ratio", r.ratio, 1, "", 6);
  out += line("  ln of the ratio", r.log_ratio, 1, "", 6);
  out += line("  difference", r.ppl_difference, 1, "", 6);
  out += fmt::format("{:<22}{:>11.2f}%\n\n", "  correlation of ln", r.correlation * 100);
  out += line("KL divergence (nats)", r.kld.mean, 1, "", 6);
  out += spread(r.kld, 1, "", 6) + "\n";
  out += line("probability of text", r.probability.mean, 100, "%", 3);
  out += line("  RMS of difference", r.probability_rms, 100, "%", 3);
  out += spread(r.probability, 100, "%", 3) + "\n";
  out += line("same first choice", r.same_top, 100, "%", 3);
  return out;
}

nlohmann::ordered_json kld_json(const KldResult& r) {
  nlohmann::ordered_json json;
  add_estimate(json, "kld_mean", r.kld.mean, "kld_error");
  add_spread(json, "kld", r.kld);
  add_estimate(json, "same_top", r.same_top);
  add_estimate(json, "ppl", r.ppl);
  add_estimate(json, "ppl_reference", r.ppl_reference);
  add_estimate(json, "ppl_ratio", r.ratio);
  add_estimate(json, "ppl_log_ratio", r.log_ratio);
  add_estimate(json, "ppl_difference", r.ppl_difference);
  json["ppl_correlation"] = r.correlation;
  add_estimate(json, "dp_mean", r.probability.mean, "dp_error");
  add_estimate(json, "dp_rms", r.probability_rms);
  add_spread(json, "dp", r.probability);
  json["chunks"] = r.chunks;
  json["tokens"] = r.tokens;
  return json;
}

}  // namespace thimble
