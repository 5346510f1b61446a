#include "format/imatrix.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstring>
#include <limits>
#include <span>

#include "base/error.h"
#include "format/gguf_limits.h"
#include "format/gguf_writer.h"
#include "format/sniff.h"

namespace thimble {
namespace {

constexpr std::string_view kSums = ".in_sum2";
constexpr std::string_view kCounts = ".counts";
constexpr std::string_view kDatasets = "imatrix.datasets";
constexpr std::string_view kChunkCount = "imatrix.chunk_count";
constexpr std::string_view kChunkSize = "imatrix.chunk_size";
// Above it neighbouring whole numbers are no longer told apart by a double; no text is that long.
constexpr double kMostCount = 9007199254740992.0;

float value_at(std::span<const std::byte> data, size_t index) {
  float value;
  std::memcpy(&value, data.data() + index * sizeof value, sizeof value);
  return value;
}

std::vector<float> checked_sums(const std::string& path, std::string_view tensor, std::span<const std::byte> data) {
  std::vector<float> sums(data.size() / sizeof(float));
  std::memcpy(sums.data(), data.data(), data.size());
  const auto bad = std::ranges::find_if(sums, [](float sum) { return !std::isfinite(sum) || sum < 0; });
  if (bad != sums.end()) {
    fail(ExitCode::bad_file,
         "{}: imatrix of tensor '{}': value {} is {}; a sum of squares is a number and not negative", printable(path),
         printable(tensor), bad - sums.begin(), *bad);
  }
  return sums;
}

uint64_t checked_count(const std::string& path, std::string_view tensor, double count) {
  if (!(count >= 0 && count <= kMostCount)) {
    fail(ExitCode::bad_file, "{}: imatrix of tensor '{}': a count is {}, expected a whole number from 0",
         printable(path), printable(tensor), count);
  }
  return static_cast<uint64_t>(std::llround(count));
}

void require_something_seen(const std::string& path, std::string_view tensor, const ImatrixEntry& entry) {
  if (std::ranges::any_of(entry.counts, [](uint64_t count) { return count > 0; })) return;
  fail(ExitCode::bad_file, "{}: imatrix of tensor '{}' is empty: its count is 0; make it again from a longer text",
       printable(path), printable(tensor));
}

const GgufTensor& part_of_entry(const Gguf& gguf, std::string_view tensor, std::string_view suffix) {
  const GgufTensor* part = gguf.find_tensor(fmt::format("{}{}", tensor, suffix));
  if (part == nullptr) {
    fail(ExitCode::bad_file, "{}: imatrix of tensor '{}': there is no '{}{}' beside it", printable(gguf.path()),
         printable(tensor), printable(tensor), suffix);
  }
  if (part->type->type != NumberType::F32) {
    fail(ExitCode::bad_file, "{}: tensor '{}' is {}, expected F32", printable(gguf.path()), printable(part->name),
         part->type->name);
  }
  return *part;
}

ImatrixEntry read_entry(const Gguf& gguf, std::string_view tensor) {
  const GgufTensor& sums = part_of_entry(gguf, tensor, kSums);
  const GgufTensor& counts = part_of_entry(gguf, tensor, kCounts);
  if (counts.elements() == 0 || sums.elements() % counts.elements() != 0 || sums.elements() == 0) {
    fail(ExitCode::bad_file, "{}: imatrix of tensor '{}' has {} sums for {} counts", printable(gguf.path()),
         printable(tensor), sums.elements(), counts.elements());
  }
  ImatrixEntry entry{checked_sums(gguf.path(), tensor, sums.data), {}};
  for (size_t i = 0; i < counts.elements(); ++i) {
    entry.counts.push_back(checked_count(gguf.path(), tensor, value_at(counts.data, i)));
  }
  return entry;
}

uint32_t required_metadata(const Gguf& gguf, std::string_view key) {
  const std::optional<uint64_t> value = gguf.unsigned_integer(key);
  if (!value) fail(ExitCode::bad_file, "{}: the imatrix has no {}", printable(gguf.path()), key);
  if (*value > std::numeric_limits<uint32_t>::max()) {
    fail(ExitCode::bad_file, "{}: {} is {}, expected at most {}", printable(gguf.path()), key, *value,
         std::numeric_limits<uint32_t>::max());
  }
  return static_cast<uint32_t>(*value);
}

// The .dat form: the number of entries; for each the length of its name, the name, the number of chunks, the number of values and
// these, each the mean square times the number of chunks; then, may be missing, the number of chunks and the text's name.
class DatReader {
 public:
  explicit DatReader(const MappedFile& file) : file_(file) {}

  Imatrix read() {
    Imatrix imatrix;
    imatrix.path = file_.path();
    const int32_t entries = integer("the number of entries");
    if (entries < 1 || static_cast<uint64_t>(entries) > gguf_limits::kEntries) {
      refuse(
          fmt::format("it begins with {} as its number of entries, expected 1 to {}", entries, gguf_limits::kEntries));
    }
    for (int32_t i = 0; i < entries; ++i) read_entry(imatrix);
    if (at_ < file_.bytes().size()) read_trailer(imatrix);
    return imatrix;
  }

