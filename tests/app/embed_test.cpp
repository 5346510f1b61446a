// thimble embed on a small random encoder: what counts as a text, and in which forms the vectors come.
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "program_runner.h"
#include "support/npy_file.h"
#include "support/temp_file.h"
#include "support/tiny_cases.h"

namespace thimble {
namespace {

using nlohmann::json;
using test::Arguments;

class Embed : public testing::Test {
 protected:
  void SetUp() override {
    const ArchSpec& bert = find_architecture("bert", "test");
    test::write_tiny_model(bert, test::tiny_of(bert), model_);
  }

  // With a pooling, of which the small model's file says nothing.
  test::Outcome embed(const Arguments& more, std::string_view input = {}) const {
    Arguments arguments = {"embed", "-m", model_, "--pooling", "mean"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return test::run(arguments, {}, input);
  }

  test::TempFolder folder_;
  std::string model_ = folder_ / "bert.gguf";
};

TEST_F(Embed, EveryArgumentIsATextAsItIs) {
  const test::Outcome outcome = embed({"one", "[a,b]", "", "two words", "--json", "--", "-q", "--"});
  ASSERT_EQ(outcome.code, 2) << outcome.error;  // the empty one has no token
  EXPECT_NE(outcome.error.find("text 3 is empty"), std::string::npos) << outcome.error;
  const json reply = json::parse(embed({"one", "[a,b]", "two words", "--json", "--", "-q", "--"}).out);
  ASSERT_EQ(reply["data"].size(), 5u);
  const size_t lengths[] = {3, 5, 9, 2, 2};  // a token a byte
  for (size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(reply["data"][i]["index"], i);
    EXPECT_EQ(reply["data"][i]["tokens"], lengths[i]);
    EXPECT_EQ(reply["data"][i]["embedding"].size(), 64u);
  }
  EXPECT_EQ(reply["usage"]["prompt_tokens"], 21);
}

TEST_F(Embed, LinesFilesAndJsonHoldTheSameVectors) {
  const std::string out = folder_ / "vectors.npy", lines = folder_ / "lines.txt";
  test::write_file(lines, "first\nsecond line\r\nthird");
  const json reply = json::parse(embed({"--file", lines, "--json", "--out", out}).out);
  const std::vector<float> array = test::read_npy(out);
  ASSERT_EQ(array.size(), 3 * 64u);
  std::istringstream text(embed({}, "first\nsecond line\nthird\n").out);
  for (size_t i = 0; i < array.size(); ++i) {
    EXPECT_EQ(reply["data"][i / 64]["embedding"][i % 64].get<float>(), array[i]);
    float shown = 0;
    text >> shown;
    EXPECT_NEAR(shown, array[i], 0.5e-6 + 1e-7);
  }
  for (size_t row = 0; row < 3; ++row) {
    double squares = 0;
    for (size_t i = 0; i < 64; ++i) squares += double{array[row * 64 + i]} * array[row * 64 + i];
    EXPECT_NEAR(std::sqrt(squares), 1.0, 1e-6);
  }
}

TEST_F(Embed, WhatCannotBeEmbeddedIsNamed) {
  EXPECT_NE(test::run({"embed", "-m", model_, "x"}).error.find("choose with --pooling"), std::string::npos);
  const std::string longer(600, 'x');
  const test::Outcome refused = embed({longer});
  EXPECT_EQ(refused.code, 2);
  EXPECT_NE(refused.error.find("600 tokens, the limit is 512"), std::string::npos) << refused.error;
  EXPECT_EQ(embed({"--truncate", longer}).code, 0);
  EXPECT_NE(embed({"-c", "1024", "x"}).error.find("positions for 512 tokens"), std::string::npos);
  EXPECT_NE(embed({"x", "--out", model_}).error.find(model_), std::string::npos);
  const test::Outcome text = test::run({"generate", "-m", model_, "-p", "x"});
  EXPECT_EQ(text.code, 2);
  EXPECT_NE(text.error.find("thimble embed"), std::string::npos) << text.error;
}

}  // namespace
}  // namespace thimble
