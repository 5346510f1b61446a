#include "compress/best_quantizer.h"

#include <algorithm>
#include <filesystem>
#include <map>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/mapped_file.h"
#include "compress/best_state.h"
#include "compress/copied_metadata.h"
#include "compress/output_type.h"
#include "compress/tensor_packer.h"
#include "compress/tensor_rows.h"
#include "format/gguf_writer.h"
#include "text/hash.h"

namespace thimble {
namespace {

// What the sample's divergence is measured with: coarse enough to be seen, and there for rows of any multiple of 32.
constexpr NumberType kProbeType = NumberType::IQ4_NL;
constexpr NumberType kMenu[] = {NumberType::Q8_0,   NumberType::Q6_K, NumberType::Q5_K, NumberType::Q5_1,
                                NumberType::Q5_0,   NumberType::Q4_K, NumberType::Q4_1, NumberType::IQ4_NL,
                                NumberType::IQ4_XS, NumberType::Q3_K, NumberType::Q2_K};
constexpr size_t kMeasuredRows = 512;  // of a tensor, for the errors of the formats
constexpr int kMeasuringDescents = 1;
constexpr uint64_t kSmallModel = 300'000'000;  // parameters: below, a larger sample costs little
constexpr size_t kSmallestText = 8;            // chunks

// The rows of a tensor, each read once: its pages are let go.
RowSource rows_of(const Gguf& gguf, const GgufTensor& tensor, const Kernels& kernels) {
  return [&gguf, &tensor, &kernels](uint64_t first, uint64_t count, float* rows) {
    read_rows(gguf, tensor, first, count, rows, &kernels);
    forget_rows(gguf, tensor, first, count);
  };
}

// Some of the tensor's rows, in runs spread over it.
RowSource sampled_rows_of(const Gguf& gguf, const GgufTensor& tensor, uint64_t sampled, const Kernels& kernels) {
  return [&gguf, &tensor, sampled, &kernels](uint64_t first, uint64_t count, float* rows) {
    const uint64_t at = std::min(first * (tensor.rows() / sampled), tensor.rows() - count);
    read_rows(gguf, tensor, at, count, rows, &kernels);
  };
}

bool fits(NumberType type, const GgufTensor& tensor) { return tensor.shape[0] % find_grid(type)->block() == 0; }

uint64_t parameters(const Gguf& gguf) {
  uint64_t sum = 0;
  for (const GgufTensor& tensor : gguf.tensors()) sum += tensor.elements();
  return sum;
}

}  // namespace

BestQuantizer::BestQuantizer(const LanguageModel& language_model, const Kernels& kernels, Team& team,
                             std::span<const TokenId> tokens, const BestOptions& options)
    : language_model_(language_model),
      kernels_(kernels),
      team_(team),
      options_(options),
      model_(language_model.model()) {
  if (!model_.has_head()) {
    fail(ExitCode::usage, "{}: {} models are encoders, whose loss is no KL divergence; use --method rtn",
         model_.gguf().path(), model_.spec().name);
  }
  units_ = rounding_units(model_);
  is_copied_.resize(units_.size());
  measured_.resize(units_.size());
  split_text(tokens);
  state_ = std::make_unique<BestState>(options.state_folder, identity());
  for (auto& [unit, measured] : state_->read(units_.size())) measured_[unit] = std::move(measured);
}

// Whole chunks, spread over the text, the sample's between those to calibrate on.
void BestQuantizer::split_text(std::span<const TokenId> tokens) {
  const size_t size = options_.chunk_tokens, chunks = tokens.size() / size;
  if (chunks < kSmallestText) {
    fail(ExitCode::usage, "the calibration text has {} tokens; at least {} are needed, and {} or more are better",
         tokens.size(), kSmallestText * size, 128 * size);
  }
  const size_t samples = std::min<size_t>(parameters(model_.gguf()) < kSmallModel ? 8 : 4, chunks / 4);
  const Tokenizer& tokenizer = language_model_.tokenizer();
  const auto add = [&](std::vector<TokenId>& to, size_t chunk, size_t count) {
    const size_t begin = to.size();
    const auto from = tokens.subspan(chunk * size, count);
    to.insert(to.end(), from.begin(), from.end());
    if (tokenizer.adds_bos() && tokenizer.bos()) to[begin] = *tokenizer.bos();
  };
  sample_options_.chunk_tokens = std::min(size, sample_options_.chunk_tokens);
  sample_options_.scored = sample_options_.chunk_tokens / 2;
  std::vector<size_t> rest;
  for (size_t chunk = 0, sample = 0; chunk < chunks; ++chunk) {
    if (sample < samples && chunk == (2 * sample + 1) * chunks / (2 * samples)) {
      add(sample_, chunk, sample_options_.chunk_tokens);
      ++sample;
    } else {
      rest.push_back(chunk);
    }
  }
  const uint64_t chunk_bytes = uint64_t{size} * model_.hyper().embedding_length * sizeof(float);
  const size_t used =
      std::min({rest.size(), options_.chunks, std::max<size_t>(options_.residual_bytes / chunk_bytes, 4)});
  for (size_t i = 0; i < used; ++i) add(calibration_, rest[i * rest.size() / used], size);
}

// What must be the same for a kept measurement to hold.
std::string BestQuantizer::identity() const {
  const Gguf& gguf = model_.gguf();
  uint64_t hash = mix(gguf.file_bytes());
  const auto add = [&](std::span<const std::byte> bytes) {
    hash = mix(hash ^ hash_text({reinterpret_cast<const char*>(bytes.data()), bytes.size()}));
  };
  for (const GgufTensor& tensor : gguf.tensors()) {
    add(std::as_bytes(std::span(tensor.name)));
    add(tensor.data.first(std::min<size_t>(tensor.data.size(), 4096)));
  }
  add(std::as_bytes(std::span(calibration_)));
  add(std::as_bytes(std::span(sample_)));
  return fmt::format("{:016x} {} {} {}", hash, options_.chunk_tokens, options_.damping, options_.descents);
}

// Both passes: takes the calibration text through the blocks and calls work(unit, statistics) for each unit that is not done.
template <class Done, class Work>
bool BestQuantizer::walk(const Progress& progress, Done done, Work work) {
  size_t finished = 0;
  for (size_t unit = 0; unit < units_.size(); ++unit) finished += done(unit);
  const size_t kept = finished;
  const auto go_on = [&] { return !progress || progress(finished, units_.size(), kept); };
  if (finished == units_.size()) return go_on();
  const Hyperparameters& h = model_.hyper();
  BlockWalk text(language_model_.model(), kernels_, team_, calibration_, options_.chunk_tokens);
  for (uint32_t block = 0; block <= h.block_count; ++block) {
    const bool outside = block == h.block_count;
    std::map<Role, std::vector<size_t>> readers;
    HessianProbe probe(kernels_, options_.chunk_tokens);
    for (size_t i = 0; i < units_.size(); ++i) {
      if (done(i) || units_[i].block != (outside ? RoundingUnit::kOutsideBlocks : block)) continue;
      readers[units_[i].reader].push_back(i);
      if (!units_[i].is_table()) probe.expect(units_[i].reader, model_.gguf().tensors()[units_[i].tensor].shape[0]);
    }
    if (!outside) {
      if (!text.run_block(block, readers.empty() ? nullptr : &probe, go_on)) return false;
    } else if (readers.contains(Role::output)) {
      // The last half of every fourth chunk: the head reads fewer values than it has tokens there.
      for (size_t chunk = 0; chunk < text.chunk_count(); chunk += 4) {
        if (!go_on()) return false;
        text.logits(chunk, options_.chunk_tokens / 2, &probe, [](size_t, std::span<const float>) {});
      }
    }
    for (const auto& [reader, indices] : readers) {
      const InputStatistics statistics(
          reader == Role::token_embd ? plain_hessian(h.embedding_length) : probe.take(reader), options_.damping,
          kernels_, team_);
      for (const size_t unit : indices) {
        if (!go_on()) return false;
        work(unit, statistics);
        ++finished;
      }
    }
  }
  return go_on();
}

bool BestQuantizer::measure(const Progress& progress) {
  const auto done = [&](size_t unit) { return measured_[unit].has_value(); };
  std::unique_ptr<SensitivityProbe> probe;
  return walk(progress, done, [&](size_t unit, const InputStatistics& statistics) {
    if (!probe) probe = std::make_unique<SensitivityProbe>(model_, kernels_, team_, sample_, sample_options_);
    measured_[unit] = measure_unit(unit, statistics, *probe);
    state_->append(unit, *measured_[unit]);
  });
}

MeasuredTensor BestQuantizer::measure_unit(size_t index, const InputStatistics& statistics, SensitivityProbe& probe) {
  const RoundingUnit& unit = units_[index];
  const Gguf& gguf = model_.gguf();
  const GgufTensor& tensor = gguf.tensors()[unit.tensor];
  const RoundingEffort effort{kMeasuringDescents};
  MeasuredTensor measured;
  std::vector<std::byte> rows(row_bytes(kProbeType, tensor.shape[0]) * tensor.rows());
  round_with_feedback(rows_of(gguf, tensor, kernels_), tensor.rows(), *find_grid(kProbeType), statistics, effort,
                      kernels_, team_, rows.data(), nullptr);
  measured.divergence = divergence_of_rounded(unit, tensor, rows, probe);
  const uint64_t sampled = std::min<uint64_t>(tensor.rows(), kMeasuredRows);
  for (const NumberType type : kMenu) {
    if (!fits(type, tensor)) continue;
    rows.resize(row_bytes(type, tensor.shape[0]) * sampled);
    RoundingLoss loss;
    round_with_feedback(sampled_rows_of(gguf, tensor, sampled, kernels_), sampled, *find_grid(type), statistics, effort,
                        kernels_, team_, rows.data(), &loss);
    measured.errors.emplace_back(type, loss.energy > 0 ? loss.error / loss.energy : 0);
  }
  return measured;
}

// Inside the blocks in full precision, so that what rounding activations to 8 bits costs is not counted with each tensor; the
// tables are too large to be held so.
double BestQuantizer::divergence_of_rounded(const RoundingUnit& unit, const GgufTensor& tensor,
                                            std::span<const std::byte> rows, SensitivityProbe& probe) const {
  if (unit.block == RoundingUnit::kOutsideBlocks) return probe.divergence(unit, kProbeType, rows.data());
  const size_t columns = tensor.shape[0], stride = row_bytes(kProbeType, columns);
  std::vector<std::byte> halves(row_bytes(NumberType::F16, columns) * tensor.rows());
  team_.run([&](Worker& worker) {
    std::vector<float> row(columns);
    worker.for_each_piece(tensor.rows(), 64, [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) {
        const TypeInfo& info = type_info(kProbeType);
        info.unpack(rows.data() + i * stride, row.data(), columns / info.block_size);
        type_info(NumberType::F16).pack(row.data(), halves.data() + i * columns * sizeof(uint16_t), columns);
      }
    });
  });
  return probe.divergence(unit, NumberType::F16, halves.data());
}

