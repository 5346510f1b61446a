// The program as a whole on a small random model: results, exit codes, and what goes where.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "model/arch_spec.h"
#include "program_runner.h"
#include "support/split_gguf.h"
#include "support/temp_file.h"
#include "support/tiny_adapter.h"
#include "support/tiny_model.h"

namespace thimble {
namespace {

using nlohmann::json;
using test::Arguments;
using test::Outcome;
using test::run;

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

class Program : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new test::TempFolder;
    test::write_tiny_model(find_architecture("llama", "test"), {}, model());
  }
  static void TearDownTestSuite() { delete folder_; }
  static std::string model() { return file("model.gguf"); }
  static std::string file(std::string_view name) { return *folder_ / name; }

  // A failure is one line on stderr, from this program, and nothing on stdout.
  static void expect_refusal(const Arguments& arguments, int code, std::string_view part, std::string_view input = {}) {
    const Outcome outcome = run(arguments, {}, input);
    EXPECT_EQ(outcome.code, code) << outcome.error;
    EXPECT_EQ(outcome.out, "");
    EXPECT_TRUE(outcome.error.starts_with("thimble: ")) << outcome.error;
    EXPECT_EQ(std::ranges::count(outcome.error, '\n'), 1) << outcome.error;
    EXPECT_TRUE(contains(outcome.error, part)) << outcome.error;
  }

 private:
  static inline test::TempFolder* folder_ = nullptr;
};

TEST_F(Program, RefusesWrongUsage) {
  EXPECT_EQ(run({}).code, 2);
  expect_refusal({"frobnicate"}, 2, "unknown verb 'frobnicate'");
  expect_refusal({"tokenise"}, 2, "did you mean 'tokenize'");
  expect_refusal({"eval"}, 2, "eval perplexity");
  expect_refusal({"-m", "x"}, 2, "verb");
  expect_refusal({"generate", "-p", "x"}, 2, "-m/--model");
  expect_refusal({"help", "x"}, 2, "unknown verb");
  expect_refusal({"completion", "tcsh"}, 2, "bash, zsh, fish");
  expect_refusal({"info"}, 2, "a model is required");
}

TEST_F(Program, RefusesNumbersOutOfRangeNamingTheFlag) {
  const std::map<std::string, std::vector<std::string>> wrong = {
      {"-n", {"-2", "nan", "1.5", "", "99999999999999999999", "x"}},
      {"-c", {"-1", "nan", "999999999999", ""}},
      {"-t", {"0", "-1", "100000", "inf"}},
      {"-b", {"0", "-1", "1000000"}},
      {"--temp", {"-1", "nan", "inf", "1e9", ""}},
      {"--top-k", {"-1", "0.5"}},
      {"--top-p", {"1.01", "-0.1", "nan"}},
      {"--min-p", {"2", "nan"}},
      {"--repeat-penalty", {"0", "-1", "nan"}},
      {"--repeat-last-n", {"-2"}},
      {"--seed", {"-2", "x"}},
      {"--memory-limit", {"0", "-1", "2XB", "", "nan"}},
      {"-ctk", {"q3_k", ""}},
      {"-ctv", {"F99"}},
      {"--kv-rotate", {"maybe"}},
      {"--context-full", {"wrap"}},
      {"--isa", {"mmx"}},
      {"--stop", {""}},
      {"--ids", {"", "1,,2", "-1", "4000000000"}},
      {"--pre-tokenizer", {"nonesuch"}},
  };
  for (const auto& [flag, values] : wrong) {
    for (const std::string& value : values) {
      Arguments arguments = {"generate", "-m", model(), flag, value};
      if (flag != "--ids") arguments.insert(arguments.end(), {"-p", "x"});
      expect_refusal(arguments, 2, flag);
    }
  }
  expect_refusal({"generate", "-m", model(), "--ids", "5,320"}, 2, "token id 320");
  expect_refusal({"generate", "-m", model(), "-p", ""}, 2, "empty");
  expect_refusal({"chat", "-m", model()}, 2, "empty", " \n");
  expect_refusal({"bench", "-m", model(), "-p", "0", "-n", "0"}, 2, "nothing to time");
  expect_refusal({"bench", "-m", model(), "-pg", "5"}, 2, "-pg");
  expect_refusal({"logits", "-m", model(), "-p", "x"}, 2, "--out");
}

