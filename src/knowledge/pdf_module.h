// The words of a PDF, by poppler, which is in a module of its own (thimble_pdf.so) that is loaded when the first PDF is
// read: linked, poppler and the thirty libraries it brings would be in every process that runs a model. C between the
// two, so that no C++ type crosses.
#pragma once

#include <cstddef>
#include <cstdint>

extern "C" {

struct ThimblePdfWord {
  double left, right, top, bottom;  // points from the page's top left corner
  double font_size;
  int is_bold;
  const char* text;  // UTF-8 where the file is sound
  size_t text_bytes;
};

struct ThimblePdfSink {
  void* self;
  // Pages from 1, in order, each before its words. Nonzero stops the reading.
  int (*page)(void* self, uint32_t number, double top, double bottom);
  int (*word)(void* self, const ThimblePdfWord* word);
};

// 0; or why not: a text that stays valid is put in `reason`. Stopped by the sink counts as read.
int thimble_read_pdf(const char* bytes, size_t size, const ThimblePdfSink* sink, const char** reason);
}