void BestQuantizer::choose(uint64_t file_bytes) {
  const Gguf& gguf = model_.gguf();
  uint64_t fixed = gguf.file_bytes();
  for (const RoundingUnit& unit : units_) fixed -= gguf.tensors()[unit.tensor].data.size();
  // Each tensor may begin with up to 32 bytes of padding, and the header may gain a few keys.
  fixed += units_.size() * 32 + 1024;
  choices_.clear();
  for (size_t i = 0; i < units_.size(); ++i) {
    const GgufTensor& tensor = gguf.tensors()[units_[i].tensor];
    const MeasuredTensor& measured = *measured_[i];
    const auto probe = std::ranges::find(measured.errors, kProbeType, &std::pair<NumberType, double>::first);
    TensorChoices choices{std::string(tensor.name), {}};
    for (const auto& [type, error] : measured.errors) {
      const double cost = probe->second > 0 ? measured.divergence * error / probe->second : 0;
      choices.choices.push_back({type, row_bytes(type, tensor.shape[0]) * tensor.rows(), cost});
    }
    choices_.push_back(std::move(choices));
  }
  allocation_ = allocate(choices_, file_bytes > fixed ? file_bytes - fixed : 0);
}

void BestQuantizer::follow(const Gguf& frame, std::span<const std::string> rounded) {
  frame_ = &frame;
  choices_.clear();
  allocation_ = {};
  for (size_t i = 0; i < units_.size(); ++i) {
    const GgufTensor& tensor = model_.gguf().tensors()[units_[i].tensor];
    const GgufTensor* like = frame.find_tensor(tensor.name);
    if (like == nullptr || like->shape != tensor.shape) {
      fail(ExitCode::bad_file, "{}: tensor {} is {}; expected the shape that it has in {}", printable(frame.path()),
           printable(tensor.name), like == nullptr ? "missing" : "another's", printable(model_.gguf().path()));
    }
    is_copied_[i] = std::ranges::find(rounded, tensor.name) == rounded.end();
    choices_.push_back({std::string(tensor.name), {{like->type->type, like->data.size(), 0}}});
    allocation_.picks.push_back(0);
  }
}

