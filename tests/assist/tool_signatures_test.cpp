// Tools as one line each: every kind of argument, lists that are shared, and schemas made to take long.
#include "assist/tool_signatures.h"

#include <gtest/gtest.h>

#include "assist/calibration.h"
#include "assist/word_overlap.h"
#include "base/error.h"

namespace thimble {
namespace {

std::string signatures(const std::vector<Tool>& tools, SignatureDetail detail = SignatureDetail::full) {
  std::vector<const Tool*> pointers;
  for (const Tool& tool : tools) pointers.push_back(&tool);
  return tool_signatures(pointers, detail);
}

Tool tool(std::string name, std::string_view parameters, std::string description = {}) {
  return {std::move(name), std::move(description), nlohmann::ordered_json::parse(parameters)};
}

constexpr std::string_view kMany = R"({"type": "object", "required": ["a", "b"], "properties": {
  "a": {"type": "string", "pattern": "^V[0-9]$"}, "b": {"type": "integer", "minimum": 1, "maximum": 9, "description": "Of days"},
  "c": {"type": "number"}, "d": {"type": "boolean"}, "e": {"const": 3}, "f": {"enum": ["x", 1]}, "g": {"type": "array", "items": {"type": "string"}},
  "h": {"type": "object", "properties": {"i": {"type": "string", "format": "date"}}, "required": ["i"]},
  "j": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/n"}]}}, "$defs": {"n": {"type": "integer"}}})";

TEST(ToolSignatures, EveryKindOfArgumentIsShown) {
  EXPECT_EQ(signatures({tool("f", kMany, "Does\nall")}),
            "f(a: text like ^V[0-9]$, b: integer 1..9 (Of days), c?: number, d?: true|false, e?: 3, f?: x|1, g?: list "
            "of text, h?: {i: date}, "
            "j?: null or integer) - Does all\n");
  EXPECT_EQ(
      signatures({tool("g", R"({"type": "object", "properties": {"n": {"type": "integer", "description": "Of days"}}})",
                       "Does")},
                 SignatureDetail::names),
      "g(n?: integer)\n");
}

TEST(ToolSignatures, ListsOfSeveralToolsAreNamedOnce) {
  const std::string list =
      R"({"type": "object", "required": ["machine"], "properties": {"machine": {"enum": ["pump", "oven", "press"],
    "description": "press: GH-63"}}})";
  EXPECT_EQ(signatures({tool("start", list), tool("stop", list)}),
            "MACHINE = pump|oven|press (press: GH-63)\nstart(machine: MACHINE)\nstop(machine: MACHINE)\n");
  EXPECT_EQ(signatures({tool("start", list), tool("stop", list)}, SignatureDetail::no_arguments),
            "MACHINE = pump|oven|press\nstart(machine: MACHINE)\nstop(machine: MACHINE)\n");
  EXPECT_EQ(signatures({tool("start", list)}, SignatureDetail::no_arguments), "start(machine: pump|oven|press)\n");
}

TEST(ToolSignatures, SchemasThatNeverEndAreCut) {
  std::string branches;
  for (int i = 0; i < 300; ++i) branches += std::string(i == 0 ? "" : ", ") + "{\"$ref\": \"#/properties/a\"}";
  const std::string text = signatures({tool("f", R"({"properties": {"a": {"anyOf": [)" + branches + "]}}}")});
  EXPECT_LT(text.size(), 10'000u);
  EXPECT_EQ(signatures({tool("f", R"({"properties": {"a": {"$ref": "#/~9"}, "b": true, "c": {"$ref": 3}}})")}),
            "f(a?: object, b?: any, c?: object)\n");
}

TEST(WordOverlap, TyposLeaveEnoughAndLabelsWeigh) {
  const WordOverlap overlap({"open the valve", "close the door", "the weather"});
  EXPECT_EQ(overlap.ranked("opne valve").front().text, 0u);
  EXPECT_EQ(overlap.ranked("wether").front().text, 2u);
  EXPECT_TRUE(overlap.ranked("zq").empty());
  // "pump" stands in both, "start" decides.
  const std::vector<std::string> texts = {"start pump pump pump", "stop pump",   "start oven",
                                          "stop press",           "start press", "stop oven"};
  const std::vector<std::string> labels = {"start", "stop", "start", "stop", "start", "stop"};
  EXPECT_EQ(WordOverlap(texts, labels).ranked("please stop pump now").front().text, 1u);
}

TEST(Calibration, IsKeptAsJsonAndFittedForBothKinds) {
  const CallCalibration one{0.4, {0.5, 1.5, 2}, {0.1, 0.9}};
  const CallCalibration read = CallCalibration::parse(one.to_json().dump(), "c.json");
  EXPECT_EQ(read.none_threshold, 0.4);
  EXPECT_EQ(read.tool, one.tool);
  EXPECT_EQ(read.none, one.none);
  for (const char* broken : {"{}", "[]", "{\"none_threshold\": 1, \"tool\": [1, 2], \"none\": [0, 1]}", "x"}) {
    EXPECT_THROW(CallCalibration::parse(broken, "c.json"), Error) << broken;
  }
  // Without a fit, the confidence in a tool is the product of its probabilities, in none its own.
  EXPECT_NEAR(CallCalibration{}.confidence({.none = 0.7}, false), 0.7, 1e-9);
  EXPECT_NEAR(CallCalibration{}.confidence({.none = 0.7, .name = 0.8, .arguments = 0.5}, true), 0.4, 1e-9);
  // Half of the calls of probability 0.9 are right, and a tenth of those of 0.3.
  std::vector<CalibrationCase> cases;
  for (int i = 0; i < 1000; ++i) {
    cases.push_back({{0.1, 0.9, 1}, true, i % 2 == 0, false});
    cases.push_back({{0.1, 0.3, 1}, true, i % 10 == 0, false});
  }
  const CallCalibration fitted = fit_calibration(cases, one);
  EXPECT_NEAR(fitted.confidence({0, 0.9, 1}, true), 0.5, 0.005);
  EXPECT_NEAR(fitted.confidence({0, 0.3, 1}, true), 0.1, 0.005);
  EXPECT_EQ(fitted.none, one.none) << "there was no case of none";
  EXPECT_EQ(fitted.none_threshold, 0.25) << "half way from what is there to that of the run";
}

// Calls are right up to a probability of none of 0.3, none is from 0.6 on.
TEST(Calibration, TheThresholdMakesMostCasesRight) {
  std::vector<CalibrationCase> cases;
  for (const double none : {0.1, 0.2, 0.3}) cases.push_back({{none, 0.5, 1}, true, true, false});
  for (const double none : {0.6, 0.7, 0.9}) cases.push_back({{none, 0.5, 1}, true, false, true});
  CallCalibration before;
  before.none_threshold = 1;
  const CallCalibration fitted = fit_calibration(cases, before);
  EXPECT_DOUBLE_EQ(fitted.none_threshold, 0.45);
  EXPECT_GT(fitted.confidence({.none = 0.9}, false), 0.5);
  before.none_threshold = 0.2;  // as of a run that called none above it
  for (CalibrationCase& one : cases) one.is_call = one.probabilities.none <= 0.2;
  EXPECT_LE(fit_calibration(cases, before).none_threshold, 0.2);
}

}  // namespace
}  // namespace thimble