TEST_F(Program, EveryVerbThatLoadsAVocabularyTakesAPreTokenizer) {
  const std::vector<Arguments> verbs = {{"generate", "-p", "x"},
                                        {"chat", "-p", "x"},
                                        {"tokenize", "x"},
                                        {"logits", "--ids", "1", "--out", file("l.npy")},
                                        {"bench", "-p", "1", "-n", "1"}};
  for (Arguments arguments : verbs) {
    arguments.insert(arguments.end(), {"-m", model(), "--pre-tokenizer", "nonesuch"});
    expect_refusal(arguments, 2, "--pre-tokenizer nonesuch: unknown; known are llama-bpe");
  }
}

TEST_F(Program, RefusesBadFiles) {
  test::write_file(file("empty"), "");
  test::write_file(file("noise"), std::string(5000, 'x'));
  ASSERT_EQ(::mkfifo(file("fifo").c_str(), 0600), 0);
  const std::string whole = test::read_file(model());
  test::write_file(file("cut.gguf"), whole.substr(0, whole.size() / 2));
  for (const char* verb : {"generate", "info", "plan", "tokenize", "bench"}) {
    for (const std::string& name :
         {file(""), file("nothing"), file("empty"), file("noise"), file("fifo"), file("cut.gguf")}) {
      Arguments arguments = {verb, "-m", name};
      if (verb == std::string("generate")) arguments.insert(arguments.end(), {"-p", "x"});
      if (verb == std::string("tokenize")) arguments.push_back("x");
      expect_refusal(arguments, 4, name.substr(name.rfind('/') + 1));
    }
  }
  expect_refusal({"generate", "-m", model(), "-f", file("nothing")}, 4, "nothing");
  expect_refusal({"chat", "-m", model(), "-p", "x", "--chat-template", "{% for"}, 4, "template");
  expect_refusal({"chat", "-m", model(), "-p", "x", "--chat-template", "chatml"}, 2, "--chat-template");
  expect_refusal({"logits", "-m", model(), "--ids", "1", "--out", file("no/such/folder.npy")}, 1, "folder.npy");
  expect_refusal({"logits", "-m", model(), "--ids", "1", "--out", model()}, 2, "model.gguf");
}

TEST_F(Program, RefusesWhatDoesNotFitWithAdvice) {
  expect_refusal({"generate", "-m", model(), "-p", "x", "--memory-limit", "100kB"}, 3, "smaller model");
  expect_refusal({"generate", "-m", model(), "-p", "x", "-c", "1000000", "--memory-limit", "400MB"}, 3,
                 "it fits with -c");
  // The limit comes before the wait for a prompt.
  const Outcome waiting = run({"chat", "-m", model(), "--memory-limit", "100kB"});
  EXPECT_EQ(waiting.code, 3);
}

TEST_F(Program, GenerateIsRepeatableAndReportsJson) {
  const Arguments arguments = {"generate", "-m",     model(), "-p",           "pump",  "-n",
                               "12",       "--seed", "7",     "--ignore-eos", "--json"};
  const Outcome first = run(arguments);
  ASSERT_EQ(first.code, 0) << first.error;
  EXPECT_EQ(first.error, "");
  const json report = json::parse(first.out);
  for (const char* key : {"text", "tokens", "prompt_tokens", "generated_tokens", "stop_reason", "prompt_tps",
                          "decode_tps", "peak_rss_bytes"}) {
    EXPECT_TRUE(report.contains(key)) << key;
  }
  EXPECT_EQ(report["tokens"].size(), 12u);
  EXPECT_EQ(report["generated_tokens"], 12);
  EXPECT_EQ(report["prompt_tokens"], 4);
  EXPECT_EQ(report["stop_reason"], "length");
  Arguments one_thread = arguments;
  one_thread.insert(one_thread.end(), {"-t", "1", "-b", "1", "--isa", "scalar"});
  EXPECT_EQ(json::parse(run(one_thread).out)["tokens"], report["tokens"]);
  // Ids give what their text gives, and stdin what -p gives.
  Arguments by_ids = arguments;
  by_ids[3] = "--ids";
  by_ids[4] = "112,117,109,112";
  EXPECT_EQ(json::parse(run(by_ids).out)["tokens"], report["tokens"]);
  Arguments piped = arguments;
  piped.erase(piped.begin() + 3, piped.begin() + 5);
  EXPECT_EQ(json::parse(run(piped, {}, "pump\n").out)["tokens"], report["tokens"]);
}

