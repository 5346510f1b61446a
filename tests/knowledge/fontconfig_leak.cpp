// Poppler's fontconfig keeps a table until the process ends, which the leak checker takes for lost: it is asked for these
// by name.
extern "C" __attribute__((visibility("default"))) const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() { return "leak:libfontconfig.so"; }
