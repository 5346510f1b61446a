# The rooms up to the engine as one shared library that shows the public interface (include/thimble) and nothing else.
# Programs here link the rooms themselves; this is for other programs and other languages.
add_library(thimble_shared SHARED $<TARGET_OBJECTS:thimble_engine>)
set_target_properties(thimble_shared PROPERTIES
  OUTPUT_NAME thimble EXPORT_NAME thimble LINKER_LANGUAGE CXX
  VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
target_link_libraries(thimble_shared PRIVATE thimble_model thimble_options)
target_include_directories(thimble_shared PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:include>)
target_compile_features(thimble_shared PUBLIC cxx_std_20)
add_library(Thimble::thimble ALIAS thimble_shared)
