/* Thimble's library for C and for the languages that call C. The C++ interface, thimble.hpp, says what things mean.
 *
 * Functions return 0 or one of the codes below; thimble_last_error() then has the message. Nothing is thrown, printed or
 * exited. Strings are UTF-8 and zero-terminated. A model may be shared by threads; a session belongs to one at a time. */
#ifndef THIMBLE_H
#define THIMBLE_H

#include <stddef.h>
#include <stdint.h>

#include "thimble/export.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
  THIMBLE_OK = 0,
  THIMBLE_FAILED = 1,
  THIMBLE_USAGE = 2,
  THIMBLE_DOES_NOT_FIT = 3,
  THIMBLE_BAD_FILE = 4,
  THIMBLE_VALIDATION_FAILED = 5,
  THIMBLE_INTERRUPTED = 130
};

typedef struct thimble_model thimble_model;
typedef struct thimble_session thimble_session;

/* A LoRA adapter in llama.cpp's GGUF form. */
typedef struct thimble_adapter {
  const char* path;
  float scale; /* how much of it: 1 for all, 0 for none */
} thimble_adapter;

typedef struct thimble_setup {
  size_t context_size;      /* 0: 2048, or what the model was trained with where that is less */
  const char* cache_type_k; /* NULL: q8_0 where the head size allows, else f16 */
  const char* cache_type_v;
  size_t batch_size;               /* 0: 512 */
  unsigned threads;                /* 0: the processors this process may use */
  const char* isa;                 /* NULL: the best there is */
  uint64_t memory_limit;           /* bytes; 0: what is free */
  const thimble_adapter* adapters; /* they add up; read during the call only */
  size_t adapter_count;
} thimble_setup;

typedef struct thimble_plan_result {
  uint64_t weights, kv, activations, scratch, tokenizer, program; /* bytes */
  uint64_t total;
  uint64_t limit;
  int fits;
} thimble_plan_result;

typedef struct thimble_request {
  size_t max_tokens;       /* 0: until the model ends or the context is full */
  const char* const* stop; /* NULL, or strings that end the answer, the last one NULL */
  float temperature;       /* 0: always the most probable token */
  uint32_t top_k;          /* 0: all */
  float top_p;             /* 1: all */
  float min_p;             /* 0: all */
  float repeat_penalty;    /* 1: none */
  uint64_t seed;
} thimble_request;

typedef struct thimble_counts {
  size_t prompt_tokens;
  size_t reused_tokens;
  size_t generated_tokens;
  double prompt_seconds;
  double decode_seconds;
  const char* stop_reason; /* "eos", "stop", "length", "context", "interrupted"; never freed */
} thimble_counts;

/* Called with whole characters as they come, zero-terminated; returning 0 ends the answer. */
typedef int (*thimble_on_text)(const char* text, void* user);

/* The message of this thread's last failure; valid until its next call of the library. */
THIMBLE_API const char* thimble_last_error(void);
THIMBLE_API const char* thimble_version(void);

/* Fills in the defaults of thimble.hpp's Request. A thimble_setup's defaults are all zero. */
THIMBLE_API void thimble_request_init(thimble_request* request);

/* `setup` may be NULL throughout. */
THIMBLE_API int thimble_plan(const char* path, const thimble_setup* setup, thimble_plan_result* out);
THIMBLE_API int thimble_load(const char* path, const thimble_setup* setup, thimble_model** out);
THIMBLE_API int thimble_open_session(const thimble_model* model, thimble_session** out);

/* `request` (NULL: the defaults), `on_text`, `user` and `counts` may be NULL. */
THIMBLE_API int thimble_generate(thimble_session* session, const char* prompt, const thimble_request* request,
                                 thimble_on_text on_text, void* user, thimble_counts* counts);
THIMBLE_API int thimble_chat(thimble_session* session, const char* user_text, const thimble_request* request,
                             thimble_on_text on_text, void* user, thimble_counts* counts);
THIMBLE_API int thimble_set_system(thimble_session* session, const char* text);
THIMBLE_API int thimble_clear(thimble_session* session);

/* NULL is fine. A session keeps what it needs of its model: free them in any order. */
THIMBLE_API void thimble_free_session(thimble_session* session);
THIMBLE_API void thimble_free_model(thimble_model* model);

#ifdef __cplusplus
}
#endif

#endif
