#include "app/grammar_options.h"

#include "app/text_input.h"
#include "base/error.h"
#include "text/gbnf.h"
#include "text/json_schema.h"
#include "text/regular_expression.h"

namespace thimble {
namespace {

// What the compiler says, behind the option or the file that it is about.
template <class Compile>
std::shared_ptr<const Grammar> compiled(std::string_view source, Compile compile) {
  try {
    return std::make_shared<const Grammar>(compile());
  } catch (const Error& error) {
    fail(error.code(), "{}: {}", source, error.what());
  }
}

}  // namespace

void GrammarOptions::declare(OptionTable& options) {
  options.heading("Form of the answer");
  options.text("--grammar", "GRAMMAR", grammar, "Grammar in GBNF that the answer keeps to").only_one_of("grammar");
  options.text("--grammar-file", "FILE", grammar_file, "File with such a grammar").only_one_of("grammar").path();
  options.text("-j,--json-schema", "SCHEMA", json_schema, "JSON schema that the answer satisfies, {} for any JSON")
      .only_one_of("grammar");
  options.text("-jf,--json-schema-file", "FILE", json_schema_file, "File with such a schema")
      .only_one_of("grammar")
      .path();
  options.text("--regex", "PATTERN", regex, "Regular expression that the whole answer matches").only_one_of("grammar");
}

std::shared_ptr<const Grammar> GrammarOptions::compile() const {
  if (grammar) return compiled("--grammar", [&] { return compile_gbnf(*grammar); });
  if (grammar_file) return compiled(printable(*grammar_file), [&] { return compile_gbnf(read_text(*grammar_file)); });
  if (json_schema) return compiled("--json-schema", [&] { return compile_json_schema_text(*json_schema); });
  if (json_schema_file) {
    return compiled(printable(*json_schema_file),
                    [&] { return compile_json_schema_text(read_text(*json_schema_file)); });
  }
  if (regex) return compiled("--regex", [&] { return compile_regular_expression(*regex); });
  return nullptr;
}

std::unique_ptr<TokenConstraint> make_constraint(std::shared_ptr<const Grammar> grammar, const Tokenizer& tokenizer) {
  if (grammar == nullptr) return nullptr;
  return std::make_unique<TokenConstraint>(std::move(grammar), std::make_shared<const VocabularyTrie>(tokenizer),
                                           tokenizer);
}

}  // namespace thimble
