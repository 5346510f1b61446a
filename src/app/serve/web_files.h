// The files of the page, which are in the program (cmake/embed_files.cmake).
#pragma once

#include <array>
#include <span>
#include <string_view>

namespace thimble {

struct WebFile {
  std::string_view name;
  std::string_view bytes;
};

std::span<const WebFile> web_files();

}  // namespace thimble
