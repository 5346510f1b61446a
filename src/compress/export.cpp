#include "compress/export.h"

#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <filesystem>
#include <vector>

#include "base/atomic_file.h"
#include "base/error.h"
#include "compress/export_config.h"
#include "compress/export_plan.h"
#include "compress/vocabulary_export.h"
#include "format/safetensors.h"
#include "quant/type_list.h"

namespace thimble {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kPanelValues = uint64_t{1} << 20;

// A folder under a name of its own beside the final one, which it gets when all is there.
class NewFolder {
 public:
  explicit NewFolder(std::string path) : final_(std::move(path)) {
    while (final_.size() > 1 && final_.ends_with('/')) final_.pop_back();
    std::error_code error;
    if (fs::exists(final_, error) && (!fs::is_directory(final_, error) || !fs::is_empty(final_, error))) {
      fail(ExitCode::usage, "{}: is there already; expected the name of a new folder", printable(final_));
    }
    std::string pattern = final_ + ".XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) {
      fail(ExitCode::failed, "{}: a folder cannot be made: {}", printable(final_), std::strerror(errno));
    }
    path_ = pattern;
    fs::permissions(path_,
                    fs::perms::others_read | fs::perms::others_exec | fs::perms::group_read | fs::perms::group_exec,
                    fs::perm_options::add, error);
  }
  NewFolder(const NewFolder&) = delete;
  NewFolder& operator=(const NewFolder&) = delete;
  ~NewFolder() {
    std::error_code error;
    if (!path_.empty()) fs::remove_all(path_, error);
  }

  const std::string& path() const { return path_; }

  std::string make(const std::string& name) const {
    std::error_code error;
    const std::string folder = path_ + "/" + name;
    if (!fs::create_directory(folder, error)) {
      fail(ExitCode::failed, "{}: a folder cannot be made: {}", printable(folder), error.message());
    }
    return folder;
  }

  void commit() {
    // An empty folder may be taken the place of.
    if (::rename(path_.c_str(), final_.c_str()) != 0) {
      fail(ExitCode::failed, "{}: cannot be given its name: {}", printable(final_), std::strerror(errno));
    }
    path_.clear();
    const std::string parent = fs::path(final_).parent_path().string();
    sync_folder(parent.empty() ? "." : parent);
  }

 private:
  std::string final_;
  std::string path_;  // empty once it has its name
};

void write_json(const std::string& path, const nlohmann::ordered_json& json) {
  AtomicFile file(path);
  file.write(json.dump(2) + "\n");
  file.commit();
}

struct TypeName {
  NumberType type;
  SafetensorsType stored;
  const char* torch;
};
constexpr TypeName kTypes[] = {{NumberType::F32, SafetensorsType::F32, "float32"},
                               {NumberType::F16, SafetensorsType::F16, "float16"},
                               {NumberType::BF16, SafetensorsType::BF16, "bfloat16"}};

const TypeName& name_of_type(NumberType type) { return *std::ranges::find(kTypes, type, &TypeName::type); }

// What most of the file's weights have; F16 where that is none of the three.
NumberType own_type(const Gguf& gguf) {
  uint64_t most = 0;
  NumberType type = NumberType::F16;
  for (const TypeInfo& info : all_types()) {
    uint64_t count = 0;
    for (const GgufTensor& tensor : gguf.tensors()) count += tensor.type == &info ? tensor.elements() : 0;
    if (count <= most) continue;
    most = count;
    type = info.type;
  }
  return std::ranges::find(kTypes, type, &TypeName::type) == std::end(kTypes) ? NumberType::F16 : type;
}

class Exporter {
 public:
  Exporter(const Model& model, const ExportOptions& options)
      : gguf_(model.gguf()), model_(model), options_(options), tensors_(plan_export(model)) {
    result_.type = options.type.value_or(own_type(gguf_));
    result_.tensors = tensors_.size();
    for (const ExportedTensor& tensor : tensors_) {
      types_.push_back(type_of(tensor));
      result_.data_bytes += bytes_of_tensor(types_.size() - 1);
    }
  }

  ExportResult run(const NewFolder& folder) {
    write_weights(folder);
    write_modules(folder);
    write_json(folder.path() + "/config.json", export_config(model_, name_of_type(result_.type).torch));
    if (model_.has_head()) write_json(folder.path() + "/generation_config.json", export_generation_config(gguf_));
    if (gguf_.find("tokenizer.ggml.tokens") != nullptr) export_vocabulary(gguf_, folder.path());
    return result_;
  }

 private:
  uint64_t bytes_of_tensor(size_t i) const { return tensors_[i].elements() * bytes_of(name_of_type(types_[i]).stored); }

  NumberType type_of(const ExportedTensor& tensor) const {
    if (!tensor.is_vector() || result_.type == NumberType::F32) return result_.type;
    const TypeInfo& info = type_info(result_.type);
    std::vector<float> values(tensor.elements()), back(values.size());
    std::vector<std::byte> packed(values.size() * info.block_bytes);
    read_exported_rows(gguf_, tensor, 0, values.size(), values.data());
    info.pack(values.data(), packed.data(), values.size());
    info.unpack(packed.data(), back.data(), back.size());
    return values == back ? result_.type : NumberType::F32;
  }