const FormatChoice& BestQuantizer::choice(size_t unit) const { return choices_[unit].choices[allocation_.picks[unit]]; }

std::optional<BestResult> BestQuantizer::write(const std::string& path, const Progress& progress) {
  const auto done = [&](size_t unit) {
    return is_copied_[unit] || state_->has_rounded(unit, choice(unit).type, choice(unit).bytes);
  };
  const bool finished = walk(progress, done, [&](size_t unit, const InputStatistics& statistics) {
    const auto& [type, bytes, cost] = choice(unit);
    std::vector<std::byte> rows(bytes);
    round_unit(unit, type, statistics, rows);
    state_->write_rounded(unit, type, rows);
  });
  if (!finished) return std::nullopt;
  write_tensors(path);
  BestResult result = measure_result();
  result.bytes = std::filesystem::file_size(path);
  state_->remove_rounded();
  return result;
}

// A format that is no grid is rounded by its own search, with the Hessian's diagonal for what matters.
void BestQuantizer::round_unit(size_t index, NumberType type, const InputStatistics& statistics,
                               std::span<std::byte> rows) const {
  const Gguf& gguf = model_.gguf();
  const GgufTensor& tensor = gguf.tensors()[units_[index].tensor];
  const RowSource source = rows_of(gguf, tensor, kernels_);
  if (const Grid* grid = find_grid(type)) {
    round_with_feedback(source, tensor.rows(), *grid, statistics, {options_.descents}, kernels_, team_, rows.data(),
                        nullptr);
    return;
  }
  ImatrixEntry importance{std::vector<float>(tensor.shape[0]), {1}};
  for (size_t i = 0; i < importance.sums.size(); ++i) importance.sums[i] = statistics.hessian.row(i)[i];
  std::vector<PackBench> benches(team_.size());
  TensorPacker packer(tensor, type, &importance, source, kernels_, benches);
  const size_t stride = row_bytes(type, tensor.shape[0]);
  for (uint64_t first = 0; first < tensor.rows(); first += packer.panel_rows()) {
    const size_t count = std::min<uint64_t>(packer.panel_rows(), tensor.rows() - first);
    std::ranges::copy(packer.pack(team_, first, count), rows.begin() + static_cast<ptrdiff_t>(first * stride));
  }
}

