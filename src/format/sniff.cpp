#include "format/sniff.h"

#include <algorithm>
#include <cctype>
#include <string>

namespace thimble {
namespace {

using namespace std::string_view_literals;

struct Signature {
  std::string_view begin;  // in lower case
  std::string_view meaning;
};

constexpr Signature kSignatures[] = {
    {"version https://git-lfs"sv, "a Git LFS pointer, not the model: fetch the file itself with 'git lfs pull'"sv},
    {"<!doctype"sv, "an HTML page, not the model: the download link leads to a web page"sv},
    {"<html"sv, "an HTML page, not the model: the download link leads to a web page"sv},
    {"<?xml"sv, "an XML document, not the model: it may be a server's error message"sv},
    {"pk\x03\x04"sv, "a ZIP archive (PyTorch checkpoints are such archives): unpack or convert it first"sv},
    {"\x1f\x8b"sv, "a gzip archive: unpack it first"sv},
    {"\x28\xb5\x2f\xfd"sv, "a Zstandard archive: unpack it first"sv},
    {"\xfd"
     "7zxz\0"sv,
     "an xz archive: unpack it first"sv},
    {"\x80\x02"sv, "a Python pickle: convert the checkpoint to GGUF first"sv},
    {"lmgg"sv, "a GGML file from before GGUF: convert the original checkpoint again"sv},
    {"fmgg"sv, "a GGMF file from before GGUF: convert the original checkpoint again"sv},
    {"tjgg"sv, "a GGJT file from before GGUF: convert the original checkpoint again"sv},
    {"algg"sv, "a GGLA adapter from before GGUF: convert the original adapter again"sv},
};

// A 64-bit header length and then that JSON header: https://huggingface.co/docs/safetensors, "Format".
bool is_safetensors(std::string_view text, size_t file_bytes) {
  if (text.size() < 9 || text[8] != '{') return false;
  uint64_t header_bytes = 0;
  for (int i = 7; i >= 0; --i) header_bytes = header_bytes << 8 | static_cast<uint8_t>(text[i]);
  return header_bytes <= file_bytes;
}

}  // namespace

std::string_view recognise_foreign_file(std::span<const std::byte> bytes) {
  constexpr size_t kLookAt = 256;
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), std::min(bytes.size(), kLookAt));
  if (is_safetensors(text, bytes.size()))
    return "a safetensors file: make a GGUF file of its folder with `thimble convert FOLDER --outfile FILE`";
  std::string begin(text);
  std::ranges::transform(begin, begin.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (const Signature& signature : kSignatures) {
    if (begin.starts_with(signature.begin)) return signature.meaning;
  }
  const size_t first = begin.find_first_not_of(" \t\r\n");
  if (first == std::string::npos) return {};
  for (const Signature& signature : kSignatures) {
    if (signature.begin[0] == '<' && begin.compare(first, signature.begin.size(), signature.begin) == 0) {
      return signature.meaning;
    }
  }
  return begin[first] == '{' ? "JSON text, not a model"sv : std::string_view{};
}

}  // namespace thimble
