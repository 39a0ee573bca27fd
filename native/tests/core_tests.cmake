# The tests of the core and the ABI.

# C99 and nothing but spar.h and the shared library.
add_library(abi_test_parts OBJECT tests/abi_test.c tests/abi_engine.c tests/abi_lifecycle.c tests/abi_inputs.c
  tests/abi_states.c tests/abi_training.c tests/abi_sampler.c)
target_include_directories(abi_test_parts PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
target_compile_definitions(abi_test_parts PRIVATE _POSIX_C_SOURCE=200809L)
target_compile_options(abi_test_parts PRIVATE -Wall -Wextra -Werror)
add_executable(abi_test $<TARGET_OBJECTS:abi_test_parts>)
target_link_libraries(abi_test PRIVATE spar_cpu m Threads::Threads)
set_target_properties(abi_test_parts PROPERTIES C_EXTENSIONS OFF)
foreach(name lifecycle observability inputs batch_inputs sampler_inputs states nonfinite threads prefix_groups learning
    cancel sampler_bits sampler_schedule sampler_ends)
  add_test(NAME abi/${name} COMMAND abi_test ${name})
  set_tests_properties(abi/${name} PROPERTIES TIMEOUT 300)
endforeach()

add_executable(gradient_test tests/gradient_test.cc)
target_include_directories(gradient_test PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
target_compile_options(gradient_test PRIVATE -Wall -Wextra -Werror)
target_link_libraries(gradient_test PRIVATE spar_cpu)
add_test(NAME gradient COMMAND gradient_test)

add_executable(core_test tests/core_test.cc ${objects})
target_include_directories(core_test PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
target_compile_options(core_test PRIVATE ${SPAR_WARNINGS})
target_link_libraries(core_test PRIVATE Threads::Threads)
add_test(NAME core COMMAND core_test)

# Sanitizers bring libraries of their own.
if(build_type STREQUAL "RELEASE")
  add_test(NAME exports COMMAND ${CMAKE_COMMAND} -DLIBRARY=$<TARGET_FILE:spar_cpu>
    -DSOURCE=${PROJECT_SOURCE_DIR} -DBINARY=${CMAKE_BINARY_DIR} -P
    ${CMAKE_CURRENT_SOURCE_DIR}/tests/exports.cmake)
endif()

# Every header compiles alone: one file for each holds nothing but its include. The public one
# is also C99 (abi_test). Once is enough, so the sanitizers' builds leave it out.
if(build_type STREQUAL "RELEASE")
  file(GLOB_RECURSE headers RELATIVE ${CMAKE_CURRENT_SOURCE_DIR} CONFIGURE_DEPENDS
    include/*.h core/*.h ops/*.h backends/*.h)
  set(header_sources)
  foreach(header ${headers})
    string(REPLACE "/" "_" name ${header})
    set(source ${CMAKE_CURRENT_BINARY_DIR}/headers/${name}.cc)
    file(CONFIGURE OUTPUT ${source} CONTENT "#include \"${header}\"\n")
    list(APPEND header_sources ${source})
  endforeach()
  add_library(headers_alone OBJECT ${header_sources})
  target_include_directories(headers_alone PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
  target_compile_options(headers_alone PRIVATE ${SPAR_WARNINGS} ${SPAR_FLOATS} -fsyntax-only -O0)
endif()
