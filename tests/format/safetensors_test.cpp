#include "format/safetensors.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>

#include "base/error.h"
#include "support/temp_file.h"

namespace thimble {
namespace {

void write(const std::string& path, const std::string& header, const std::string& data) {
  const uint64_t length = header.size();
  std::ofstream out(path, std::ios::binary);
  out.write(reinterpret_cast<const char*>(&length), sizeof length);
  out << header << data;
}

std::string fault_of(const std::string& path) {
  try {
    Safetensors::open(path);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::bad_file);
    return error.what();
  }
  return {};
}

TEST(Safetensors, WhatIsWrittenIsRead) {
  const test::TempFolder folder;
  const std::string path = folder / "model.safetensors";
  const float floats[] = {1.5f, -2.0f, 0.25f, 3.0f, 1e-30f, 7.0f};
  const uint16_t halves[] = {0x3c00, 0xc000};
  {
    SafetensorsWriter writer(path);
    writer.set_metadata("format", "pt");
    const uint64_t matrix[] = {2, 3}, vector[] = {2};
    writer.add_tensor("a.weight", SafetensorsType::F32, matrix);
    writer.add_tensor("a.bias", SafetensorsType::F16, vector);
    const auto bytes = std::as_bytes(std::span(floats));
    writer.write_data(bytes.first(5));
    writer.write_data(bytes.subspan(5));
    writer.write_data(std::as_bytes(std::span(halves)));
    writer.commit();
  }
  const Safetensors file = Safetensors::open(path);
  ASSERT_EQ(file.tensors().size(), 2u);
  EXPECT_EQ(file.metadata().at("format"), "pt");
  const SafetensorsTensor* weight = file.find("a.weight");
  ASSERT_NE(weight, nullptr);
  EXPECT_EQ(weight->shape, (std::vector<uint64_t>{2, 3}));
  EXPECT_EQ(weight->elements(), 6u);
  EXPECT_EQ(std::memcmp(weight->data.data(), floats, sizeof floats), 0);
  EXPECT_EQ((weight->data.data() - file.file().bytes().data()) % 8, 0);
  float values[2];
  unpack_values(file.find("a.bias")->type, file.find("a.bias")->data.data(), values, 2);
  EXPECT_EQ(values[0], 1.0f);
  EXPECT_EQ(values[1], -2.0f);
  EXPECT_EQ(file.find("b"), nullptr);
}

TEST(Safetensors, OfDoublesWhatNoFloatHoldsIsInfinite) {
  const double doubles[] = {0.1, -1e300, std::numeric_limits<double>::quiet_NaN(), 3.5};
  float values[4];
  unpack_values(SafetensorsType::F64, reinterpret_cast<const std::byte*>(doubles), values, 4);
  EXPECT_EQ(values[0], 0.1f);
  EXPECT_TRUE(std::isinf(values[1]));
  EXPECT_FALSE(std::isfinite(values[2]));
  EXPECT_EQ(values[3], 3.5f);
}

TEST(Safetensors, EmptyTensorsAndScalarsAreSound) {
  const test::TempFolder folder;
  const std::string path = folder / "model.safetensors";
  write(
      path,
      R"({"e":{"dtype":"F32","shape":[0,4],"data_offsets":[0,0]},"s":{"dtype":"F32","shape":[],"data_offsets":[0,4]}})",
      "\1\2\3\4");
  const Safetensors file = Safetensors::open(path);
  EXPECT_EQ(file.find("e")->elements(), 0u);
  EXPECT_EQ(file.find("s")->elements(), 1u);
  unpack_values(SafetensorsType::F32, file.find("e")->data.data(), nullptr, 0);
}

TEST(Safetensors, LiesAreNamed) {
  struct Lie {
    const char* header;
    const char* fault;
  };
  // The data has 8 bytes.
  constexpr Lie kLies[] = {
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,9]}})", "data_offsets"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}})", "data_offsets"},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}})", "takes 4 bytes"},
      {R"({"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}})", "impossible"},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", "gap"},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", "of which the header names 4"},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[6],"data_offsets":[2,8]}})",
       "overlap"},
      {R"({"a":{"dtype":"F7","shape":[2],"data_offsets":[0,8]}})", "F7"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})",
       "twice"},
      {R"({"":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", "name"},
      {R"({"a":7})", "JSON object"},
      {R"([])", "JSON object"},
      {R"({"a":{"shape":[2],"data_offsets":[0,8]}})", "dtype is missing"},
  };
  const test::TempFolder folder;
  for (const Lie& lie : kLies) {
    const std::string path = folder / "model.safetensors";
    write(path, lie.header, "12345678");
    const std::string fault = fault_of(path);
    EXPECT_NE(fault.find(lie.fault), std::string::npos) << lie.header << ": " << fault;
  }
}

TEST(Safetensors, EveryTruncationIsRefused) {
  const test::TempFolder folder;
  const std::string header = R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";
  const uint64_t length = header.size();
  const std::string whole = std::string(reinterpret_cast<const char*>(&length), sizeof length) + header + "12345678";
  for (size_t size = 1; size < whole.size(); ++size) {
    const std::string path = folder / "model.safetensors";
    std::ofstream(path, std::ios::binary) << whole.substr(0, size);
    EXPECT_FALSE(fault_of(path).empty()) << size;
  }
}

TEST(Safetensors, AreRecognisedByTheirBeginning) {
  const char good[] = "\x10\0\0\0\0\0\0\0{\"a\"";
  const auto bytes = std::as_bytes(std::span(good));
  EXPECT_TRUE(looks_like_safetensors(bytes, 100));
  EXPECT_FALSE(looks_like_safetensors(bytes, 20));
  EXPECT_FALSE(looks_like_safetensors(bytes.first(8), 100));
  EXPECT_FALSE(looks_like_safetensors(std::as_bytes(std::span("GGUF\3\0\0\0{")), 100));
}

}  // namespace
}  // namespace thimble
