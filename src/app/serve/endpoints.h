// The server's endpoints. Each reads a request and fills a reply, or throws what current_api_error() understands; a stream's reply is made
// while it goes out.
#pragma once

#include <httplib.h>

#include "app/serve/http_front.h"
#include "app/serve/service.h"

namespace thimble {

void reply_json(httplib::Response& reply, const nlohmann::ordered_json& value);

using Endpoint = void(Service& service, const httplib::Request& request, httplib::Response& reply,
                      const HttpPeer& client);

Endpoint chat_completions;  // POST /v1/chat/completions
Endpoint completions;       // POST /v1/completions
Endpoint embeddings;        // POST /v1/embeddings
Endpoint list_models;       // GET /v1/models
Endpoint tokenize_text;     // POST /tokenize
Endpoint detokenize_ids;    // POST /detokenize
Endpoint apply_template;    // POST /apply-template
Endpoint ask_manuals;       // POST /v1/ask
Endpoint parse_command;     // POST /v1/command
Endpoint summarize_log;     // POST /v1/summarize
Endpoint health;            // GET /health
Endpoint properties;        // GET /props
Endpoint metrics;           // GET /metrics

}  // namespace thimble
