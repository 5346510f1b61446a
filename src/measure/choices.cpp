#include "measure/choices.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <span>

#include "base/error.h"
#include "measure/chunks.h"
#include "measure/log_prob_record.h"

namespace thimble {
namespace {

constexpr double kTwoSided95 = 1.95996398454;  // of the normal distribution
constexpr size_t kLeastTrailing = 3;           // of a gap's text: with fewer tokens behind it the filling is scored too

using Tokens = std::vector<TokenId>;

struct EncodedTask {
  std::vector<Tokens> texts;
  size_t prefix = 0;  // tokens that all begin with; each text has at least one more
};

size_t shared_prefix(const std::vector<Tokens>& texts) {
  size_t prefix = texts[0].size();
  for (const Tokens& text : texts) {
    const auto [mine, theirs] = std::mismatch(texts[0].begin(), texts[0].end(), text.begin(), text.end());
    prefix = std::min({prefix, static_cast<size_t>(mine - texts[0].begin()), text.size() - 1});
  }
  return prefix;
}

EncodedTask encode(const Tokenizer& tokenizer, const ChoiceTask& task, size_t number, size_t context) {
  EncodedTask encoded;
  for (const std::string& text : task.texts) {
    encoded.texts.push_back(tokenizer.encode(text));
    if (encoded.texts.back().size() > context) {
      fail(ExitCode::usage, "task {} has {} tokens, but the context holds {}: give a larger -c", number,
           encoded.texts.back().size(), context);
    }
  }
  const bool has_empty = std::ranges::any_of(encoded.texts, [](const Tokens& text) { return text.empty(); });
  if (!has_empty) encoded.prefix = shared_prefix(encoded.texts);
  if (encoded.prefix == 0) {
    fail(ExitCode::bad_file, "task {}: its texts have no first token in common that an answer could follow", number);
  }
  return encoded;
}

// Runs texts that share a beginning.
class PrefixScorer {
 public:
  PrefixScorer(Session& session, std::span<const TokenId> prefix) : session_(session), prefix_(prefix) {
    session_.rewind(0);
    const std::span<const float> logits = session_.append(prefix_);
    after_prefix_.assign(logits.begin(), logits.end());
  }

  // -log of the probability of each token behind the prefix, and at the end of `after` behind the text where it is given.
  std::vector<double> score(std::span<const TokenId> text, std::optional<TokenId> after) {
    if (session_.rewind(prefix_.size()) != prefix_.size()) session_.append(prefix_);
    const size_t first = prefix_.size();
    Tokens next(text.begin() + static_cast<std::ptrdiff_t>(first), text.end());
    if (after) next.push_back(*after);
    std::vector<double> nll(next.size());
    nll[0] = negative_log_probability(after_prefix_, next[0]);
    const size_t run = next.size() - 1;
    score_rows(session_, text.subspan(first, run), 0, run, [&](size_t index, std::span<const float> logits) {
      nll[index + 1] = negative_log_probability(logits, next[index + 1]);
    });
    return nll;
  }

 private:
  Session& session_;
  std::span<const TokenId> prefix_;
  std::vector<float> after_prefix_;
};

double mean_log_probability(std::span<const double> nll) {
  return -std::accumulate(nll.begin(), nll.end(), 0.0) / static_cast<double>(nll.size());
}

size_t best_answer(Session& session, const EncodedTask& task) {
  PrefixScorer scorer(session, std::span(task.texts[0]).first(task.prefix));
  std::vector<double> scores;
  for (const Tokens& text : task.texts) scores.push_back(mean_log_probability(scorer.score(text, std::nullopt)));
  return static_cast<size_t>(std::ranges::max_element(scores) - scores.begin());
}

// What follows the filling, from token `base` on, counted from the prefix.
double trailing_score(std::span<const double> nll, size_t base) {
  const std::span<const double> from_base = nll.subspan(base);
  return mean_log_probability(from_base.first(from_base.size() - (from_base.size() > 1 ? 1 : 0)));
}

size_t best_filling(Session& session, const Tokenizer& tokenizer, const EncodedTask& task,
                    const std::vector<std::string>& bases) {
  const auto trailing = [&](size_t i) { return task.texts[i].size() - task.prefix; };
  size_t base[2] = {0, 0};
  if (trailing(0) > kLeastTrailing && trailing(1) > kLeastTrailing) {
    for (size_t i = 0; i < 2; ++i) {
      const size_t tokens = tokenizer.encode(bases[i]).size();
      if (tokens > task.prefix && tokens < task.texts[i].size()) base[i] = tokens - task.prefix;
    }
  }
  PrefixScorer scorer(session, std::span(task.texts[0]).first(task.prefix));
  const TokenId first_of_second = task.texts[1][task.prefix];
  std::vector<double> first = scorer.score(task.texts[0], first_of_second);
  std::vector<double> second = scorer.score(task.texts[1], std::nullopt);
  if (base[1] == 0) second[0] = first.back();
  first.pop_back();
  return trailing_score(first, base[0]) > trailing_score(second, base[1]) ? 0 : 1;
}

}  // namespace

double ChoiceResult::score() const { return static_cast<double>(correct) / static_cast<double>(tasks); }

double ChoiceResult::error() const {
  return tasks < 2 ? 0 : std::sqrt(score() * (1 - score()) / static_cast<double>(tasks - 1));
}

double ChoiceResult::chance() const { return static_cast<double>(tasks) / static_cast<double>(answers); }

ChoiceResult::Interval ChoiceResult::interval() const {
  const auto n = static_cast<double>(tasks);
  const double z = kTwoSided95 * kTwoSided95 / n;
  const double middle = score() + z / 2;
  const double half = std::sqrt(z * (score() * (1 - score()) + z / 4));
  return {(middle - half) / (1 + z), (middle + half) / (1 + z)};
}

ChoiceResult measure_choices(Session& session, const Tokenizer& tokenizer, const std::vector<ChoiceTask>& tasks,
                             const ChoiceProgress& progress, KeptRows kept) {
  ChoiceResult result;
  const auto add = [&](uint8_t is_correct) {
    result.answers += tasks[result.tasks++].texts.size();
    result.correct += is_correct != 0 ? 1 : 0;
  };
  for (const std::vector<uint8_t>& group : kept.read<uint8_t>(1, tasks.size())) add(group[0]);
  while (result.tasks < tasks.size()) {
    const ChoiceTask& task = tasks[result.tasks];
    const EncodedTask encoded = encode(tokenizer, task, result.tasks + 1, session.context_length());
    const size_t best =
        task.bases.empty() ? best_answer(session, encoded) : best_filling(session, tokenizer, encoded, task.bases);
    const uint8_t is_correct = task.correct[best] ? 1 : 0;
    add(is_correct);
    kept.append(std::span(&is_correct, 1));
    if (progress && !progress(result, tasks.size())) return result;
  }
  kept.remove();
  return result;
}

}  // namespace thimble
