// The report on a task file as one HTML page with plots, for a browser without a network: no script from elsewhere, no font, no image.
// Light and dark as the reader's system is. All text is escaped.
#pragma once

#include <string>

#include "measure/task_report.h"

namespace thimble {

std::string task_page(const TaskReport& report);

}  // namespace thimble
