// What speeds an answer up, as options: none of it changes what the answer says.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "program_runner.h"
#include "support/temp_file.h"
#include "support/tiny_cases.h"

namespace thimble {
namespace {

using nlohmann::json;
using test::Arguments;

class Answering : public testing::Test {
 protected:
  void SetUp() override {
    const ArchSpec& llama = find_architecture("llama", "test");
    test::write_tiny_model(llama, test::tiny_of(llama), model_);
  }

  test::TempFolder folder_;
  std::string model_ = folder_ / "tiny.gguf";
};

TEST_F(Answering, APrefixCacheAndSpeculationChangeNoAnswer) {
  const std::string cache = folder_ / "prefix";
  const Arguments plain = {"chat", "-m",           model_, "-sys", "Be brief, be brief, be brief.",
                           "-p",   "be brief, be", "-n",   "24",   "--temp",
                           "0",    "--json"};
  const auto with = [&](const Arguments& more) {
    Arguments arguments = plain;
    arguments.insert(arguments.end(), more.begin(), more.end());
    const test::Outcome outcome = test::run(arguments);
    EXPECT_EQ(outcome.code, 0) << outcome.error;
    return std::pair(json::parse(outcome.out)["tokens"], outcome.error);
  };
  const json expected = with({"--spec-type", "none"}).first;
  EXPECT_EQ(with({}).first, expected);
  EXPECT_EQ(with({"--draft-max", "0"}).first, expected);
  const auto [written, how] = with({"--prefix-cache", cache, "-v"});
  EXPECT_EQ(written, expected);
  EXPECT_NE(how.find("tokens written"), std::string::npos) << how;
  const auto [taken, how_again] = with({"--prompt-cache", cache, "-v"});
  EXPECT_EQ(taken, expected);
  EXPECT_NE(how_again.find("tokens taken from it"), std::string::npos) << how_again;
  const auto [other, how_other] = with({"--prefix-cache", cache, "-v", "-ctk", "f32"});
  EXPECT_NE(how_other.find("tokens written, 0 of 0"), std::string::npos) << how_other;
  EXPECT_EQ(test::run({"chat", "-m", model_, "-p", "a", "--prefix-cache", model_}).code, 2);
  test::write_file(cache, "somebody's letter, longer than the header of such a file");
  EXPECT_EQ(test::run({"chat", "-m", model_, "-p", "a", "--prefix-cache", cache}).code, 4);
}

}  // namespace
}  // namespace thimble
