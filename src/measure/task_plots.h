// Plots of a report on a task file, as SVG that takes its colours from the page's style sheet: classes "m0" to "m3" for models,
// "axis", "grid", "label". Every text in them is escaped.
#pragma once

#include <string>
#include <string_view>

#include "measure/task_report.h"

namespace thimble {

std::string html_text(
    std::string_view text);  // with & < > " ' escaped, malformed UTF-8 and control characters replaced

// A model's class, of which there are four.
std::string model_class(size_t model);

// Scores with their intervals: a group of bars a category and one for all.
std::string score_plot(const TaskReport& report);
// Confidence against how often it was right; empty where no model says how sure it is.
std::string reliability_plot(const TaskReport& report);
// How many answers began after which time; empty where that is not known.
std::string latency_plot(const TaskReport& report);

}  // namespace thimble
