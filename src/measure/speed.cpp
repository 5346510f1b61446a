#include "measure/speed.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>
#include <random>

#include "base/error.h"

namespace thimble {
namespace {

double mean(const std::vector<double>& values) {
  return values.empty() ? 0 : std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double stddev(const std::vector<double>& values) {
  if (values.size() < 2) return 0;
  const double m = mean(values);
  double squares = 0;
  for (double v : values) squares += (v - m) * (v - m);
  return std::sqrt(squares / static_cast<double>(values.size() - 1));
}

std::vector<TokenId> random_tokens(std::mt19937& random, size_t count, uint32_t vocabulary) {
  std::vector<TokenId> tokens(count);
  for (TokenId& token : tokens) token = static_cast<TokenId>(random() % vocabulary);
  return tokens;
}

double timed_run(Session& session, const SpeedTest& test, std::mt19937& random) {
  const uint32_t vocabulary = session.model().hyper().vocabulary_size;
  session.rewind(0);
  if (test.depth > 0) session.append(random_tokens(random, test.depth, vocabulary));
  const std::vector<TokenId> prompt = random_tokens(random, test.prompt_tokens, vocabulary);
  const std::vector<TokenId> generated = random_tokens(random, test.generated_tokens, vocabulary);
  const auto start = std::chrono::steady_clock::now();
  if (!prompt.empty()) session.append(prompt);
  for (const TokenId& token : generated) session.append({&token, 1});
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

std::vector<double> SpeedResult::speeds() const {
  std::vector<double> out;
  for (double s : seconds) out.push_back(static_cast<double>(test.prompt_tokens + test.generated_tokens) / s);
  return out;
}

double SpeedResult::mean_seconds() const { return mean(seconds); }
double SpeedResult::stddev_seconds() const { return stddev(seconds); }
double SpeedResult::mean_speed() const { return mean(speeds()); }
double SpeedResult::stddev_speed() const { return stddev(speeds()); }

SpeedResult measure_speed(Session& session, const SpeedTest& test, size_t repetitions,
                          const std::function<bool()>& interrupted) {
  std::mt19937 random(1);
  SpeedResult result{test, {}};
  timed_run(session, {test.prompt_tokens, std::min<size_t>(test.generated_tokens, 1), 0}, random);
  for (size_t i = 0; i < repetitions; ++i) {
    if (interrupted && interrupted()) fail(ExitCode::interrupted, "interrupted");
    result.seconds.push_back(timed_run(session, test, random));
  }
  return result;
}

}  // namespace thimble
