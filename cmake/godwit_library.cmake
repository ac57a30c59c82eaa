# SPDX-License-Identifier: Apache-2.0
# godwit_library(<name> DEPS <godwit libraries> LIBS <external targets>)
#
# One library per folder: every *.cc of it but the tests. It links only what it declares, so an
# include against the order of the layers does not link, and tools/lint.py reads the same lines.
# The folder's *_test.cc become one test program, <name>_test.
# g++ builds the product and says what is an error; clang builds the fuzzers, and with them every
# library once, for its proof that locks are kept (base/mutex.h).
set(GODWIT_WARNINGS -Wall -Wextra -Wnon-virtual-dtor -Woverloaded-virtual
                    -Wimplicit-fallthrough -Wno-missing-field-initializers
                    $<$<CXX_COMPILER_ID:GNU>:-Werror>
                    $<$<CXX_COMPILER_ID:GNU>:-Wshadow=local>
                    $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety>
                    $<$<CXX_COMPILER_ID:Clang>:-Werror=thread-safety>)

function(godwit_library name)
  cmake_parse_arguments(ARG "" "" "DEPS;LIBS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  list(TRANSFORM ARG_DEPS PREPEND godwit_)
  if(sources)
    add_library(godwit_${name} STATIC ${sources})
    target_include_directories(godwit_${name} PUBLIC ${CMAKE_SOURCE_DIR}/src)
    target_compile_options(godwit_${name} PRIVATE ${GODWIT_WARNINGS})
    target_link_libraries(godwit_${name} PUBLIC ${ARG_DEPS} ${ARG_LIBS})
  else()
    add_library(godwit_${name} INTERFACE)
    target_include_directories(godwit_${name} INTERFACE ${CMAKE_SOURCE_DIR}/src)
    target_link_libraries(godwit_${name} INTERFACE ${ARG_DEPS} ${ARG_LIBS})
  endif()
  if(tests)
    godwit_test(${name}_test LABEL unit SOURCES ${tests} DEPS ${name})
  endif()
endfunction()

# What the sanitizers' presets build: the tests, and not the program.
add_custom_target(all_tests)

# godwit_test(<name> LABEL <tier> SOURCES <files> DEPS <godwit libraries>)
function(godwit_test name)
  cmake_parse_arguments(ARG "" "LABEL" "SOURCES;DEPS" ${ARGN})
  list(TRANSFORM ARG_DEPS PREPEND godwit_)
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR})
  # Tests are compiled more often than they run: a third of their compilation was optimizing them.
  target_compile_options(${name} PRIVATE ${GODWIT_WARNINGS} $<$<CONFIG:Release>:-O1>)
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} GTest::gmock_main)
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS ${ARG_LABEL})
  add_dependencies(all_tests ${name})
endfunction()
