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
