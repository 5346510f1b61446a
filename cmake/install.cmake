# cmake --install: the program with its manual page and completions, the library with headers, CMake and pkg-config files.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

install(TARGETS thimble_shared EXPORT ThimbleTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/thimble DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})

set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/Thimble)
install(EXPORT ThimbleTargets NAMESPACE Thimble:: DESTINATION ${package_folder} FILE ThimbleConfig.cmake)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/ThimbleConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/ThimbleConfigVersion.cmake DESTINATION ${package_folder})

# Relative, so that the installed tree can be moved.
file(RELATIVE_PATH THIMBLE_PC_PREFIX ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
configure_file(${PROJECT_SOURCE_DIR}/cmake/thimble.pc.in ${PROJECT_BINARY_DIR}/thimble.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/thimble.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

install(FILES ${PROJECT_SOURCE_DIR}/LICENSE ${PROJECT_SOURCE_DIR}/README.md ${PROJECT_SOURCE_DIR}/CHANGELOG.md
        DESTINATION ${CMAKE_INSTALL_DOCDIR})

# The program writes its own manual page and completions, from the one declaration of its options.
set(generated ${PROJECT_BINARY_DIR}/generated)
function(thimble_writes file)
  add_custom_command(OUTPUT ${generated}/${file}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${generated}
    COMMAND thimble ${ARGN} > ${generated}/${file}
    DEPENDS thimble VERBATIM)
endfunction()
if(NOT CMAKE_CROSSCOMPILING)
  thimble_writes(thimble.1 man)
  foreach(shell bash zsh fish)
    thimble_writes(thimble.${shell} completion ${shell})
  endforeach()
  add_custom_target(thimble_generated ALL
    DEPENDS ${generated}/thimble.1 ${generated}/thimble.bash ${generated}/thimble.zsh ${generated}/thimble.fish)
  install(FILES ${generated}/thimble.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
  install(FILES ${generated}/thimble.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME thimble)
  install(FILES ${generated}/thimble.zsh DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions RENAME _thimble)
  install(FILES ${generated}/thimble.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
endif()