  void write_weights(const NewFolder& folder) {
    std::vector<std::vector<size_t>> shards(1);
    uint64_t bytes = 0;
    for (size_t i = 0; i < tensors_.size(); ++i) {
      if (!tensors_[i].folder.empty()) continue;
      if (!shards.back().empty() && bytes + bytes_of_tensor(i) > options_.shard_bytes) {
        shards.emplace_back();
        bytes = 0;
      }
      shards.back().push_back(i);
      bytes += bytes_of_tensor(i);
    }
    result_.shards = shards.size();
    nlohmann::ordered_json map = nlohmann::ordered_json::object();
    for (size_t i = 0; i < shards.size(); ++i) {
      const std::string name = shards.size() == 1
                                   ? "model.safetensors"
                                   : fmt::format("model-{:05}-of-{:05}.safetensors", i + 1, shards.size());
      write_file(folder.path() + "/" + name, shards[i]);
      for (const size_t tensor : shards[i]) map[tensors_[tensor].name] = name;
    }
    if (shards.size() == 1) return;
    write_json(folder.path() + "/model.safetensors.index.json",
               {{"metadata", {{"total_size", result_.data_bytes}}}, {"weight_map", std::move(map)}});
  }

  void write_file(const std::string& path, const std::vector<size_t>& indices) {
    SafetensorsWriter writer(path);
    writer.set_metadata("format", "pt");
    for (const size_t i : indices)
      writer.add_tensor(tensors_[i].name, name_of_type(types_[i]).stored, tensors_[i].shape);
    for (const size_t i : indices) write_tensor(writer, tensors_[i], types_[i]);
    writer.commit();
  }

  void write_tensor(SafetensorsWriter& writer, const ExportedTensor& tensor, NumberType type) {
    const TypeInfo& info = type_info(type);
    const uint64_t panel =
        tensor.is_vector() ? tensor.shape[0] : std::max<uint64_t>(1, kPanelValues / tensor.row_values());
    for (uint64_t first = 0; first < tensor.shape[0]; first += panel) {
      const uint64_t count = std::min(panel, tensor.shape[0] - first), values = count * tensor.row_values();
      floats_.resize(values);
      packed_.resize(values * info.block_bytes);
      read_exported_rows(gguf_, tensor, first, count, floats_.data());
      info.pack(floats_.data(), packed_.data(), values);
      if (!info.has_finite_scales(packed_.data(), values)) {
        fail(ExitCode::bad_file, "{}: a value of {} is beyond what {} holds; give --outtype bf16 or f32",
             printable(gguf_.path()), printable(tensor.name), info.name);
      }
      writer.write_data(packed_);
      done_ += packed_.size();
      forget_exported_rows(gguf_, tensor);
      options_.report(done_, result_.data_bytes);
    }
  }

  // Of sentence-transformers: what becomes of the tokens' vectors.
  void write_modules(const NewFolder& folder) {
    constexpr std::string_view kModule = "sentence_transformers.models.";
    const Hyperparameters& h = model_.hyper();
    const Pooling pooling = h.pooling();
    if (pooling != Pooling::mean && pooling != Pooling::cls && pooling != Pooling::last) return;
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    const auto add = [&](const std::string& path, std::string_view kind) {
      list.push_back({{"idx", list.size()},
                      {"name", std::to_string(list.size())},
                      {"path", path},
                      {"type", std::string(kModule) + std::string(kind)}});
    };
    add("", "Transformer");
    add("1_Pooling", "Pooling");
    write_json(folder.make("1_Pooling") + "/config.json", {{"word_embedding_dimension", h.embedding_length},
                                                           {"pooling_mode_cls_token", pooling == Pooling::cls},
                                                           {"pooling_mode_mean_tokens", pooling == Pooling::mean},
                                                           {"pooling_mode_lasttoken", pooling == Pooling::last}});
    for (size_t i = 0; i < tensors_.size(); ++i) {
      const ExportedTensor& tensor = tensors_[i];
      if (tensor.folder.empty()) continue;
      const std::string path = folder.make(tensor.folder);
      add(tensor.folder, "Dense");
      write_json(path + "/config.json", {{"in_features", tensor.shape[1]},
                                         {"out_features", tensor.shape[0]},
                                         {"bias", false},
                                         {"activation_function", "torch.nn.modules.linear.Identity"}});
      write_file(path + "/model.safetensors", {i});
    }
    add(std::to_string(list.size()) + "_Normalize", "Normalize");
    folder.make(std::to_string(list.size() - 1) + "_Normalize");
    write_json(folder.path() + "/modules.json", list);
  }

  const Gguf& gguf_;
  const Model& model_;
  const ExportOptions& options_;
  std::vector<ExportedTensor> tensors_;
  std::vector<NumberType> types_;
  std::vector<float> floats_;
  std::vector<std::byte> packed_;
  uint64_t done_ = 0;
  ExportResult result_;
};

}  // namespace

ExportResult export_model(const std::string& gguf_path, const std::string& folder, const ExportOptions& options) {
  const Gguf gguf = Gguf::open(gguf_path);
  const Model model = Model::bind(gguf, Model::Depth::shapes);
  if (model.spec().checkpoint.model_type.empty()) {
    fail(ExitCode::bad_file, "{}: there is no Hugging Face form of a {} model here", printable(gguf_path),
         model.spec().name);
  }
  Exporter exporter(model, options);
  NewFolder target(folder);
  const ExportResult result = exporter.run(target);
  target.commit();
  return result;
}

}  // namespace thimble
