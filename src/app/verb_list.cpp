#include <filesystem>

#include "app/model_caches.h"
#include "app/model_summary.h"
#include "app/verbs.h"

namespace thimble {
namespace {

struct Row {
  std::string name;
  std::string file;
  uint64_t size = 0;
  std::optional<uint64_t> whole_size;  // of one that is still being fetched
  std::string quantization;
  std::string architecture;  // empty where the file is not whole, or no model that can be read
  std::string location;
  std::string source;
  std::string sha256;
};

void read_header(Row& row) {
  row.quantization = quantization_in(row.file);
  if (row.whole_size) return;
  try {
    const ModelSummary summary = summarise(Gguf::open(row.file));
    row.quantization = summary.file_type;
    row.architecture = summary.architecture;
  } catch (const Error&) {
    // Listed all the same: that is how one finds what to remove.
  }
}

std::vector<Row> rows_of_caches() {
  std::vector<Row> rows;
  for (const StoredModel& model : model_store().list()) {
    Row row{model.name, model.path, model.size, model.whole_size};
    row.location = "thimble";
    if (model.record) {
      row.source = model.record->source;
      row.sha256 = model.record->sha256;
    }
    rows.push_back(std::move(row));
  }
  const HubCache cache = hub_cache();
  for (const HubCacheFile& file : cache.list()) {
    const std::string short_name = fmt::format("hf:{}/{}", file.repository, file.path);
    Row row{short_name, file.file, file.size};
    try {
      if (cache.find(parse_hub_reference(short_name)) != file.file) {
        row.name = fmt::format("hf:{}@{}/{}", file.repository, file.commit, file.path);
      }
    } catch (const Error&) {
      row.name = file.file;  // a name that the hub would not allow
    }
    row.location = "hugging face";
    row.source = short_name;
    rows.push_back(std::move(row));
  }
  for (Row& row : rows) read_header(row);
  return rows;
}

class List : public Command {
 public:
  void declare(OptionTable& options) override {
    options.heading("Output");
    options.flag("--json", is_json_, "Print the list as JSON");
  }

  ExitCode run(Console& console) override {
    const std::vector<Row> rows = rows_of_caches();
    if (is_json_) {
      print_report(console, rows);
    } else {
      print_table(console, rows);
    }
    return ExitCode::done;
  }

 private:
  static void print_report(Console& console, const std::vector<Row>& rows) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const Row& row : rows) {
      nlohmann::ordered_json json = {{"name", row.name},
                                     {"file", row.file},
                                     {"size", row.size},
                                     {"complete", !row.whole_size},
                                     {"quantization", row.quantization},
                                     {"architecture", row.architecture},
                                     {"location", row.location},
                                     {"source", row.source},
                                     {"sha256", row.sha256}};
      if (row.whole_size) json["whole_size"] = *row.whole_size;
      list.push_back(std::move(json));
    }
    console.print_json(list);
  }

  static void print_table(Console& console, const std::vector<Row>& rows) {
    if (rows.empty()) {
      console.note("no models yet; 'thimble pull hf:owner/repository' fetches one");
      return;
    }
    size_t width = 4;
    for (const Row& row : rows) width = std::max(width, printable(row.name).size());
    console.print(
        fmt::format("{:<{}}  {:>12}  {:<8} {:<12} {}\n", "name", width, "size", "type", "architecture", "where"));
    for (const Row& row : rows) {
      std::string where = row.location;
      if (row.whole_size) where += fmt::format(", {} so far", megabyte_text(row.size));
      console.print(fmt::format(
          "{:<{}}  {:>12}  {:<8} {:<12} {}\n", printable(row.name), width,
          megabyte_text(row.whole_size.value_or(row.size)), printable(row.quantization),
          row.architecture.empty() ? row.whole_size ? "being fetched" : "unreadable" : printable(row.architecture),
          where));
    }
  }

  bool is_json_ = false;
};

constexpr Example kExamples[] = {
    {"list", "The models in Thimble's cache and in the Hugging Face cache"},
    {"list --json", "The same for a program, with paths and digests"},
};

}  // namespace

extern const Verb kList;
const Verb kList{"list", "Show the models that are in the caches", kExamples, make_command<List>};

}  // namespace thimble
