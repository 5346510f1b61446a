# thimble_room(NAME [DEPS rooms and libraries...]): the static library thimble_NAME from every source in this folder.
function(thimble_room name)
  cmake_parse_arguments(ROOM "" "" "DEPS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp ${CMAKE_CURRENT_SOURCE_DIR}/*/*.cpp)
  add_library(thimble_${name} STATIC ${sources})
  target_include_directories(thimble_${name} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/src>)
  target_link_libraries(thimble_${name} PUBLIC ${ROOM_DEPS} PRIVATE $<BUILD_INTERFACE:thimble_options>)
endfunction()
