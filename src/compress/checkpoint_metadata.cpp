#include "compress/checkpoint_metadata.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <vector>

#include "compress/model_card.h"
#include "compress/model_name.h"
#include "format/json_text.h"

namespace thimble {
namespace {

struct Sampling {
  const char* gguf;  // after "general.sampling."
  const char* hf;
  bool is_integer;
};
constexpr Sampling kSampling[] = {{"top_k", "top_k", true},
                                  {"top_p", "top_p", false},
                                  {"min_p", "min_p", false},
                                  {"temp", "temperature", false},
                                  {"penalty_repeat", "penalty_repeat|repetition_penalty", false}};

void write_sampling(const std::string& folder, GgufWriter& writer) {
  const std::string path = folder + "/generation_config.json";
  if (!std::filesystem::exists(path)) return;
  const nlohmann::json config = read_json_file(path);
  for (const Sampling& row : kSampling) {
    const nlohmann::json* value = find_value(config, row.hf);
    if (value == nullptr || !value->is_number() || !(std::abs(value->get<double>()) <= 1e9)) continue;
    const std::string key = std::string("general.sampling.") + row.gguf;
    if (row.is_integer) {
      writer.set(key, static_cast<int32_t>(value->get<double>()));
    } else {
      writer.set(key, static_cast<float>(value->get<double>()));
    }
  }
}

void fill(std::string& into, const std::string& value) {
  if (into.empty()) into = value;
}

void fill(ModelName& into, const ModelName& from) {
  fill(into.name, title_of(from.name));
  fill(into.organization, title_of(from.organization));
  fill(into.basename, from.basename);
  fill(into.finetune, from.finetune);
  fill(into.version, from.version);
  fill(into.size_label, from.size_label);
}

// "owner/name", or a page at a hub.
void write_origin(const std::string& prefix, const std::string& id, uint64_t parameters, GgufWriter& writer) {
  constexpr std::string_view kHub = "https://huggingface.co/";
  std::string name = id;
  const bool is_page = id.find("://") != std::string::npos;
  if (is_page) {
    writer.set(prefix + "repo_url", id);
    if (!id.starts_with(kHub) || std::ranges::count(id, '/') != 4) return;
    name = id.substr(kHub.size());
  }
  const ModelName parts = take_apart(name, parameters);
  writer.set(prefix + "name", title_of(parts.name));
  if (!parts.organization.empty()) writer.set(prefix + "organization", title_of(parts.organization));
  if (!parts.version.empty()) writer.set(prefix + "version", parts.version);
  if (!is_page && !parts.organization.empty()) {
    writer.set(prefix + "repo_url", fmt::format("{}{}/{}", kHub, parts.organization, parts.name));
  }
}

void write_list(const std::string& key, const std::vector<std::string>& texts, GgufWriter& writer) {
  if (texts.empty()) return;
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  writer.set(key, std::span<const std::string_view>(views));
}

void write_card(const ModelCard& card, uint64_t parameters, GgufWriter& writer) {
  for (const auto& [kind, ours] :
       {std::pair("base_model", "general.base_model."), std::pair("datasets", "general.dataset.")}) {
    const std::vector<std::string> ids = card.texts(kind);
    if (ids.empty()) continue;
    writer.set(std::string(ours) + "count", static_cast<uint32_t>(ids.size()));
    for (size_t i = 0; i < ids.size(); ++i) write_origin(fmt::format("{}{}.", ours, i), ids[i], parameters, writer);
  }
  const std::vector<std::string> licenses = card.texts("license");
  if (!licenses.empty()) writer.set("general.license", fmt::format("{}", fmt::join(licenses, ",")));
  if (const std::string name = card.text("license_name"); !name.empty()) writer.set("general.license.name", name);
  if (const std::string link = card.text("license_link"); !link.empty()) writer.set("general.license.link", link);
  std::vector<std::string> tags = card.texts("tags");
  for (const std::string& task : card.texts("pipeline_tag")) tags.push_back(task);
  write_list("general.tags", tags, writer);
  write_list("general.languages", card.texts("language"), writer);
}

}  // namespace

void write_general_metadata(const std::string& folder, const CheckpointConfig& config, uint64_t parameters,
                            GgufWriter& writer) {
  const ModelCard card = ModelCard::read(folder);
  ModelName name{.name = card.text("name|model_name"),
                 .organization = card.text("organization|model_organization"),
                 .basename = card.text("basename|model_basename|model_type"),
                 .finetune = card.text("finetune|model_finetune"),
                 .version = card.text("version|model_version"),
                 .size_label = card.text("size_label|model_size_label")};
  const nlohmann::json* given = find_value(config.raw(), "_name_or_path");
  if (given != nullptr && given->is_string() && std::ranges::count(given->get<std::string>(), '/') <= 1) {
    fill(name, take_apart(given->get<std::string>(), parameters));
  }
  const std::filesystem::path path = std::filesystem::weakly_canonical(folder);
  fill(name, take_apart(path.filename().string(), parameters));
  fill(name.size_label, size_label_of(parameters));
  write_sampling(folder, writer);
  writer.set("general.name", name.name);
  for (const auto& [key, text] :
       {std::pair("author", card.text("author|model_author|model_creator")), std::pair("version", name.version),
        std::pair("organization", name.organization), std::pair("finetune", name.finetune),
        std::pair("basename", name.basename), std::pair("description", card.text("description|model_description")),
        std::pair("size_label", name.size_label)}) {
    if (!text.empty()) writer.set(std::string("general.") + key, text);
  }
  write_card(card, parameters, writer);
}

}  // namespace thimble
