// Schemas taken apart into alternatives without references and combinations.
#pragma once

#include <nlohmann/json.hpp>

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "text/dfa.h"
#include "text/json_schema_merge.h"

namespace thimble::json_schema {

// A schema and where it stands, such as "#/properties/a".
struct Located {
  Json schema;
  std::string path;
};

class Flattener {
 public:
  // `root` must outlive it.
  Flattener(const Json& root, CompileBudget& budget) : root_(root), budget_(budget) {}

  // What a document satisfies if it satisfies one of the results; there is none where nothing does. Throws Error(usage) for
  // what is no schema, for keywords that are not supported, and for references that lead nowhere or in a circle.
  std::vector<Json> flatten(const Located& at);

  // The schema that a reference names.
  Located resolve(const std::string& reference, const std::string& path) const;

  // Whether besides remarks the schema has this keyword alone.
  static bool has_only(const Json& schema, std::string_view keyword);

  // Throws where a `oneOf` has branches that may hold both.
  void require_disjoint(const Json& branches, const std::string& path);

 private:
  std::vector<Json> flatten_combinations(const Located& at);
  static std::vector<Json> conditions(const Json& schema, const std::string& path);
  static std::vector<Json> negations(const Json& refused, const std::string& path);
  static void close_unevaluated(Json& schema, const std::string& path);
  std::vector<Json> cross(const std::vector<Json>& left, const std::vector<Json>& right, const std::string& path);
  bool are_disjoint(const Json& a, const Json& b, const std::string& path, size_t depth);
  bool are_disjoint_objects(const Json& a, const Json& b, const std::string& path, size_t depth);
  bool are_disjoint_schemas(const Json& a, const Json& b, const std::string& path, size_t depth);

  const Json& root_;
  CompileBudget& budget_;
  std::vector<std::string> open_;  // references being followed
  size_t depth_ = 0;
};

// A child's path; '~' and '/' are escaped as JSON pointers have it.
std::string child_path(const std::string& path, std::string_view name);

}  // namespace thimble::json_schema
