// Speed results as llama-bench prints them, with its keys and columns.
#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

#include "measure/speed.h"

namespace thimble {

struct BenchRow {
  SpeedResult result;
  std::string started;           // ISO 8601, UTC
  nlohmann::ordered_json setup;  // what was run and how, with llama-bench's keys
};

// One row as llama-bench's JSON object.
nlohmann::ordered_json bench_json(const BenchRow& row);
// "pp512", "tg128", "pp512+tg128", with " @ d1024" where there is a depth.
std::string test_name(const SpeedTest& test);

// format: "json", "jsonl", "csv" or "md".
std::string bench_report(const std::vector<BenchRow>& rows, std::string_view format);

}  // namespace thimble