TEST_F(Program, TextGoesToStdoutAsItIsAndNothingElseDoes) {
  const Outcome as_json = run({"chat", "-m", model(), "-p", "hi", "-n", "9", "--temp", "0", "--ignore-eos", "--json"});
  const Outcome plain = run({"chat", "-m", model(), "-p", "hi", "-n", "9", "--temp", "0", "--ignore-eos", "-v"});
  ASSERT_EQ(plain.code, 0);
  EXPECT_EQ(plain.out, json::parse(as_json.out)["text"].get<std::string>() + "\n");
  EXPECT_TRUE(contains(plain.error, "tokens/s"));
}

TEST_F(Program, AnswersKeepToAGrammar) {
  const std::string schema = R"({"type": "object", "properties": {"on": {"type": "boolean"}}, "required": ["on"]})";
  test::write_file(file("schema.json"), schema);
  test::write_file(file("answer.gbnf"), "root ::= \"yes\" | \"no\"\n");
  for (const std::string verb : {"generate", "chat"}) {
    const auto answer = [&](const Arguments& more) {
      Arguments arguments = {verb, "-m", model(), "-p", "pump", "--seed", "3", "--json"};
      arguments.insert(arguments.end(), more.begin(), more.end());
      const Outcome outcome = run(arguments);
      EXPECT_EQ(outcome.code, 0) << outcome.error;
      const json report = json::parse(outcome.out);
      EXPECT_EQ(report["stop_reason"], "eos");
      return report["text"].get<std::string>();
    };
    EXPECT_TRUE(json::parse(answer({"-j", schema}))["on"].is_boolean());
    EXPECT_EQ(answer({"--json-schema", schema}), answer({"--json-schema-file", file("schema.json")}));
    const std::string word = answer({"--grammar-file", file("answer.gbnf")});
    EXPECT_TRUE(word == "yes" || word == "no") << word;
    EXPECT_EQ(answer({"--grammar", "root ::= \"7\" \"x\"{3}"}), "7xxx");
    EXPECT_EQ(answer({"--regex", "a{2}b?c"}).substr(0, 2), "aa");
  }
  expect_refusal({"generate", "-m", model(), "-p", "x", "--grammar",
                  "root ::="
                  " ("},
                 2, "--grammar: grammar: line 1, column 11");
  expect_refusal({"generate", "-m", model(), "-p", "x", "-j", R"({"type": "array", "contains": {}})"}, 2,
                 "#: 'contains'");
  expect_refusal({"chat", "-m", model(), "-p", "x", "--regex", "(?=x)"}, 2, "lookahead");
  expect_refusal({"chat", "-m", model(), "-p", "x", "--regex", "x", "-j", "{}"}, 2, "--regex");
  expect_refusal({"chat", "-m", model(), "-p", "x", "--grammar-file", file("none.gbnf")}, 4, "none.gbnf");
}

TEST_F(Program, ToolsAddToTheReportAndChangeNothingElse) {
  test::write_file(file("tools.json"), R"([{"name": "f", "parameters": {}}])");
  test::write_file(file("no_tools.json"), R"([{"name": 1}])");
  Arguments arguments = {"chat",
                         "-m",
                         model(),
                         "-p",
                         "hi",
                         "--json",
                         "--ignore-eos",
                         "--chat-template",
                         "{{ messages[0].content }}{{ 'tools' if wide }}",
                         "-n",
                         "9",
                         "--temp",
                         "0"};
  const json plain = json::parse(run(arguments).out);
  EXPECT_FALSE(plain.contains("tool_calls"));
  arguments.insert(arguments.end(), {"--tools", file("tools.json")});
  const json report = json::parse(run(arguments).out);
  EXPECT_EQ(report["text"], plain["text"]);
  EXPECT_EQ(report["content"], plain["text"]) << "a model that calls nothing";
  EXPECT_EQ(report["tool_calls"], json::array());
  EXPECT_EQ(report["tool_calls_malformed"], false);
  arguments.insert(arguments.end(), {"--chat-template-kwargs", R"({"wide": true})"});
  EXPECT_EQ(json::parse(run(arguments).out)["prompt_tokens"], report["prompt_tokens"].get<int>() + 5);

  const Arguments chat = {"chat", "-m", model(), "-p", "hi", "--chat-template", "{{ tools }}"};
  const auto refuses = [&](Arguments more, int code, std::string_view part) {
    more.insert(more.begin(), chat.begin(), chat.end());
    expect_refusal(more, code, part);
  };
  refuses({"--tools", file("no_tools.json")}, 4, "tool 0");
  refuses({"--tools", model()}, 2, "--tools");
  refuses({"--tools", file("nothing")}, 4, "nothing");
  refuses({"--chat-template-kwargs", "{"}, 2, "--chat-template-kwargs");
  refuses({"--chat-template-kwargs", "[]"}, 4, "object");
  refuses({"--chat-template-kwargs", R"({"tools": 1})"}, 4, "'tools'");
}