void BestQuantizer::write_tensors(const std::string& path) const {
  std::map<std::string_view, size_t> rounded;
  for (size_t i = 0; i < units_.size(); ++i) {
    if (!is_copied_[i]) rounded[model_.gguf().tensors()[units_[i].tensor].name] = i;
  }
  GgufWriter writer(path, static_cast<uint32_t>(frame().alignment()));
  copy_metadata(frame(), file_type(), writer);
  for (const GgufTensor& tensor : frame().tensors()) {
    const auto unit = rounded.find(tensor.name);
    writer.add_tensor(tensor.name, std::span(tensor.shape).first(tensor.axes),
                      unit == rounded.end() ? tensor.type->type : choice(unit->second).type);
  }
  for (const GgufTensor& tensor : frame().tensors()) {
    const auto unit = rounded.find(tensor.name);
    if (unit == rounded.end()) {
      writer.write_data(tensor.data);
      continue;
    }
    const MappedFile file = state_->open_rounded(unit->second, choice(unit->second).type);
    writer.write_data(file.bytes());
  }
  writer.commit();
}

// llama.cpp's number for a file's type: that of the format most weights have.
uint32_t BestQuantizer::file_type() const {
  if (frame_ != nullptr) {
    if (const auto type = frame_->unsigned_integer("general.file_type")) return static_cast<uint32_t>(*type);
  }
  std::map<NumberType, uint64_t> elements;
  for (size_t i = 0; i < units_.size(); ++i)
    elements[choice(i).type] += model_.gguf().tensors()[units_[i].tensor].elements();
  const auto most = std::ranges::max_element(elements, {}, [](const auto& pair) { return pair.second; });
  return file_type_id(most->first);
}

// The divergence of the rounded weights on the sample, and what was chosen.
BestResult BestQuantizer::measure_result() {
  BestResult result;
  SensitivityProbe probe(model_, kernels_, team_, sample_, sample_options_);
  std::vector<MappedFile> rounded;
  rounded.reserve(units_.size());
  for (size_t i = 0; i < units_.size(); ++i) {
    const GgufTensor& tensor = model_.gguf().tensors()[units_[i].tensor];
    const auto& [type, bytes, cost] = choice(i);
    if (is_copied_[i]) {
      replace_unit(model_, units_[i], type, frame().find_tensor(tensor.name)->data.data());
      continue;
    }
    rounded.push_back(state_->open_rounded(i, type));
    replace_unit(model_, units_[i], type, rounded.back().bytes().data());
    result.tensors.push_back({std::string(tensor.name), tensor.type->type, type, tensor.elements(), bytes, cost});
  }
  result.predicted_divergence = allocation_.cost;
  result.divergence = probe.divergence();
  result.scored_tokens = probe.scored_tokens();
  for (const RoundingUnit& unit : units_) restore_unit(model_, unit);
  return result;
}

}  // namespace thimble
