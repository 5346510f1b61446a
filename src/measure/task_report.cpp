#include "measure/task_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/error.h"

namespace thimble {
namespace {

using Json = nlohmann::ordered_json;

std::map<std::string, TaskFigures> parts_of(const std::vector<TaskCase>& cases, const std::vector<CaseScore>& scores) {
  std::map<std::string, std::vector<CaseScore>> parts;
  std::set<Metric> metrics;
  for (size_t i = 0; i < cases.size(); ++i) {
    metrics.insert(cases[i].metric);
    if (cases[i].metric == Metric::json_slots) {
      parts[cases[i].expected["name"].is_null() ? "out of scope" : "calls"].push_back(scores[i]);
    } else {
      parts[std::string(name_of(cases[i].metric))].push_back(scores[i]);
    }
  }
  std::map<std::string, TaskFigures> figures;
  if (parts.size() > 1) {
    for (const auto& [name, own] : parts) figures[name] = figures_of(own);
  }
  return figures;
}

const TaskRecord* find_record(const TaskRun& run, const TaskCase& task) {
  const auto found = run.records.find(task.id);
  return found == run.records.end() ? nullptr : &found->second;
}

void add_costs(ModelReport& report, const std::vector<TaskCase>& cases) {
  size_t tokens = 0;
  double seconds = 0;
  for (const TaskCase& task : cases) {
    const TaskRecord* record = find_record(report.run, task);
    if (record == nullptr || !record->cost) continue;
    report.first_token_seconds.push_back(record->cost->first_token_seconds);
    tokens += record->cost->generated_tokens;
    seconds += record->cost->decode_seconds;
  }
  report.decode_speed = seconds > 0 ? static_cast<double>(tokens) / seconds : 0;
}

void add_reliability(ModelReport& report, const std::vector<TaskCase>& cases) {
  std::vector<double> confidences;
  std::vector<bool> right;
  for (size_t i = 0; i < cases.size(); ++i) {
    const TaskRecord* record = find_record(report.run, cases[i]);
    if (record == nullptr || !record->confidence) continue;
    confidences.push_back(*record->confidence);
    right.push_back(report.scores[i].is_right());
  }
  if (!right.empty()) report.reliability = reliability(confidences, right);
}

void add_recall(ModelReport& report, const std::vector<TaskCase>& cases) {
  std::vector<CaseScore> found;
  for (const TaskCase& task : cases) {
    const TaskRecord* record = find_record(report.run, task);
    if (record != nullptr && record->recalled) found.push_back({.score = *record->recalled ? 1.0 : 0.0});
  }
  if (!found.empty()) report.recall = figures_of(found);
}

Json figures_json(const TaskFigures& figures) {
  Json out = {{"cases", figures.cases},
              {"score", figures.score},
              {"interval", {figures.interval.first, figures.interval.second}}};
  if (figures.slot_f1) out["slot_f1"] = *figures.slot_f1;
  if (figures.events) {
    out["event_recall"] = figures.events->recall;
    out["invented"] = figures.events->invented;
    out["repeated"] = figures.events->repeated;
    out["severity_accuracy"] = figures.events->severity_accuracy;
    out["rouge_l"] = figures.events->rouge_l;
  }
  return out;
}

Json figures_json(const std::map<std::string, TaskFigures>& parts) {
  Json out = Json::object();
  for (const auto& [name, figures] : parts) out[name] = figures_json(figures);
  return out;
}

Json score_json(const CaseScore& score) {
  Json out = {{"score", score.score}};
  if (score.slots) out["slots"] = {score.slots->shared, score.slots->given, score.slots->wanted};
  if (score.events) {
    out["events"] = {score.events->matched, score.events->expected, score.events->invented, score.events->repeated,
                     score.events->severity};
    out["rouge_l"] = score.rouge_l;
  }
  return out;
}

Json reliability_json(const Reliability& reliability) {
  Json bins = Json::array();
  for (const ReliabilityBin& bin : reliability.bins) {
    bins.push_back({{"low", bin.low},
                    {"high", bin.high},
                    {"cases", bin.cases},
                    {"confidence", bin.confidence},
                    {"accuracy", bin.accuracy}});
  }
  return {{"expected_calibration_error", reliability.expected_error}, {"brier", reliability.brier}, {"bins", bins}};
}

Json model_json(const ModelReport& model, const std::vector<TaskCase>& cases) {
  Json out = {{"model", model.run.name},
              {"all", figures_json(model.all)},
              {"parts", figures_json(model.parts)},
              {"categories", figures_json(model.categories)}};
  if (!model.first_token_seconds.empty()) {
    out["first_token_seconds"] = {{"p50", quantile(model.first_token_seconds, 0.5)},
                                  {"p95", quantile(model.first_token_seconds, 0.95)}};
    out["decode_tps"] = model.decode_speed;
  }
  if (model.run.peak_bytes) out["peak_rss_bytes"] = *model.run.peak_bytes;
  if (model.reliability) out["confidence"] = reliability_json(*model.reliability);
  if (model.recall) out["retrieval_recall"] = figures_json(*model.recall);
  Json scores = Json::object();
  for (size_t i = 0; i < cases.size(); ++i) scores[cases[i].id] = score_json(model.scores[i]);
  out["cases"] = std::move(scores);
  return out;
}

std::string row_text(const std::string& name, const TaskFigures& figures) {
  std::string row = fmt::format("{:<24} {:>6} {:>7.1f}%  {:>5.1f} to {:>5.1f}", printable(name, 24), figures.cases,
                                figures.score * 100, figures.interval.first * 100, figures.interval.second * 100);
  if (figures.slot_f1) row += fmt::format("  slot F1 {:.3f}", *figures.slot_f1);
  if (figures.events) {
    row += fmt::format("  event recall {:.3f}, {} invented, severity {:.3f}, ROUGE-L {:.3f}", figures.events->recall,
                       figures.events->invented, figures.events->severity_accuracy, figures.events->rouge_l);
  }
  return row + '\n';
}

std::string model_text(const ModelReport& model) {
  std::string text = printable(model.run.name) + '\n';
  text += fmt::format("{:<24} {:>6} {:>8}  {}\n", "category", "cases", "score", "95% interval");
  for (const auto& [name, figures] : model.categories) text += row_text(name, figures);
  for (const auto& [name, figures] : model.parts) text += row_text("all: " + name, figures);
  text += row_text("all", model.all);
  if (model.recall) text += row_text("retrieval recall", *model.recall);
  if (!model.first_token_seconds.empty()) {
    text += fmt::format("time to first token: p50 {:.0f} ms, p95 {:.0f} ms; {:.1f} tokens/s",
                        quantile(model.first_token_seconds, 0.5) * 1e3, quantile(model.first_token_seconds, 0.95) * 1e3,
                        model.decode_speed);
    if (model.run.peak_bytes)
      text += fmt::format("; peak memory {:.0f} MB", static_cast<double>(*model.run.peak_bytes) / 1e6);
    text += '\n';
  }
  if (model.reliability) {
    text += fmt::format("confidence: expected calibration error {:.3f}, Brier score {:.3f}\n",
                        model.reliability->expected_error, model.reliability->brier);
  }
  return text;
}

}  // namespace

TaskReport make_task_report(std::string path, std::vector<TaskCase> cases, std::vector<TaskRun> runs) {
  TaskReport report{std::move(path), std::move(cases), {}, {}};
  for (TaskRun& run : runs) {
    ModelReport model{.run = std::move(run)};
    for (const TaskCase& task : report.cases) {
      const TaskRecord* record = find_record(model.run, task);
      model.scores.push_back(score_case(task, record == nullptr ? nullptr : &record->answer));
    }
    model.all = figures_of(model.scores);
    model.categories = figures_by_category(report.cases, model.scores);
    model.parts = parts_of(report.cases, model.scores);
    add_costs(model, report.cases);
    add_reliability(model, report.cases);
    add_recall(model, report.cases);
    report.models.push_back(std::move(model));
  }
  for (size_t first = 0; first < report.models.size(); ++first) {
    for (size_t second = first + 1; second < report.models.size(); ++second) {
      report.pairs.push_back({first, second, mcnemar(report.models[first].scores, report.models[second].scores)});
    }
  }
  return report;
}

Json task_report_json(const TaskReport& report) {
  Json models = Json::array();
  for (const ModelReport& model : report.models) models.push_back(model_json(model, report.cases));
  Json pairs = Json::array();
  for (const ModelPair& pair : report.pairs) {
    pairs.push_back({{"first", report.models[pair.first].run.name},
                     {"second", report.models[pair.second].run.name},
                     {"only_first", pair.test.only_first},
                     {"only_second", pair.test.only_second},
                     {"p", pair.test.p}});
  }
  return {{"file", report.path}, {"cases", report.cases.size()}, {"models", models}, {"paired", pairs}};
}

std::string task_report_text(const TaskReport& report) {
  std::string text;
  for (const ModelReport& model : report.models) text += model_text(model) + '\n';
  for (const ModelPair& pair : report.pairs) {
    text += fmt::format(
        "{} against {}: only the first is right {} times, only the second {} times, p = {:.4g} (McNemar, exact)\n",
        printable(report.models[pair.first].run.name), printable(report.models[pair.second].run.name),
        pair.test.only_first, pair.test.only_second, pair.test.p);
  }
  return text.ends_with("\n\n") ? text.substr(0, text.size() - 1) : text;
}

}  // namespace thimble
