// A schema as rules of a grammar: one rule for each object, array, restricted string or number and for each reference, so that
// what is used often is there once.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/dfa.h"
#include "text/grammar_rules.h"
#include "text/json_schema.h"
#include "text/json_schema_flatten.h"
#include "text/json_schema_merge.h"

namespace thimble::json_schema {

class SchemaCompiler {
 public:
  // `root` must outlive it.
  SchemaCompiler(const Json& root, const JsonSchemaOptions& options, CompileBudget& budget)
      : root_(root), options_(options), budget_(budget), flattener_(root, budget) {}

  // The rule of the whole schema.
  RuleId compile();
  const GrammarRules& rules() const { return rules_; }

 private:
  // Documents that satisfy the schema; ones that need a rule are a call of it.
  ExprId documents(const Located& at);
  ExprId referenced(const std::string& reference, const std::string& path);
  ExprId choice_of(const Json& branches, const std::string& path);
  ExprId flat_documents(const Json& schema, const std::string& path);
  ExprId listed_documents(const Json& schema, const std::string& path);
  ExprId scalar(const Json& schema, const std::string& type, const std::string& path);
  ExprId object(const Json& schema, const std::string& path);
  ExprId array(const Json& schema, const std::string& path);
  ExprId as_rule(std::string name, ExprId right_side);

  // What is defined once for all of the schema.
  ExprId any_value();
  ExprId any_string();
  ExprId any_number();
  ExprId any_integer();
  ExprId character();
  ExprId strings_of_length(uint32_t least, uint32_t most);
  ExprId shared(const std::string& key, const std::function<ExprId()>& make);

  // json_schema_object.cpp
  struct Property {
    std::string name;
    Json schema;
    std::string path;
    bool is_required;
  };
  // A kind of names that are not listed, and what such properties hold.
  struct FurtherProperties {
    ExprId key;
    ExprId value;
  };
  std::vector<Property> listed_properties(const Json& schema, const std::string& path);
  std::vector<FurtherProperties> further_properties(const Json& schema, const std::vector<Property>& listed,
                                                    const std::string& path);
  std::optional<Dfa> allowed_names(const Json& schema, const std::string& path);
  ExprId object_network(const std::vector<Property>& listed, const std::vector<FurtherProperties>& further,
                        const Json& schema, const std::string& path);
  void refuse_array_keywords(const Json& schema, const std::string& path) const;

  const Json& root_;
  JsonSchemaOptions options_;
  CompileBudget& budget_;
  GrammarRules rules_;
  Flattener flattener_;
  std::map<std::string, RuleId> references_;
  std::map<std::string, ExprId> shared_;
  size_t depth_ = 0;
};

// A value as this grammar writes it.
std::string document_text(const Json& value);

}  // namespace thimble::json_schema
