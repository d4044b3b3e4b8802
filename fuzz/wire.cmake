# The decoders of wire/ and the script reader of control/: fuzz_TARGET with an
# engine, replay_TARGET without. Here our own code is what is looked for bugs in,
# so it is compiled once more with all that the engine and the sanitizers want.
set(wire_targets wire_binrpc wire_jsonrpc wire_text script)

if(NOT SMT_FUZZ_ENGINE)
    foreach(target IN LISTS wire_targets)
        add_executable(replay_${target} ${target}.c wire_replay.c)
        target_link_libraries(replay_${target} PRIVATE smt)
        set(inputs ${CMAKE_CURRENT_SOURCE_DIR}/seeds/${target})
        if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/regressions/${target})
            list(APPEND inputs ${CMAKE_CURRENT_SOURCE_DIR}/regressions/${target})
        endif()
        add_test(NAME replay_${target} COMMAND replay_${target} ${inputs})
    endforeach()
    return()
endif()

file(GLOB fuzz_wire_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/base/*.c
     ${PROJECT_SOURCE_DIR}/src/wire/*.c)
file(GLOB fuzz_script_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/control/script*.c)
add_library(fuzz_wire OBJECT ${fuzz_wire_sources})
target_compile_options(fuzz_wire PRIVATE ${SMT_FUZZ_COMPILE})
target_include_directories(fuzz_wire PUBLIC ${PROJECT_SOURCE_DIR}/src)
target_compile_definitions(fuzz_wire PUBLIC _GNU_SOURCE)
target_link_libraries(fuzz_wire PUBLIC PkgConfig::JANSSON Threads::Threads m)

foreach(target IN LISTS wire_targets)
    add_executable(fuzz_${target} ${target}.c)
    target_compile_options(fuzz_${target} PRIVATE ${SMT_FUZZ_COMPILE})
    # AFL++ brings a driver for what is written for libFuzzer.
    target_link_options(fuzz_${target} PRIVATE ${SMT_FUZZ_LINK}
                        $<$<STREQUAL:${SMT_FUZZ_ENGINE},afl>:-fsanitize=fuzzer>)
    target_link_libraries(fuzz_${target} PRIVATE fuzz_wire)
    if(SMT_FUZZ_ENGINE STREQUAL "oss")
        set_target_properties(fuzz_${target} PROPERTIES LINKER_LANGUAGE CXX)
    endif()
endforeach()
# The table of commands, with all that they call, is not what is looked for bugs in.
target_sources(fuzz_script PRIVATE ${fuzz_script_sources})
target_link_libraries(fuzz_script PRIVATE smt)
add_custom_target(fuzz_decoders)
add_dependencies(fuzz_decoders fuzz_wire_binrpc fuzz_wire_jsonrpc fuzz_wire_text fuzz_script)
