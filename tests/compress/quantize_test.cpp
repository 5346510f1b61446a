#include "compress/quantize.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <limits>
#include <map>

#include "base/error.h"
#include "support/split_gguf.h"
#include "support/temp_file.h"
#include "support/tiny_cases.h"

namespace thimble {
namespace {

// Rows of 256 and 512: whole blocks of every format.
test::TinyModel wide_model() {
  test::TinyModel model;
  model.block_count = 2;
  model.embedding_length = 256;
  model.feed_forward_length = 512;
  model.key_length = 64;
  return model;
}

class Quantizing : public testing::Test {
 protected:
  Quantizing() { test::write_tiny_model(find_architecture("llama", "test"), wide_model(), folder_ / "in.gguf"); }

  // Counts up, so that importance differs from column to column.
  static Imatrix imatrix_of(const Gguf& gguf) {
    Imatrix imatrix;
    imatrix.path = "made.gguf";
    imatrix.datasets = {"text"};
    imatrix.chunk_count = 3;
    for (const GgufTensor& tensor : gguf.tensors()) {
      if (tensor.axes < 2) continue;
      ImatrixEntry& entry = imatrix.entries[std::string(tensor.name)];
      entry.counts = {2};
      for (uint64_t i = 0; i < tensor.shape[0]; ++i) entry.sums.push_back(static_cast<float>(1 + i * 37 % 101));
    }
    return imatrix;
  }

  std::vector<TensorResult> run(const QuantizeOptions& options, const std::string& output, unsigned threads = 2,
                                std::string_view isa = "auto", std::string_view input = "in.gguf") const {
    const Gguf gguf = Gguf::open(folder_ / input);
    const QuantizePlan plan = plan_quantization(gguf, options);
    Team team(threads);
    return quantize({gguf, options, plan, {}, [](uint64_t, uint64_t) {}}, folder_ / output, team, select_kernels(isa));
  }

  Error error_of(const std::function<void()>& action) const {
    try {
      action();
    } catch (const Error& error) {
      return error;
    }
    return Error(ExitCode::done, "no error");
  }

  size_t files() const {
    const std::filesystem::directory_iterator all(folder_.path());
    return static_cast<size_t>(std::distance(begin(all), end(all)));
  }

