# Compiler options shared by every target of this project.
add_library(thimble_options INTERFACE)
target_compile_options(thimble_options INTERFACE -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Wpedantic)
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  target_compile_options(thimble_options INTERFACE -Wno-restrict  # false alarms in std::string, GCC bug 105651
                                                   -Wno-missing-field-initializers)  # designated initialisers leave defaults
endif()
if(THIMBLE_WERROR)
  target_compile_options(thimble_options INTERFACE -Werror)
endif()
if(THIMBLE_SANITIZE)
  target_compile_options(thimble_options INTERFACE -fsanitize=${THIMBLE_SANITIZE} -fno-omit-frame-pointer
                                                   -fno-sanitize-recover=all)
  target_link_options(thimble_options INTERFACE -fsanitize=${THIMBLE_SANITIZE})
endif()
if(THIMBLE_FUZZ)
  # The rooms tell the fuzzer which branches they took; its main comes with the targets.
  target_compile_options(thimble_options INTERFACE -fsanitize=fuzzer-no-link)
endif()
# Results must not depend on what the compiler chooses to fuse: fused multiply-adds are written out.
target_compile_options(thimble_options INTERFACE -ffp-contract=off)
