#include "assist/ask.h"

namespace thimble {
namespace {

using Json = nlohmann::ordered_json;

void add_place(Json& json, uint32_t first, uint32_t last, bool has_pages) {
  json[has_pages ? "first_page" : "first_line"] = first;
  json[has_pages ? "last_page" : "last_line"] = last;
}

Json or_null(const std::optional<double>& value) { return value ? Json(*value) : Json(); }

Json budget_json(const AskAnswer& answer) {
  const AskBudget& budget = answer.budget;
  return {{"context", budget.context},
          {"prompt", budget.prompt},
          {"system", {{"used", budget.system}}},
          {"question", {{"limit", budget.most_question}, {"used", budget.question}, {"cut", answer.is_question_cut}}},
          {"history", {{"limit", budget.most_history}, {"used", budget.history}, {"turns", answer.history_turns}}},
          {"retrieved", {{"limit", budget.most_retrieved}, {"used", budget.retrieved}}},
          {"answer", {{"limit", budget.answer}, {"used", answer.generation.tokens.size()}}}};
}

}  // namespace

Json retrieved_json(const Retrieved& retrieved) {
  const StoredChunk& stored = retrieved.stored;
  Json json = {{"path", stored.path}, {"section", stored.chunk.section}, {"section_path", stored.chunk.section_path}};
  add_place(json, stored.chunk.first, stored.chunk.last, stored.has_pages);
  json["score"] = retrieved.score;
  json["bm25"] = or_null(retrieved.bm25);
  json["cosine"] = or_null(retrieved.cosine);
  return json;
}

Json AskAnswer::json() const {
  Json json = {{"answer", answer},    {"refused", refused}, {"reason", reason},
               {"quoted", is_quoted}, {"written", written}, {"coverage", coverage}};
  json["citations"] = Json::array();
  for (const AskCitation& citation : citations) {
    Json entry = {{"path", citation.path}, {"section", citation.section}};
    add_place(entry, citation.first, citation.last, citation.has_pages);
    json["citations"].push_back(std::move(entry));
  }
  json["retrieved"] = Json::array();
  for (const AskSource& source : retrieved) {
    Json entry = retrieved_json(source.retrieved);
    entry["number"] = source.number == 0 ? Json() : Json(source.number);
    entry["tokens"] = source.tokens;
    entry["cut"] = source.cut;
    json["retrieved"].push_back(std::move(entry));
  }
  json["budget"] = budget_json(*this);
  json["prompt_tokens"] = generation.prompt_tokens;
  json["reused_tokens"] = generation.reused_tokens;
  json["generated_tokens"] = generation.tokens.size();
  json["stop_reason"] = generation.tokens.empty() ? Json() : Json(name_of(generation.stop_reason));
  json["retrieval_ms"] = retrieval_seconds * 1e3;
  json["first_token_ms"] = first_token_seconds * 1e3;
  return json;
}

}  // namespace thimble
