#include <fmt/ranges.h>

#include "app/option_groups.h"
#include "app/paths.h"
#include "app/text_input.h"
#include "app/verbs.h"

namespace thimble {
namespace {

class Tokenize : public Command {
 public:
  void declare(OptionTable& options) override {
    model_.declare_model(options);
    model_.declare_pre_tokenizer(options);
    options.heading("Text");
    options.text("TEXT", "TEXT", text_, "The text; without it and without --file, standard input").only_one_of("text");
    options.text("-f,--file", "FILE", file_, "File with the text, - for standard input").only_one_of("text").path();
    options.flag("--no-special", no_special_, "Do not add the tokens that the model begins or ends a text with");
    options.flag("--parse-special", parse_special_, "Read control tokens that the text spells out as such");
    options.heading("Output");
    options.flag("--ids", ids_only_, "Print the ids alone, in one line");
    options.flag("--json", json_, "Print the result as JSON");
  }

  ExitCode run(Console& console) override {
    if (!text_ && !file_ && input_is_terminal()) {
      fail(ExitCode::usage, "tokenize: a text is required: TEXT, --file FILE, or text on standard input");
    }
    const Gguf gguf = Gguf::open(resolve_model(model_.model));
    const Tokenizer tokenizer = Tokenizer::from_gguf(gguf, model_.pre_tokenizer);
    const std::string text = text_ ? *text_ : read_text(file_.value_or("-"));
    const std::vector<TokenId> ids =
        tokenizer.encode(text, {.add_special = !no_special_, .parse_special = parse_special_});
    if (json_) {
      print_json(console, tokenizer, ids);
    } else if (ids_only_) {
      console.print(fmt::format("{}\n", fmt::join(ids, " ")));
    } else {
      for (const TokenId id : ids)
        console.print(fmt::format("{:>7}  '{}'\n", id, printable(tokenizer.piece(id, true))));
    }
    return ExitCode::done;
  }

 private:
  static void print_json(Console& console, const Tokenizer& tokenizer, const std::vector<TokenId>& ids) {
    nlohmann::ordered_json pieces = nlohmann::ordered_json::array();
    for (const TokenId id : ids) pieces.push_back(tokenizer.piece(id, true));
    console.print_json({{"tokens", ids}, {"pieces", std::move(pieces)}, {"count", ids.size()}});
  }

  ModelOptions model_;
  std::optional<std::string> text_;
  std::optional<std::string> file_;
  bool no_special_ = false;
  bool parse_special_ = false;
  bool ids_only_ = false;
  bool json_ = false;
};

constexpr Example kExamples[] = {
    {"tokenize -m model.gguf \"Check the valve.\"", "The tokens of a text, one a line"},
    {"tokenize -m model.gguf --file manual.txt --ids", "The ids alone"},
};

}  // namespace

extern const Verb kTokenize;
const Verb kTokenize{"tokenize", "Show the tokens of a text", kExamples, make_command<Tokenize>};

}  // namespace thimble