TEST_F(Program, AFullContextIsSaid) {
  const Outcome outcome = run({"generate", "-m", model(), "-p", "abc", "-c", "16", "--ignore-eos", "--json"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(json::parse(outcome.out)["stop_reason"], "context");
  EXPECT_TRUE(contains(outcome.error, "-c"));
  expect_refusal({"generate", "-m", model(), "-p", std::string(100, 'a'), "-c", "16"}, 1, "context");
}

TEST_F(Program, TokenizeShowsIds) {
  const Outcome outcome = run({"tokenize", "-m", model(), "--ids", "pump\n"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.out, "112 117 109 112 10\n");
  EXPECT_EQ(run({"tokenize", "-m", model(), "--ids"}, {}, "pump\n").out, outcome.out);
  test::write_file(file("text"), "pump\n");
  EXPECT_EQ(run({"tokenize", "-m", model(), "--ids", "--file", file("text")}).out, outcome.out);
  EXPECT_EQ(json::parse(run({"tokenize", "-m", model(), "--json", "pump\n"}).out)["tokens"],
            json({112, 117, 109, 112, 10}));
  const Outcome lines = run({"tokenize", "-m", model(), "a\x1b"});
  EXPECT_TRUE(contains(lines.out, "'\\x1b'")) << lines.out;
}

TEST_F(Program, LogitsAreAWholeArray) {
  const Outcome outcome =
      run({"logits", "-m", model(), "--ids", "1,2,3", "--out", file("l.npy"), "--top", "3", "--json"});
  ASSERT_EQ(outcome.code, 0) << outcome.error;
  EXPECT_EQ(json::parse(outcome.out)["top"].size(), 3u);
  const std::string array = test::read_file(file("l.npy"));
  EXPECT_TRUE(contains(array, "(3, 320)"));
  EXPECT_EQ(array.size(), 128 + 3 * 320 * sizeof(float));
}

TEST_F(Program, InfoPlanBenchAndPerplexityReportJson) {
  const json info = json::parse(run({"info", model(), "--json", "--tensors"}).out);
  EXPECT_EQ(info["architecture"], "llama");
  EXPECT_EQ(info["tensors"].size(), info["tensor_count"]);
  EXPECT_TRUE(contains(run({"info", model(), "-v"}).out, "tokenizer.ggml.tokens = [320 values"));

  const json plan = json::parse(run({"plan", "-m", model(), "--budget", "1GB", "--json"}).out);
  EXPECT_EQ(plan["fits"], true);
  EXPECT_EQ(plan["limit_bytes"], 1'000'000'000);
  uint64_t sum = 0;
  for (const char* part : {"weights", "kv", "activations", "scratch", "tokenizer", "program"})
    sum += plan["parts"][part].get<uint64_t>();
  EXPECT_EQ(plan["total_bytes"], sum);
  const Outcome tight = run({"plan", "-m", model(), "--budget", "1MB", "--json"});
  EXPECT_EQ(tight.code, 3);
  EXPECT_EQ(json::parse(tight.out)["fits"], false);
  EXPECT_TRUE(contains(run({"plan", "-m", model(), "--budget", "1MB"}).out, "does not fit"));

  const json bench = json::parse(
      run({"bench", "-m", model(), "-p", "8,16", "-n", "4", "-pg", "8,4", "-d", "0,32", "-r", "2", "-o", "json"}).out);
  ASSERT_EQ(bench.size(), 8u);
  for (const char* key :
       {"build_commit", "model_filename", "model_type", "model_size", "model_n_params", "n_batch",   "n_ubatch",
        "n_threads",    "type_k",         "type_v",     "n_prompt",   "n_gen",          "n_depth",   "test_time",
        "avg_ns",       "stddev_ns",      "avg_ts",     "stddev_ts",  "samples_ns",     "samples_ts"}) {
    EXPECT_TRUE(bench[0].contains(key)) << key;
  }
  EXPECT_EQ(bench[7]["n_depth"], 32);
  EXPECT_EQ(bench[7]["samples_ts"].size(), 2u);
  const Outcome csv = run({"bench", "-m", model(), "-p", "8", "-n", "0", "-r", "1", "-o", "csv"});
  EXPECT_EQ(std::ranges::count(csv.out, '\n'), 2);

  test::write_file(file("handbook"), std::string(400, 'a') + "\n");
  const Outcome ppl = run({"eval", "perplexity", "-m", model(), "-f", file("handbook"), "-c", "64", "--json"});
  ASSERT_EQ(ppl.code, 0) << ppl.error;
  EXPECT_EQ(json::parse(ppl.out)["chunks"], 6);
  EXPECT_GT(json::parse(ppl.out)["ppl"].get<double>(), 1.0);
  EXPECT_TRUE(json::parse(ppl.out).contains("ppl_error"));
  EXPECT_TRUE(json::parse(ppl.out).contains("tokens"));
}

TEST_F(Program, FindsModelsByName) {
  std::filesystem::create_directories(file("cache/thimble/models/tiny"));
  std::filesystem::copy_file(model(), file("cache/thimble/models/tiny/a.gguf"));
  const test::Variables cache = {{"XDG_CACHE_HOME", file("cache")}};
  EXPECT_EQ(run({"tokenize", "-m", "tiny", "--ids", "a"}, cache).out, "97\n");
  const Outcome unknown = run({"info", "small"}, cache);
  EXPECT_EQ(unknown.code, 4);
  EXPECT_TRUE(contains(unknown.error, "(there: tiny)")) << unknown.error;
  std::filesystem::copy_file(model(), file("cache/thimble/models/tiny/b.gguf"));
  EXPECT_EQ(run({"info", "tiny"}, cache).code, 2);
}

TEST_F(Program, RunsWithAdapters) {
  test::write_tiny_adapter(Gguf::open(model()), test::first_tiny_adapter(), file("a.gguf"));
  test::write_tiny_adapter(Gguf::open(model()), test::second_tiny_adapter(), file("b:2"));
  const auto top = [&](const Arguments& adapters) {
    Arguments arguments = {"logits", "-m", model(), "--ids", "1,2,3", "--top", "3", "--json"};
    arguments.insert(arguments.end(), adapters.begin(), adapters.end());
    const Outcome outcome = run(arguments);
    EXPECT_EQ(outcome.code, 0) << outcome.error;
    return outcome.out;
  };
  const std::string plain = top({}), with_first = top({"--lora", file("a.gguf")});
  EXPECT_NE(with_first, plain);
  EXPECT_EQ(top({"--lora", file("a.gguf") + ":1"}), with_first);
  EXPECT_EQ(top({"--lora", file("a.gguf") + ":0"}), plain);
  EXPECT_NE(top({"--lora-scaled", file("a.gguf") + ":0.5"}), with_first);
  EXPECT_NE(top({"--lora", file("a.gguf"), "--lora", file("b:2")}),
            with_first);  // a file whose name ends as a scale does
  EXPECT_EQ(top({"--lora", file("b:2") + ":0", "--lora", file("a.gguf")}), with_first);
  const Outcome plan = run({"plan", "-m", model(), "--lora", file("a.gguf"), "--json"});
  EXPECT_EQ(json::parse(plan.out)["adapters"][0]["file"], file("a.gguf"));
  EXPECT_TRUE(contains(run({"plan", "-m", model(), "--lora", file("a.gguf")}).out, "adapter "));
  const Outcome bench =
      run({"bench", "-m", model(), "--lora", file("a.gguf"), "-p", "4", "-n", "1", "-r", "1", "-o", "json"});
  ASSERT_EQ(bench.code, 0) << bench.error;
  EXPECT_EQ(json::parse(bench.out)[0]["lora"][0], file("a.gguf") + ":1");
  EXPECT_EQ(run({"generate", "-m", model(), "-p", "x", "-n", "2", "--lora", file("a.gguf")}).code, 0);
  expect_refusal({"generate", "-m", model(), "-p", "x", "--lora", model()}, 4, "expected an adapter");
  expect_refusal({"generate", "-m", file("a.gguf"), "-p", "x"}, 4, "general.type is \"adapter\"; expected a model");
  expect_refusal({"generate", "-m", model(), "-p", "x", "--lora", file("a.gguf") + ":nan"}, 2, "--lora");
  expect_refusal({"generate", "-m", model(), "-p", "x", "--lora", file("a.gguf") + ":"}, 2, "--lora");
  expect_refusal({"generate", "-m", model(), "-p", "x", "--lora", file("nowhere.gguf")}, 4, "cannot be opened");
  expect_refusal({"logits", "-m", model(), "--ids", "1", "--lora", file("a.gguf"), "--out", file("a.gguf")}, 2,
                 "a.gguf");
}

TEST_F(Program, FindsASplitModelByName) {
  const std::string folder = file("cache/thimble/models/split");
  std::filesystem::create_directories(folder);
  const auto paths = test::split_gguf(Gguf::open(model()), folder + "/m", 3);
  const test::Variables cache = {{"XDG_CACHE_HOME", file("cache")}};
  const Outcome info = run({"info", "split", "--json"}, cache);
  ASSERT_EQ(info.code, 0) << info.error;
  EXPECT_EQ(json::parse(info.out)["file"], paths[0]);
  EXPECT_EQ(json::parse(info.out)["parts"], 3);
  EXPECT_EQ(run({"tokenize", "-m", "split", "--ids", "a"}, cache).out, "97\n");
  EXPECT_EQ(run({"plan", "-m", paths[2]}).code, 0);
  const Outcome over = run({"logits", "-m", paths[0], "--ids", "1", "--out", paths[1]});
  EXPECT_EQ(over.code, 2) << over.error;
  std::filesystem::remove(paths[1]);
  const Outcome missing = run({"plan", "-m", "split"}, cache);
  EXPECT_EQ(missing.code, 4);
  EXPECT_TRUE(contains(missing.error, "part 2 of 3 of this split model is missing")) << missing.error;
  std::filesystem::copy_file(model(), folder + "/whole.gguf");
  EXPECT_EQ(run({"info", "split"}, cache).code, 2);
}

// An answer without end, to be ended from outside.
Arguments endless(const std::string& model) {
  return {"generate", "-m", model, "-p", "x", "--ignore-eos", "--context-full", "shift", "--seed", "1"};
}

TEST_F(Program, StopsForASignal) {
  for (const int signal : {SIGINT, SIGTERM}) {
    Arguments arguments = endless(model());
    test::PipedProgram program(arguments, {}, "", [] {});
    ASSERT_FALSE(program.read_out(20, "\xef\xbf\xbd").empty());
    program.send(signal);
    const Outcome outcome = program.finish();
    EXPECT_EQ(outcome.code, 130);
    EXPECT_EQ(outcome.error, "thimble: interrupted\n");
  }
}

TEST_F(Program, EndsQuietlyWhenNobodyReads) {
  test::PipedProgram program(endless(model()), {}, "", [] {});
  ASSERT_FALSE(program.read_out(20, "\xef\xbf\xbd").empty());
  program.close_out();
  const Outcome outcome = program.finish();
  EXPECT_EQ(outcome.code, 1);
  EXPECT_EQ(outcome.error, "");
}

TEST_F(Program, SaysWhenStdoutCannotBeWritten) {
  const Outcome full =
      test::PipedProgram({"man"}, {}, "", [] { ASSERT_NE(std::freopen("/dev/full", "w", stdout), nullptr); }).finish();
  EXPECT_EQ(full.code, 1);
  EXPECT_TRUE(contains(full.error, "standard output")) << full.error;
  const Outcome closed = test::PipedProgram({"man"}, {}, "", [] { ::close(STDOUT_FILENO); }).finish();
  EXPECT_EQ(closed.code, 1);
  EXPECT_TRUE(contains(closed.error, "standard output")) << closed.error;
  // No file of ours takes the number of the closed stream.
  const Outcome npy =
      test::PipedProgram({"logits", "-m", model(), "--ids", "1", "--out", file("closed.npy")}, {}, "", [] {
        ::close(STDOUT_FILENO);
      }).finish();
  EXPECT_EQ(npy.code, 0) << npy.error;
  EXPECT_EQ(test::read_file(file("closed.npy")).substr(1, 5), "NUMPY");
}

TEST_F(Program, SaysWhenAModelIsCutShortUnderIt) {
  std::filesystem::copy_file(model(), file("shrinking.gguf"));
  test::PipedProgram program(endless(file("shrinking.gguf")), {}, "", [] {});
  ASSERT_FALSE(program.read_out(20, "\xef\xbf\xbd").empty());
  std::filesystem::resize_file(file("shrinking.gguf"), 4096);
  // The pipe must be read for the program to go on.
  const Outcome outcome = program.finish();
  EXPECT_EQ(outcome.code, 4);
  EXPECT_TRUE(contains(outcome.error, "cut short")) << outcome.error;
}

}  // namespace
}  // namespace thimble