 private:
  [[noreturn]] void refuse(std::string_view fault) const {
    const std::string_view foreign = recognise_foreign_file(file_.bytes());
    fail(ExitCode::bad_file, "{}: no imatrix, neither of the GGUF nor of the .dat form: {}", printable(file_.path()),
         foreign.empty() ? fault : foreign);
  }

  std::span<const std::byte> take(uint64_t bytes, std::string_view what) {
    if (bytes > file_.bytes().size() - at_) {
      refuse(fmt::format("the file ends in {} at byte {}", what, file_.bytes().size()));
    }
    at_ += bytes;
    return file_.bytes().subspan(at_ - bytes, bytes);
  }

  int32_t integer(std::string_view what) {
    int32_t value;
    std::memcpy(&value, take(sizeof value, what).data(), sizeof value);
    return value;
  }

  std::string text(int32_t least, std::string_view what) {
    const int32_t length = integer(what);
    if (length < least) refuse(fmt::format("{} is {} bytes long", what, length));
    const std::span<const std::byte> bytes = take(static_cast<uint64_t>(length), what);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  void read_entry(Imatrix& imatrix) {
    const std::string name = text(1, "a tensor's name");
    if (name.size() > gguf_limits::kTensorNameBytes) refuse("a tensor's name is too long");
    const int32_t chunks = integer("a number of chunks");
    const int32_t values = integer("a number of values");
    if (values < 1) refuse(fmt::format("tensor '{}' has {} values", printable(name), values));
    const std::span<const std::byte> data = take(static_cast<uint64_t>(values) * sizeof(float), "a tensor's values");
    ImatrixEntry entry{checked_sums(file_.path(), name, data), {checked_count(file_.path(), name, chunks)}};
    require_something_seen(file_.path(), name, entry);
    if (!imatrix.entries.emplace(name, std::move(entry)).second) {
      refuse(fmt::format("tensor '{}' is there twice", printable(name)));
    }
  }

  void read_trailer(Imatrix& imatrix) {
    imatrix.chunk_count = static_cast<uint32_t>(std::max(integer("the number of chunks"), 0));
    if (at_ < file_.bytes().size()) imatrix.datasets.push_back(text(0, "the name of the text"));
  }

  const MappedFile& file_;
  uint64_t at_ = 0;
};

bool is_gguf(const MappedFile& file) {
  constexpr std::string_view kMagic = "GGUF";
  return file.bytes().size() >= kMagic.size() && std::memcmp(file.bytes().data(), kMagic.data(), kMagic.size()) == 0;
}

void add_tensor(GgufWriter& writer, const std::string& name, uint64_t columns, uint64_t matrices) {
  const uint64_t shape[] = {columns, matrices};
  // As ggml has it: axes of length 1 at the end are left out.
  writer.add_tensor(name, std::span(shape).first(matrices == 1 ? 1 : 2), NumberType::F32);
}

}  // namespace

std::vector<float> ImatrixEntry::mean_squares() const {
  std::vector<float> means(sums);
  for (size_t matrix = 0; matrix < counts.size(); ++matrix) {
    const auto count = static_cast<float>(counts[matrix]);
    for (float& mean : std::span(means).subspan(matrix * columns(), columns())) mean = count > 0 ? mean / count : 1.0f;
  }
  return means;
}

Imatrix Imatrix::read(const std::string& path) {
  const MappedFile file = MappedFile::open(path);
  return is_gguf(file) ? read(Gguf::open(path)) : DatReader(file).read();
}

Imatrix Imatrix::read(const Gguf& gguf) {
  const std::string type(gguf.string("general.type").value_or("model"));
  if (type != "imatrix") {
    fail(ExitCode::bad_file, "{}: no imatrix: general.type is '{}', expected 'imatrix'", printable(gguf.path()),
         printable(type));
  }
  Imatrix imatrix;
  imatrix.path = gguf.path();
  if (gguf.find(kDatasets) == nullptr) {
    fail(ExitCode::bad_file, "{}: the imatrix has no {}", printable(gguf.path()), kDatasets);
  }
  for (const std::string_view name : gguf.string_array(kDatasets)) imatrix.datasets.emplace_back(name);
  imatrix.chunk_count = required_metadata(gguf, kChunkCount);
  imatrix.chunk_size = required_metadata(gguf, kChunkSize);
  if (imatrix.chunk_size == 0) fail(ExitCode::bad_file, "{}: {} is 0", printable(gguf.path()), kChunkSize);
  for (const GgufTensor& tensor : gguf.tensors()) {
    const bool is_sums = tensor.name.ends_with(kSums);
    if (!is_sums && !tensor.name.ends_with(kCounts)) continue;
    const std::string_view name = tensor.name.substr(0, tensor.name.size() - (is_sums ? kSums : kCounts).size());
    if (imatrix.entries.contains(name)) continue;
    ImatrixEntry entry = read_entry(gguf, name);
    require_something_seen(gguf.path(), name, entry);
    imatrix.entries.emplace(name, std::move(entry));
  }
  if (imatrix.entries.empty()) fail(ExitCode::bad_file, "{}: the imatrix has no entries", printable(gguf.path()));
  return imatrix;
}

void Imatrix::write(const std::string& to) const {
  GgufWriter writer(to);
  write(writer);
  writer.commit();
}

void Imatrix::write(GgufWriter& writer) const {
  assert(chunk_size != 0);
  writer.set("general.type", "imatrix");
  const std::vector<std::string_view> names(datasets.begin(), datasets.end());
  writer.set(kDatasets, std::span(names));
  writer.set(kChunkCount, chunk_count);
  writer.set(kChunkSize, chunk_size);
  for (const auto& [name, entry] : entries) {
    add_tensor(writer, fmt::format("{}{}", name, kSums), entry.columns(), entry.counts.size());
    add_tensor(writer, fmt::format("{}{}", name, kCounts), 1, entry.counts.size());
  }
  for (const auto& [name, entry] : entries) {
    writer.write_data(std::as_bytes(std::span(entry.sums)));
    const std::vector<float> counts(entry.counts.begin(), entry.counts.end());
    writer.write_data(std::as_bytes(std::span(counts)));
  }
}

const ImatrixEntry* Imatrix::find(std::string_view tensor) const {
  const auto found = entries.find(tensor);
  return found == entries.end() ? nullptr : &found->second;
}

void Imatrix::require_match(const Gguf& model) const {
  for (const auto& [name, entry] : entries) {
    const GgufTensor* tensor = model.find_tensor(name);
    if (tensor == nullptr) {
      fail(ExitCode::bad_file, "{}: an imatrix of another model: {} has no tensor '{}'", printable(path),
           printable(model.path()), printable(name));
    }
    const uint64_t matrices = tensor->shape[2] * tensor->shape[3];
    const bool counts_fit = entry.counts.size() == 1 || entry.counts.size() == matrices;
    if (!counts_fit || entry.sums.size() != tensor->shape[0] * matrices) {
      fail(ExitCode::bad_file, "{}: an imatrix of another model: tensor '{}' has {} values, {} expects {}",
           printable(path), printable(name), entry.sums.size(), printable(model.path()), tensor->shape[0] * matrices);
    }
    if (std::ranges::all_of(entry.sums, [](float sum) { return sum == 0; })) {
      fail(ExitCode::bad_file, "{}: imatrix of tensor '{}' is empty: every value is 0; make it again from another text",
           printable(path), printable(name));
    }
  }
}

void Imatrix::resolve_chunk_size(uint32_t chunk_tokens) {
  if (chunk_size != 0) return;
  chunk_size = chunk_tokens;
  for (auto& [name, entry] : entries) {
    for (float& sum : entry.sums) sum *= static_cast<float>(chunk_tokens);
    for (uint64_t& count : entry.counts) count *= chunk_tokens;
  }
}

// As llama.cpp has it: the whole chunks that the most often used tensor saw.
void Imatrix::count_chunks() {
  uint64_t most = 0;
  for (const auto& [name, entry] : entries) most = std::max(most, *std::ranges::max_element(entry.counts));
  chunk_count = static_cast<uint32_t>(std::min<uint64_t>(most / chunk_size, std::numeric_limits<uint32_t>::max()));
}

void Imatrix::merge(const Imatrix& other, uint32_t chunk_tokens) {
  Imatrix added = other;
  if (chunk_size == 0 && entries.empty()) chunk_size = chunk_tokens;
  resolve_chunk_size(chunk_tokens);
  added.resolve_chunk_size(chunk_tokens);
  for (auto& [name, entry] : added.entries) {
    const auto [place, is_new] = entries.try_emplace(name, entry);
    if (is_new) continue;
    ImatrixEntry& mine = place->second;
    if (mine.counts.size() == 1 && entry.counts.size() > 1) mine.counts.resize(entry.counts.size(), mine.counts[0]);
    if (mine.counts.size() != entry.counts.size() || mine.sums.size() != entry.sums.size()) {
      fail(ExitCode::bad_file, "{}: an imatrix of another model: tensor '{}' has {} values, the others have {}",
           printable(other.path), printable(name), entry.sums.size(), mine.sums.size());
    }
    for (size_t i = 0; i < entry.sums.size(); ++i) mine.sums[i] += entry.sums[i];
    if (!std::ranges::all_of(mine.sums, [](float sum) { return std::isfinite(sum); })) {
      fail(ExitCode::bad_file, "{}: imatrix of tensor '{}': its sums are too large to be added to the others",
           printable(other.path), printable(name));
    }
    for (size_t i = 0; i < entry.counts.size(); ++i) mine.counts[i] += entry.counts[i];
  }
  datasets.insert(datasets.end(), other.datasets.begin(), other.datasets.end());
  count_chunks();
}

}  // namespace thimble
