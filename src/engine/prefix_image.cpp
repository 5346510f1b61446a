#include "engine/prefix_image.h"

#include <cstring>
#include <filesystem>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/mapped_file.h"
#include "text/hash.h"

namespace thimble {
namespace {

constexpr std::string_view kMagic = "thimble\x01";

struct Header {
  char magic[8];
  uint64_t identity;
  uint64_t tokens;
};

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Takes bytes off the front.
std::span<const std::byte> take(std::span<const std::byte>& bytes, size_t count) {
  const auto front = bytes.first(count);
  bytes = bytes.subspan(count);
  return front;
}

template <class Run>
uint64_t total(std::span<const Run> runs) {
  uint64_t sum = 0;
  for (const Run& run : runs) sum += run.size();
  return sum;
}

// Where a ring has been written round, its length counts too.
uint64_t with_layout(uint64_t identity, std::span<const std::span<std::byte>> runs, uint64_t tokens) {
  uint64_t hash = mix(identity ^ tokens);
  for (const auto& run : runs) hash = mix(hash ^ run.size());
  return hash;
}

bool has_magic(std::span<const std::byte> bytes) {
  return bytes.size() >= sizeof(Header) && text_of(bytes.first(kMagic.size())) == kMagic;
}

[[noreturn]] void refuse(const std::string& path) {
  fail(ExitCode::bad_file, "{}: is there, but is no prefix image; give the name of one, or of a file to make",
       printable(path));
}

bool exists(const std::string& path) {
  std::error_code error;
  return std::filesystem::exists(path, error);
}

}  // namespace

void save_prefix(const Session& session, const std::string& path, uint64_t identity) {
  if (exists(path) && !has_magic(MappedFile::open(path).bytes())) refuse(path);
  const std::span<const TokenId> tokens = session.tokens();
  const std::vector<std::span<std::byte>> runs = session.cache_runs(tokens.size());
  Header header{};
  std::memcpy(header.magic, kMagic.data(), kMagic.size());
  header.identity = with_layout(identity, runs, tokens.size());
  header.tokens = tokens.size();
  AtomicFile file(path);
  uint64_t hash = 0;
  const auto write = [&](std::span<const std::byte> bytes) {
    hash = mix(hash ^ hash_text(text_of(bytes)));
    file.write(bytes);
  };
  write(std::as_bytes(std::span(&header, 1)));
  write(std::as_bytes(tokens));
  for (const auto& run : runs) write(run);
  file.write(std::as_bytes(std::span(&hash, 1)));
  file.commit();
}

size_t load_prefix(Session& session, const std::string& path, uint64_t identity) {
  if (!exists(path)) return 0;
  const MappedFile file = MappedFile::open(path);
  std::span<const std::byte> bytes = file.bytes();
  if (!has_magic(bytes)) refuse(path);
  Header header;
  uint64_t hash = 0;
  const auto read = [&](size_t count) {
    const auto part = take(bytes, count);
    hash = mix(hash ^ hash_text(text_of(part)));
    return part;
  };
  std::memcpy(&header, read(sizeof header).data(), sizeof header);
  if (header.tokens == 0 || header.tokens > session.context_length()) return 0;
  const std::vector<std::span<std::byte>> runs = session.cache_runs(header.tokens);
  const uint64_t token_bytes = header.tokens * sizeof(TokenId);
  if (header.identity != with_layout(identity, runs, header.tokens)) return 0;
  if (bytes.size() != token_bytes + total(std::span(runs)) + sizeof hash) return 0;
  std::vector<TokenId> tokens(header.tokens);
  std::memcpy(tokens.data(), read(token_bytes).data(), token_bytes);
  for (const auto& run : runs) std::memcpy(run.data(), read(run.size()).data(), run.size());
  if (std::memcmp(bytes.data(), &hash, sizeof hash) != 0) return 0;
  session.adopt(tokens);
  return tokens.size();
}

}  // namespace thimble
