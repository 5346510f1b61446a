#include "app/bench_report.h"

#include <fmt/ranges.h>

#include <cmath>

#include "app/model_summary.h"
#include "base/error.h"

namespace thimble {
namespace {

std::string dump(const nlohmann::ordered_json& value, int indent = -1) {
  return value.dump(indent, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

// RFC 4180: every field in quotes, quotes doubled.
std::string csv_field(std::string text) {
  for (size_t at = 0; (at = text.find('"', at)) != std::string::npos; at += 2) text.insert(at, 1, '"');
  return "\"" + text + "\"";
}

std::string csv_report(const std::vector<BenchRow>& rows) {
  std::string out;
  for (const BenchRow& row : rows) {
    std::vector<std::string> keys;
    std::vector<std::string> values;
    const nlohmann::ordered_json json = bench_json(row);
    for (const auto& [key, value] : json.items()) {
      if (value.is_array()) continue;
      keys.push_back(csv_field(key));
      values.push_back(csv_field(value.is_string() ? value.get<std::string>() : dump(value)));
    }
    if (out.empty()) out += fmt::format("{}\n", fmt::join(keys, ","));
    out += fmt::format("{}\n", fmt::join(values, ","));
  }
  return out;
}

std::string markdown_report(const std::vector<BenchRow>& rows) {
  std::string out =
      "| model | size | params | isa | threads | test | t/s |\n| --- | ---: | ---: | --- | ---: | ---: | ---: |\n";
  for (const BenchRow& row : rows) {
    const nlohmann::ordered_json& setup = row.setup;
    std::string model = setup["model_type"];
    for (size_t at = 0; (at = model.find('|', at)) != std::string::npos;) model[at] = '/';
    out += fmt::format("| {} | {} | {} | {} | {} | {} | {:.2f} ± {:.2f} |\n", printable(model),
                       megabyte_text(setup["model_size"].get<uint64_t>()),
                       parameter_text(setup["model_n_params"].get<uint64_t>()), setup["isa"].get<std::string>(),
                       setup["n_threads"].get<unsigned>(), test_name(row.result.test), row.result.mean_speed(),
                       row.result.stddev_speed());
  }
  return out;
}

}  // namespace

std::string test_name(const SpeedTest& test) {
  std::string name;
  if (test.prompt_tokens > 0) name = fmt::format("pp{}", test.prompt_tokens);
  if (test.generated_tokens > 0) name += fmt::format("{}tg{}", name.empty() ? "" : "+", test.generated_tokens);
  return test.depth == 0 ? name : fmt::format("{} @ d{}", name, test.depth);
}

nlohmann::ordered_json bench_json(const BenchRow& row) {
  const SpeedResult& result = row.result;
  const double tokens = static_cast<double>(result.test.prompt_tokens + result.test.generated_tokens);
  nlohmann::ordered_json json = row.setup;
  json["n_prompt"] = result.test.prompt_tokens;
  json["n_gen"] = result.test.generated_tokens;
  json["n_depth"] = result.test.depth;
  json["test_time"] = row.started;
  json["avg_ns"] = std::llround(result.mean_seconds() * 1e9);
  json["stddev_ns"] = std::llround(result.stddev_seconds() * 1e9);
  json["avg_ts"] = result.mean_speed();
  json["stddev_ts"] = result.stddev_speed();
  json["samples_ns"] = nlohmann::ordered_json::array();
  json["samples_ts"] = nlohmann::ordered_json::array();
  for (const double seconds : result.seconds) {
    json["samples_ns"].push_back(std::llround(seconds * 1e9));
    json["samples_ts"].push_back(tokens / seconds);
  }
  return json;
}

std::string bench_report(const std::vector<BenchRow>& rows, std::string_view format) {
  if (format == "csv") return csv_report(rows);
  if (format == "md") return markdown_report(rows);
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  std::string lines;
  for (const BenchRow& row : rows) {
    all.push_back(bench_json(row));
    lines += dump(all.back()) + "\n";
  }
  return format == "jsonl" ? lines : dump(all, 2) + "\n";
}

}  // namespace thimble
