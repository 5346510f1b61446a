#include <fmt/format.h>

#include "app/serve/answer_settings.h"
#include "app/serve/api_error.h"
#include "app/serve/endpoints.h"
#include "app/serve/event_stream.h"
#include "base/utf8.h"
#include "format/base64.h"

namespace thimble {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMostEmbedded = 2048;

Json vector_json(std::span<const float> vector, bool is_base64) {
  if (!is_base64) return std::vector<float>(vector.begin(), vector.end());
  return encode_base64({reinterpret_cast<const char*>(vector.data()),
                        vector.size_bytes()});  // little-endian floats, as the clients of OpenAI's API expect
}

}  // namespace

void embeddings(Service& service, const httplib::Request& request, httplib::Response& reply, const HttpPeer& client) {
  const Json body = parse_request(request.body);
  const RequestFields fields(body);
  service.require_encoder(fields);
  TextEmbedder& embedder = service.encoder().embedder();
  const std::string format = fields.text("encoding_format").value_or("float");
  if (format != "float" && format != "base64") fields.refuse("encoding_format", "\"float\" or \"base64\"");
  const auto width = static_cast<int64_t>(embedder.width());
  if (fields.find("dimensions") != nullptr && fields.integer("dimensions", 1, INT32_MAX) != width) {
    fields.refuse("dimensions", fmt::format("{}, which is what this model has", width));
  }
  const Json& given = fields.require("input");
  if (given.is_array() && given.empty()) fields.refuse("input", "a text or a list of texts");
  const std::vector<std::vector<TokenId>> inputs =
      token_lists(fields, "input", kMostEmbedded, service.encoder().runtime().tokenizer());
  size_t tokens = 0;
  for (size_t i = 0; i < inputs.size(); ++i) {
    tokens += inputs[i].size();
    if (inputs[i].size() <= embedder.context_length()) continue;
    throw ApiError(
        400,
        fmt::format("input {} has {} tokens, but the model reads {}", i, inputs[i].size(), embedder.context_length()),
        "exceed_context_size_error")
        .with("n_prompt_tokens", inputs[i].size())
        .with("n_ctx", embedder.context_length());
  }
  const std::vector<float> vectors = embedder.embed_tokens(inputs, [&](size_t) { return !client.is_gone(); });
  if (client.is_gone()) throw ApiError(503, "the request was given up");
  Json out = {{"object", "list"}, {"data", Json::array()}, {"model", service.encoder_name()}};
  for (size_t i = 0; i < inputs.size(); ++i) {
    const auto vector = std::span(vectors).subspan(i * embedder.width(), embedder.width());
    out["data"].push_back(
        {{"object", "embedding"}, {"index", i}, {"embedding", vector_json(vector, format == "base64")}});
  }
  out["usage"] = {{"prompt_tokens", tokens}, {"total_tokens", tokens}};
  service.tally.prompt_tokens += tokens;
  reply_json(reply, out);
}

void tokenize_text(Service& service, const httplib::Request& request, httplib::Response& reply, const HttpPeer&) {
  const Json body = parse_request(request.body);
  const RequestFields fields(body);
  const Tokenizer& tokenizer = service.has_model() ? service.tokenizer() : service.encoder().runtime().tokenizer();
  const std::string text = fields.required_text("content");
  const std::vector<TokenId> ids =
      tokenizer.encode(text, {.add_special = fields.flag("add_special").value_or(false),
                              .parse_special = fields.flag("parse_special").value_or(true)});
  if (!fields.flag("with_pieces").value_or(false)) return reply_json(reply, {{"tokens", ids}});
  Json tokens = Json::array();
  for (const TokenId id : ids) {
    const std::string piece = tokenizer.piece(id, true);
    Json shown = piece;
    if (!is_valid_utf8(piece)) {
      shown = Json::array();
      for (const char c : piece) shown.push_back(static_cast<unsigned char>(c));
    }
    tokens.push_back({{"id", id}, {"piece", std::move(shown)}});
  }
  reply_json(reply, {{"tokens", std::move(tokens)}});
}

void detokenize_ids(Service& service, const httplib::Request& request, httplib::Response& reply, const HttpPeer&) {
  const Json body = parse_request(request.body);
  const RequestFields fields(body);
  const Tokenizer& tokenizer = service.has_model() ? service.tokenizer() : service.encoder().runtime().tokenizer();
  const std::vector<TokenId> ids = token_ids(fields.require("tokens"), "tokens", tokenizer);
  reply_json(reply, {{"content", tokenizer.decode(ids, true)}});
}

void apply_template(Service& service, const httplib::Request& request, httplib::Response& reply, const HttpPeer&) {
  const Json body = parse_request(request.body);
  const RequestFields fields(body);
  const Conversation conversation = service.read_conversation(fields, true);
  const bool begins_answer = fields.flag("add_generation_prompt").value_or(true);
  reply_json(reply, {{"prompt", conversation.render(begins_answer)}});
}

}  // namespace thimble
