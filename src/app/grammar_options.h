// What an answer has to keep to, as options: a grammar, a JSON schema or a regular expression.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "app/option_table.h"
#include "text/token_constraint.h"

namespace thimble {

struct GrammarOptions {
  std::optional<std::string> grammar;
  std::optional<std::string> grammar_file;
  std::optional<std::string> json_schema;
  std::optional<std::string> json_schema_file;
  std::optional<std::string> regex;
  void declare(OptionTable& options);

  // Null where none is given. Throws Error(usage) for what is no grammar or not supported.
  std::shared_ptr<const Grammar> compile() const;
};

// Null without a grammar. The tokenizer must outlive it.
std::unique_ptr<TokenConstraint> make_constraint(std::shared_ptr<const Grammar> grammar, const Tokenizer& tokenizer);

}  // namespace thimble
