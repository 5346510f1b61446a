// The published chat templates that some tests use where they are at hand: THIMBLE_TEMPLATES names the folder that
// `tools/fetch_model.py templates` fills.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <ctime>
#include <filesystem>

#include "support/temp_file.h"

namespace thimble::test {

inline std::filesystem::path templates_folder() {
  const char* folder = std::getenv("THIMBLE_TEMPLATES");
  return folder == nullptr ? "" : folder;
}

// The date that the oracle tells: 2024-07-26 13:05:09, local time.
inline std::chrono::system_clock::time_point oracle_now() {
  std::tm date{};
  date.tm_year = 124;
  date.tm_mon = 6;
  date.tm_mday = 26;
  date.tm_hour = 13;
  date.tm_min = 5;
  date.tm_sec = 9;
  date.tm_isdst = -1;
  return std::chrono::system_clock::from_time_t(std::mktime(&date));
}

}  // namespace thimble::test

// Ends the test as skipped where the templates are not at hand; otherwise declares `folder`.
#define THIMBLE_TEMPLATES_OR_SKIP(folder)                                 \
  const std::filesystem::path folder = thimble::test::templates_folder(); \
  if (folder.empty()) GTEST_SKIP() << "THIMBLE_TEMPLATES names no folder of templates"
