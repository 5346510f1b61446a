#include "measure/task_page.h"

#include <fmt/format.h>

#include "measure/task_plots.h"
#include "text/tool_list.h"

namespace thimble {
namespace {

constexpr size_t kMostListed = 3000;      // wrong answers of one model
constexpr size_t kMostShownBytes = 2000;  // of one answer

constexpr std::string_view kStyle = R"css(
:root { --bg: #fdfdfc; --fg: #1d2126; --soft: #5c6670; --line: #d9dde1; --panel: #f2f4f5; --bad: #a4262c;
  --m0: #2563c9; --m1: #d9730d; --m2: #2e8540; --m3: #8a4fbe; }
@media (prefers-color-scheme: dark) {
  :root { --bg: #15181b; --fg: #e6e8ea; --soft: #9aa4ad; --line: #343a40; --panel: #1e2226; --bad: #ff9a94;
    --m0: #7aa9ff; --m1: #ffab5c; --m2: #6fce82; --m3: #c79bf2; }
}
* { box-sizing: border-box; }
body { background: var(--bg); color: var(--fg); font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 1080px; padding: 24px 16px; }
h1 { font-size: 24px; margin: 0 0 4px; overflow-wrap: anywhere; }
h2 { font-size: 18px; margin: 36px 0 8px; }
p { margin: 4px 0; color: var(--soft); }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: 6px 10px; border-bottom: 1px solid var(--line); vertical-align: top; }
th { color: var(--soft); font-weight: 600; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.wide { overflow-x: auto; }
.plots { display: flex; flex-wrap: wrap; gap: 24px; }
svg { max-width: 100%; height: auto; }
svg text.label { fill: var(--soft); font: 12px system-ui, sans-serif; }
svg .axis { stroke: var(--soft); } svg .grid { stroke: var(--line); }
svg .range { stroke: var(--fg); stroke-width: 1.5; opacity: .75; } svg .ideal { stroke: var(--soft); stroke-dasharray: 4 4; }
svg rect.m0, svg circle.m0 { fill: var(--m0); } svg rect.m1, svg circle.m1 { fill: var(--m1); }
svg rect.m2, svg circle.m2 { fill: var(--m2); } svg rect.m3, svg circle.m3 { fill: var(--m3); }
svg circle, svg rect { fill-opacity: .85; }
svg .line { fill: none; stroke-width: 2; } svg .line.m0 { stroke: var(--m0); } svg .line.m1 { stroke: var(--m1); }
svg .line.m2 { stroke: var(--m2); } svg .line.m3 { stroke: var(--m3); }
.key { display: inline-block; width: 12px; height: 12px; border-radius: 3px; margin-right: 6px; vertical-align: -1px; }
.key.m0 { background: var(--m0); } .key.m1 { background: var(--m1); } .key.m2 { background: var(--m2); } .key.m3 { background: var(--m3); }
.filters { display: flex; flex-wrap: wrap; gap: 8px; align-items: center; margin: 8px 0 12px; }
input, select { background: var(--panel); color: var(--fg); border: 1px solid var(--line); border-radius: 6px; padding: 6px 8px; font: inherit; }
input { flex: 1 1 220px; }
.case { border: 1px solid var(--line); border-radius: 8px; padding: 8px 12px; margin-bottom: 8px; }
.case .head { color: var(--soft); font-size: 13px; }
.case dl { display: grid; grid-template-columns: 84px 1fr; gap: 2px 10px; margin: 4px 0 0; }
.case dt { color: var(--soft); } .case dd { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; }
.case dd.code { font-family: ui-monospace, monospace; font-size: 13px; } .case dd.bad { color: var(--bad); }
)css";

constexpr std::string_view kScript = R"js(
const word = document.getElementById('word'), category = document.getElementById('category'), model = document.getElementById('model');
const cases = [...document.querySelectorAll('.case')], shown = document.getElementById('shown');
function filter() {
  const wanted = word.value.toLowerCase();
  let count = 0;
  for (const one of cases) {
    const fits = (!category.value || one.dataset.category === category.value) && (!model.value || one.dataset.model === model.value) &&
      (!wanted || one.textContent.toLowerCase().includes(wanted));
    one.hidden = !fits;
    count += fits;
  }
  shown.textContent = count + ' shown';
}
for (const input of [word, category, model]) input.addEventListener('input', filter);
filter();
)js";

std::string cell(std::string_view text, std::string_view css = "n") {
  return fmt::format("<td class=\"{}\">{}</td>", css, html_text(text));
}

std::string key_of(size_t model) { return fmt::format("<span class=\"key {}\"></span>", model_class(model)); }

std::string models_table(const TaskReport& report) {
  std::string out =
      "<div class=\"wide\"><table><tr><th>model</th><th class=\"n\">score</th><th class=\"n\">95% interval</th><th "
      "class=\"n\">slot F1</th>"
      "<th class=\"n\">first token p50, p95</th><th class=\"n\">tokens/s</th><th class=\"n\">peak memory</th><th "
      "class=\"n\">calibration "
      "error</th></tr>\n";
  for (size_t i = 0; i < report.models.size(); ++i) {
    const ModelReport& model = report.models[i];
    const bool is_timed = !model.first_token_seconds.empty();
    out += fmt::format("<tr><td>{}{}</td>", key_of(i), html_text(model.run.name));
    out += cell(fmt::format("{:.1f}%", model.all.score * 100));
    out += cell(fmt::format("{:.1f} to {:.1f}", model.all.interval.first * 100, model.all.interval.second * 100));
    out += cell(model.all.slot_f1 ? fmt::format("{:.3f}", *model.all.slot_f1) : "");
    out += cell(is_timed ? fmt::format("{:.2f} s, {:.2f} s", quantile(model.first_token_seconds, 0.5),
                                       quantile(model.first_token_seconds, 0.95))
                         : "");
    out += cell(is_timed ? fmt::format("{:.1f}", model.decode_speed) : "");
    out += cell(model.run.peak_bytes ? fmt::format("{:.0f} MB", static_cast<double>(*model.run.peak_bytes) / 1e6) : "");
    out += cell(model.reliability ? fmt::format("{:.3f}", model.reliability->expected_error) : "") + "</tr>\n";
  }
  return out + "</table></div>\n";
}

std::string parts_table(const TaskReport& report) {
  if (report.models.front().parts.empty()) return {};
  std::string out = "<h2>By sort</h2>\n<div class=\"wide\"><table><tr><th>sort</th><th class=\"n\">cases</th>";
  for (size_t i = 0; i < report.models.size(); ++i) {
    out += fmt::format("<th class=\"n\">{}{}</th>", key_of(i), html_text(report.models[i].run.name));
  }
  out += "</tr>\n";
  for (const auto& [name, first] : report.models.front().parts) {
    out += "<tr>" + cell(name, "") + cell(std::to_string(first.cases));
    for (const ModelReport& model : report.models) {
      const TaskFigures& figures = model.parts.at(name);
      out += cell(fmt::format("{:.1f}% ({:.1f} to {:.1f})", figures.score * 100, figures.interval.first * 100,
                              figures.interval.second * 100));
    }
    out += "</tr>\n";
  }
  return out + "</table></div>\n";
}

std::string pairs_table(const TaskReport& report) {
  if (report.pairs.empty()) return {};
  std::string out =
      "<h2>Models compared</h2>\n<p>McNemar's exact test, two-sided, on the cases that only one of them has "
      "right.</p>\n<div "
      "class=\"wide\"><table><tr><th>first</th><th>second</th><th class=\"n\">only the first</th><th class=\"n\">only "
      "the second</th><th "
      "class=\"n\">p</th></tr>\n";
  for (const ModelPair& pair : report.pairs) {
    out +=
        fmt::format("<tr><td>{}{}</td><td>{}{}</td>", key_of(pair.first), html_text(report.models[pair.first].run.name),
                    key_of(pair.second), html_text(report.models[pair.second].run.name));
    out += cell(std::to_string(pair.test.only_first)) + cell(std::to_string(pair.test.only_second)) +
           cell(fmt::format("{:.4g}", pair.test.p)) + "</tr>\n";
  }
  return out + "</table></div>\n";
}

std::string shortened(const std::string& text) {
  if (text.size() <= kMostShownBytes) return text;
  return text.substr(0, kMostShownBytes) + " ...";
}

std::string value_text(const nlohmann::json& value) {
  return shortened(value.is_string() ? value.get<std::string>() : spaced_json(nlohmann::ordered_json(value)));
}

std::string question_text(const TaskCase& task) {
  if (task.log) return fmt::format("{}, lines {} to {}", task.log->path, task.log->first_line, task.log->last_line);
  return shortened(task.prompt());
}

std::string answer_text(const TaskCase& task, const TaskRecord* record) {
  if (record == nullptr) return "(no answer)";
  const TaskAnswer& answer = record->answer;
  if (task.metric == Metric::events) return value_text({{"events", answer.events}, {"summary", answer.summary}});
  return (answer.refused.value_or(false) ? "(refused) " : "") + value_text(answer.value);
}

std::string case_entry(const TaskReport& report, size_t model, size_t index) {
  const TaskCase& task = report.cases[index];
  const auto found = report.models[model].run.records.find(task.id);
  const TaskRecord* record = found == report.models[model].run.records.end() ? nullptr : &found->second;
  std::string head = html_text(task.id + " · " + task.category);
  if (report.models[model].scores[index].score > 0)
    head += fmt::format(" · score {:.2f}", report.models[model].scores[index].score);
  if (record != nullptr && record->confidence) head += fmt::format(" · confidence {:.2f}", *record->confidence);
  return fmt::format(
      "<div class=\"case\" data-category=\"{}\" data-model=\"{}\"><div "
      "class=\"head\">{}{}</div><dl><dt>asked</dt><dd>{}</dd>"
      "<dt>expected</dt><dd class=\"code\">{}</dd><dt>answer</dt><dd class=\"code bad\">{}</dd></dl></div>\n",
      html_text(task.category), model, key_of(model), head, html_text(question_text(task)),
      html_text(value_text(task.expected)), html_text(answer_text(task, record)));
}

std::string filters(const TaskReport& report) {
  std::string out =
      "<div class=\"filters\"><input id=\"word\" type=\"search\" placeholder=\"words\" aria-label=\"words\"><select "
      "id=\"category\" "
      "aria-label=\"category\"><option value=\"\">every category</option>";
  for (const auto& [name, figures] : report.models.front().categories) {
    out += fmt::format("<option value=\"{}\">{}</option>", html_text(name), html_text(name));
  }
  out += "</select><select id=\"model\" aria-label=\"model\"><option value=\"\">every model</option>";
  for (size_t i = 0; i < report.models.size(); ++i) {
    out += fmt::format("<option value=\"{}\">{}</option>", i, html_text(report.models[i].run.name));
  }
  return out + "</select><span id=\"shown\"></span></div>\n";
}

std::string wrong_cases(const TaskReport& report) {
  std::string out = "<h2>Wrong answers</h2>\n" + filters(report);
  for (size_t model = 0; model < report.models.size(); ++model) {
    size_t listed = 0, wrong = 0;
    for (size_t i = 0; i < report.cases.size(); ++i) {
      if (report.models[model].scores[i].is_right()) continue;
      if (++wrong > kMostListed) continue;
      out += case_entry(report, model, i);
      ++listed;
    }
    if (listed < wrong) {
      out +=
          fmt::format("<p>{}: {} more are not listed.</p>\n", html_text(report.models[model].run.name), wrong - listed);
    }
  }
  return out;
}

std::string plots(const TaskReport& report) {
  const std::string reliability = reliability_plot(report), latency = latency_plot(report);
  std::string out = "<h2>Score by category</h2>\n<p>Whiskers are Wilson's 95% intervals.</p>\n<div class=\"wide\">" +
                    score_plot(report) + "</div>\n";
  if (reliability.empty() && latency.empty()) return out;
  out += "<div class=\"plots\">\n";
  if (!reliability.empty()) out += "<div><h2>Confidence</h2>\n" + reliability + "</div>\n";
  if (!latency.empty()) out += "<div><h2>Time to first token</h2>\n" + latency + "</div>\n";
  return out + "</div>\n";
}

}  // namespace

std::string task_page(const TaskReport& report) {
  std::string out =
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width, "
      "initial-scale=1\"><meta name=\"color-scheme\" content=\"light dark\"><meta "
      "http-equiv=\"Content-Security-Policy\" "
      "content=\"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n";
  out += fmt::format("<title>{}</title>\n<style>{}</style></head><body>\n", html_text(report.path), kStyle);
  out += fmt::format("<h1>{}</h1>\n<p>{} cases, {} {}, by thimble eval task</p>\n", html_text(report.path),
                     report.cases.size(), report.models.size(), report.models.size() == 1 ? "model" : "models");
  out += models_table(report) + parts_table(report) + pairs_table(report) + plots(report) + wrong_cases(report);
  return out + fmt::format("<script>{}</script>\n</body></html>\n", kScript);
}

}  // namespace thimble
