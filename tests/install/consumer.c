/* usage: consumer_c [MODEL]: the error path, and with a model a short answer. */
#include <stdio.h>
#include <string.h>
#include <thimble/thimble.h>

static int show(const char* text, void* user) {
  (void)user;
  fputs(text, stdout);
  return 1;
}

static int answer(const char* path) {
  thimble_setup setup;
  thimble_request request;
  thimble_counts counts;
  thimble_model* model = NULL;
  thimble_session* session = NULL;
  int code;
  memset(&setup, 0, sizeof setup);
  setup.context_size = 256;
  thimble_request_init(&request);
  request.temperature = 0;
  request.max_tokens = 8;
  code = thimble_load(path, &setup, &model);
  if (code == THIMBLE_OK) code = thimble_open_session(model, &session);
  if (code == THIMBLE_OK) code = thimble_generate(session, "The capital of France is", &request, show, NULL, &counts);
  if (code != THIMBLE_OK) fprintf(stderr, "%s\n", thimble_last_error());
  thimble_free_session(session);
  thimble_free_model(model);
  putchar('\n');
  return code == THIMBLE_OK && counts.generated_tokens > 0 ? 0 : 1;
}

int main(int argc, char** argv) {
  thimble_plan_result plan;
  if (thimble_plan("no-such-model.gguf", NULL, &plan) != THIMBLE_BAD_FILE) return 1;
  if (strstr(thimble_last_error(), "no-such-model.gguf") == NULL) return 1;
  if (argc > 1 && answer(argv[1]) != 0) return 1;
  printf("thimble %s from C\n", thimble_version());
  return 0;
}