  test::TempFolder folder_;
};

double worst_error(const std::vector<TensorResult>& results) {
  double worst = 0;
  for (const TensorResult& result : results) worst = std::max(worst, result.error);
  return worst;
}

// Weights are uniform here: 2^b levels over their range leave 1 / (2^b - 1) of their root mean square, a tenth more where scales are
// rounded, and a codebook, which has not every combination of levels, half more.
TEST_F(Quantizing, EveryMixGivesAFileWithItsTypesAndError) {
  const Imatrix imatrix = imatrix_of(Gguf::open(folder_ / "in.gguf"));
  for (const Mix& mix : all_mixes()) {
    SCOPED_TRACE(mix.name);
    const QuantizeOptions options{.mix = &mix, .imatrix = &imatrix};
    const std::vector<TensorResult> results = run(options, "out.gguf");
    const TypeInfo& type = type_info(mix.type);
    const int bits = type.name[type.name.find_first_of("23456780")] - '0';  // as the name says, Q4_1 and IQ4_NL: 4
    const bool has_codebook = mix.name.starts_with("IQ3");
    const double bound = type.block_size == 1 ? 0x1p-8 : (has_codebook ? 1.5 : 1.1) / (std::pow(2, bits) - 1);
    EXPECT_LE(worst_error(results), bound);
    const Gguf out = Gguf::open(folder_ / "out.gguf");
    EXPECT_EQ(out.unsigned_integer("general.file_type"), mix.file_type);
    EXPECT_EQ(out.unsigned_integer("general.quantization_version"), 2u);
    EXPECT_EQ(out.string("quantize.imatrix.file"), "made.gguf");
    EXPECT_EQ(out.unsigned_integer("quantize.imatrix.entries_count"), imatrix.entries.size());
    EXPECT_EQ(out.unsigned_integer("quantize.imatrix.chunks_count"), 3u);
    EXPECT_TRUE(std::ranges::any_of(out.tensors(), [&](const GgufTensor& t) { return t.type->type == mix.type; }));
  }
}

TEST_F(Quantizing, BytesDependOnNoThreadAndNoInstructionSet) {
  const Imatrix imatrix = imatrix_of(Gguf::open(folder_ / "in.gguf"));
  const QuantizeOptions options{.mix = find_mix("Q4_K_M"), .imatrix = &imatrix};
  run(options, "first.gguf", 1, "scalar");
  const std::string first = test::read_file(folder_ / "first.gguf");
  for (const Kernels* kernels : available_kernels()) {
    if (kernels->isa == "scalar") continue;
    run(options, "other.gguf", 3, kernels->isa);
    EXPECT_EQ(test::read_file(folder_ / "other.gguf"), first) << kernels->isa;
  }
}

TEST_F(Quantizing, AnImatrixTakesErrorFromWhatMatters) {
  const Gguf gguf = Gguf::open(folder_ / "in.gguf");
  Imatrix imatrix = imatrix_of(gguf);
  ImatrixEntry& entry = imatrix.entries.at("blk.0.ffn_up.weight");
  for (size_t i = 0; i < entry.sums.size(); ++i) entry.sums[i] = i % 8 == 0 ? 1000 : 1;
  const auto error_where_it_matters = [&](const std::string& path) {
    const Gguf out = Gguf::open(path);
    const GgufTensor& before = *gguf.find_tensor("blk.0.ffn_up.weight");
    const GgufTensor& after = *out.find_tensor("blk.0.ffn_up.weight");
    std::vector<float> x(before.elements()), y(before.elements());
    before.type->unpack(before.data.data(), x.data(), x.size() / before.type->block_size);
    after.type->unpack(after.data.data(), y.data(), y.size() / after.type->block_size);
    double error = 0;
    for (size_t i = 0; i < x.size(); i += 8) error += std::pow(static_cast<double>(x[i]) - y[i], 2);
    return error;
  };
  run({.mix = find_mix("Q4_K_S")}, "plain.gguf");
  run({.mix = find_mix("Q4_K_S"), .imatrix = &imatrix}, "weighted.gguf");
  EXPECT_LT(error_where_it_matters(folder_ / "weighted.gguf"), 0.5 * error_where_it_matters(folder_ / "plain.gguf"));
  // What --exclude-weights names is packed as without.
  run({.mix = find_mix("Q4_K_S"), .imatrix = &imatrix, .exclude_weights = {"ffn_up"}}, "excluded.gguf");
  EXPECT_EQ(error_where_it_matters(folder_ / "excluded.gguf"), error_where_it_matters(folder_ / "plain.gguf"));
}

TEST_F(Quantizing, OptionsChooseTypes) {
  const auto type_of = [&](const QuantizeOptions& options, std::string_view name) {
    const Gguf gguf = Gguf::open(folder_ / "in.gguf");
    for (const PlannedTensor& planned : plan_quantization(gguf, options).tensors) {
      if (planned.tensor->name == name) return planned.type;
    }
    return NumberType::F32;
  };
  const Mix* mix = find_mix("Q4_K_S");
  EXPECT_EQ(type_of({.mix = mix}, "output.weight"), NumberType::Q6_K);
  EXPECT_EQ(type_of({.mix = mix, .leave_output_tensor = true}, "output.weight"), NumberType::F32);
  EXPECT_EQ(type_of({.mix = mix, .pure = true}, "output.weight"), NumberType::Q4_K);
  EXPECT_EQ(type_of({.mix = mix, .output_tensor_type = NumberType::Q8_0}, "output.weight"), NumberType::Q8_0);
  EXPECT_EQ(type_of({.mix = mix, .token_embedding_type = NumberType::F16}, "token_embd.weight"), NumberType::F16);
  const QuantizeOptions named{.mix = mix,
                              .tensor_types = {parse_tensor_type("ATTN_[qk]=q8_0"), parse_tensor_type("attn=q5_1")}};
  EXPECT_EQ(type_of(named, "blk.1.attn_k.weight"), NumberType::Q8_0);
  EXPECT_EQ(type_of(named, "blk.1.attn_v.weight"), NumberType::Q5_1);
  EXPECT_EQ(type_of(named, "blk.1.ffn_up.weight"), NumberType::Q4_K);
  for (const char* bad : {"", "attn", "=q8_0", "attn=", "attn=q9", "attn=iq1_s", "[=q8_0"}) {
    EXPECT_EQ(error_of([&] { parse_tensor_type(bad); }).code(), ExitCode::usage) << bad;
  }
}

TEST_F(Quantizing, QuantizedTensorsAreTakenOnlyWhenAllowed) {
  run({.mix = find_mix("Q8_0")}, "q8.gguf");
  const Error error = error_of([&] { run({.mix = find_mix("Q4_0")}, "q4.gguf", 1, "auto", "q8.gguf"); });
  EXPECT_EQ(error.code(), ExitCode::usage);
  EXPECT_NE(std::string(error.what()).find("--allow-requantize"), std::string::npos) << error.what();
  EXPECT_EQ(files(), 2u);
  EXPECT_LT(worst_error(run({.mix = find_mix("Q4_0"), .allow_requantize = true}, "q4.gguf", 1, "auto", "q8.gguf")),
            0.1);
}

TEST_F(Quantizing, AWeightThatIsNoNumberIsNamedAndNothingIsLeft) {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
    std::string bytes = test::read_file(folder_ / "in.gguf");
    const Gguf gguf = Gguf::open(folder_ / "in.gguf");
    const GgufTensor& tensor = *gguf.find_tensor("blk.1.ffn_down.weight");
    const auto at = static_cast<size_t>(tensor.data.data() - gguf.files()[0].bytes().data());
    std::memcpy(bytes.data() + at + (3 * tensor.shape[0] + 7) * sizeof bad, &bad, sizeof bad);
    test::write_file(folder_ / "bad.gguf", bytes);
    const Error error = error_of([&] { run({.mix = find_mix("Q4_K_M")}, "out.gguf", 2, "auto", "bad.gguf"); });
    EXPECT_EQ(error.code(), ExitCode::bad_file);
    EXPECT_NE(std::string(error.what()).find("blk.1.ffn_down.weight: row 3, value 7"), std::string::npos)
        << error.what();
    EXPECT_EQ(files(), 2u);
  }
}

TEST_F(Quantizing, TheInputIsNotTheOutputAndStoppingLeavesNothing) {
  EXPECT_EQ(error_of([&] { run({.mix = find_mix("Q8_0")}, "in.gguf"); }).code(), ExitCode::usage);
  const Gguf gguf = Gguf::open(folder_ / "in.gguf");
  const QuantizeOptions options{.mix = find_mix("Q8_0")};
  const QuantizePlan plan = plan_quantization(gguf, options);
  Team team(1);
  const auto stop = [](uint64_t done, uint64_t total) {
    if (done > total / 2) throw Error(ExitCode::interrupted, "stopped");
  };
  const Error error = error_of([&] {
    quantize({gguf, options, plan, {}, stop}, folder_ / "out.gguf", team, select_kernels("auto"));
  });
  EXPECT_EQ(error.code(), ExitCode::interrupted);
  EXPECT_EQ(files(), 1u);
}

TEST_F(Quantizing, AnImatrixOfAnotherModelIsRefused) {
  Imatrix imatrix = imatrix_of(Gguf::open(folder_ / "in.gguf"));
  imatrix.entries.at("blk.0.attn_q.weight").sums.resize(64);
  const Error error = error_of([&] { run({.mix = find_mix("Q4_K_M"), .imatrix = &imatrix}, "out.gguf"); });
  EXPECT_EQ(error.code(), ExitCode::bad_file);
  EXPECT_NE(std::string(error.what()).find("blk.0.attn_q.weight"), std::string::npos) << error.what();
}

TEST_F(Quantizing, PartsStayPartsWhenAskedTo) {
  test::split_gguf(Gguf::open(folder_ / "in.gguf"), folder_ / "part", 3);
  const QuantizeOptions whole{.mix = find_mix("Q5_K_M")};
  const QuantizeOptions parts{.mix = find_mix("Q5_K_M"), .keep_split = true};
  run(whole, "whole.gguf");
  run(whole, "joined.gguf", 2, "auto", "part-00002-of-00003.gguf");
  EXPECT_EQ(test::read_file(folder_ / "joined.gguf"), test::read_file(folder_ / "whole.gguf"));
  run(parts, "split.gguf", 2, "auto", "part-00001-of-00003.gguf");
  const Gguf one = Gguf::open(folder_ / "whole.gguf");
  const Gguf split = Gguf::open(folder_ / "split-00003-of-00003.gguf");
  EXPECT_EQ(split.files().size(), 3u);
  ASSERT_EQ(split.tensors().size(), one.tensors().size());
  for (const GgufTensor& tensor : one.tensors()) {
    const GgufTensor* other = split.find_tensor(tensor.name);
    ASSERT_NE(other, nullptr);
    EXPECT_TRUE(std::ranges::equal(other->data, tensor.data)) << tensor.name;
  }
}

TEST(Overrides, AreOfFourTypes) {
  EXPECT_EQ(std::get<uint32_t>(parse_override("a.b=int:7").value), 7u);
  EXPECT_EQ(std::get<float>(parse_override("a.b=float:-0.5").value), -0.5f);
  EXPECT_EQ(std::get<bool>(parse_override("a.b=bool:true").value), true);
  EXPECT_EQ(std::get<std::string>(parse_override("a.b=str:x:y=z").value), "x:y=z");
  for (const char* bad : {"", "a", "=int:1", "a=int:-1", "a=int:x", "a=float:nan", "a=bool:1", "a=word:1", "a=int"}) {
    EXPECT_THROW(parse_override(bad), Error) << bad;
  }
}

}  // namespace
}  // namespace thimble
