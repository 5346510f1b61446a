#include "app/model_caches.h"
#include "app/model_summary.h"
#include "app/verbs.h"

namespace thimble {
namespace {

class Rm : public Command {
 public:
  void declare(OptionTable& options) override {
    options.heading("Model");
    options
        .texts("NAME", "NAME", names_, "A model in Thimble's cache, as 'thimble list' names it, or hf:owner/repository")
        .required();
    options.heading("Output");
    options.flag("--json", is_json_, "Print what was removed as JSON");
  }

  ExitCode run(Console& console) override {
    ModelStore store = model_store();
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    uint64_t freed = 0;
    for (const std::string& name : names_) {
      const ModelStore::Removal removal = store.remove(name);
      freed += removal.freed_bytes;
      list.push_back({{"name", name}, {"files", removal.paths}, {"freed_bytes", removal.freed_bytes}});
      if (!is_json_) {
        console.print(fmt::format("removed {}: {} freed\n", printable(name), megabyte_text(removal.freed_bytes)));
        console.flush();
      }
    }
    if (is_json_) console.print_json({{"removed", std::move(list)}, {"freed_bytes", freed}});
    return ExitCode::done;
  }

 private:
  std::vector<std::string> names_;
  bool is_json_ = false;
};

constexpr Example kExamples[] = {
    {"rm hf:Qwen/Qwen2.5-0.5B-Instruct-GGUF:Q8_0", "Remove one quantization of a model"},
    {"rm mine", "Remove a model by its name, and what has come of one that is not whole"},
};

}  // namespace

extern const Verb kRm;
const Verb kRm{"rm", "Remove models from Thimble's cache", kExamples, make_command<Rm>};

}  // namespace thimble
