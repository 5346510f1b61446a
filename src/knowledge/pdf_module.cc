#include "knowledge/pdf_module.h"

#include <poppler-document.h>
#include <poppler-global.h>
#include <poppler-page.h>

#include <climits>
#include <exception>
#include <memory>
#include <string>

namespace {

bool send(const poppler::text_box& box, const ThimblePdfSink& sink) {
  const poppler::rectf area = box.bbox();
  const bool has_font = box.has_font_info();
  const poppler::byte_array text = box.text().to_utf8();
  const bool is_bold = has_font && box.get_font_name().find("Bold") != std::string::npos;
  const ThimblePdfWord word{
      area.left(),     area.right(), area.top(), area.bottom(), has_font ? box.get_font_size() : area.height(),
      is_bold ? 1 : 0, text.data(),  text.size()};
  return sink.word(sink.self, &word) == 0;
}

bool send(const poppler::page& page, uint32_t number, const ThimblePdfSink& sink) {
  const poppler::rectf area = page.page_rect();
  if (sink.page(sink.self, number, area.top(), area.bottom()) != 0) return false;
  for (const poppler::text_box& box : page.text_list(poppler::page::text_list_include_font)) {
    if (!send(box, sink)) return false;
  }
  return true;
}

const char* read(const char* bytes, size_t size, const ThimblePdfSink& sink) {
  if (size > INT_MAX) return "longer than 2 GB";
  poppler::set_debug_error_function([](const std::string&, void*) {},
                                    nullptr);  // what is broken is said once, by the caller
  const std::unique_ptr<poppler::document> document(
      poppler::document::load_from_raw_data(bytes, static_cast<int>(size)));
  if (!document) return "broken PDF";
  if (document->is_locked()) return "encrypted PDF; a copy without a password is needed";
  const int pages = document->pages();
  if (pages <= 0) return "PDF without pages";
  for (int i = 0; i < pages; ++i) {
    const std::unique_ptr<poppler::page> page(document->create_page(i));
    if (page && !send(*page, static_cast<uint32_t>(i + 1), sink)) break;
  }
  return nullptr;
}

}  // namespace

extern "C" __attribute__((visibility("default"))) int thimble_read_pdf(const char* bytes, size_t size,
                                                                       const ThimblePdfSink* sink,
                                                                       const char** reason) {
  try {
    *reason = read(bytes, size, *sink);
  } catch (const std::exception&) {
    *reason = "broken PDF";
  }
  return *reason == nullptr ? 0 : 1;
}
