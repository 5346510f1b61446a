# Writes OUTPUT, a C++ source with the bytes of FILES (a list) as thimble::web_files() gives them.
# Run as: cmake -DOUTPUT=... "-DFILES=a;b" -P embed_files.cmake
set(arrays "")
set(rows "")
set(index 0)
foreach(file IN LISTS FILES)
  get_filename_component(name "${file}" NAME)
  file(READ "${file}" bytes HEX)
  string(REGEX REPLACE "(................................)" "\\1\n" bytes "${bytes}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
  string(APPEND arrays "constexpr unsigned char kFile${index}[] = {\n${bytes}};\n")
  string(APPEND rows "    {\"${name}\", {reinterpret_cast<const char*>(kFile${index}), sizeof kFile${index}}},\n")
  math(EXPR index "${index} + 1")
endforeach()
file(WRITE "${OUTPUT}" "#include \"app/serve/web_files.h\"\n\nnamespace thimble {\nnamespace {\n\n${arrays}\n}  // namespace\n
std::span<const WebFile> web_files() {
  static const std::array<WebFile, ${index}> files = {{\n${rows}  }};
  return files;\n}\n\n}  // namespace thimble\n")
