#include "measure/task_page.h"
namespace thimble { std::string task_page(const TaskReport& report) { return report.path; } }
