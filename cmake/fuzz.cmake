# How fuzz targets are built: SMT_FUZZ_ENGINE and the sanitizers they get. Only
# the parser, its adapter and the target files are instrumented; what the engine
# sees is to be the parser's doing, and the oracle is to be fast.
set(SMT_FUZZ_ENGINE "" CACHE STRING "Build fuzz targets for: libfuzzer, afl or oss (LIB_FUZZING_ENGINE)")
set_property(CACHE SMT_FUZZ_ENGINE PROPERTY STRINGS "" libfuzzer afl oss)
set(SMT_FUZZ_SANITIZE "" CACHE STRING
    "Sanitizers of fuzz targets, as -fsanitize= takes them; those of OSIP_ROOT are added")

set(SMT_UNINSTRUMENTED "") # compile options of all but parser, adapter and targets
set(SMT_FUZZ_COMPILE "")   # compile options of those
set(SMT_FUZZ_LINK "")
if(NOT SMT_FUZZ_ENGINE)
    return()
endif()

set(fuzz_sanitizers ${SMT_FUZZ_SANITIZE})
if(OSIP_ROOT AND EXISTS ${OSIP_ROOT}/link-flags) # scripts/build-osip
    file(READ ${OSIP_ROOT}/link-flags osip_flags)
    string(REGEX MATCHALL "address|undefined" osip_sanitizers "${osip_flags}")
    list(APPEND fuzz_sanitizers ${osip_sanitizers})
endif()
string(REPLACE "," ";" fuzz_sanitizers "${fuzz_sanitizers}")
list(REMOVE_DUPLICATES fuzz_sanitizers)
string(REPLACE ";" "," fuzz_sanitizers "${fuzz_sanitizers}")
if(fuzz_sanitizers)
    list(APPEND SMT_FUZZ_COMPILE -fsanitize=${fuzz_sanitizers} -fno-sanitize-recover=undefined)
    list(APPEND SMT_FUZZ_LINK -fsanitize=${fuzz_sanitizers})
endif()
list(APPEND SMT_FUZZ_COMPILE -fno-omit-frame-pointer)
list(APPEND SMT_UNINSTRUMENTED -fno-omit-frame-pointer)
set(SMT_FUZZ_HAS_ASAN OFF)
if("${fuzz_sanitizers} $ENV{CFLAGS}" MATCHES "address")
    set(SMT_FUZZ_HAS_ASAN ON)
endif()

if(SMT_FUZZ_ENGINE STREQUAL "libfuzzer")
    if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
        message(FATAL_ERROR "SMT_FUZZ_ENGINE=libfuzzer needs clang (-DCMAKE_C_COMPILER=clang, package clang). "
                "Without it the mutator and the replay programs of an ordinary build still work.")
    endif()
    list(APPEND SMT_FUZZ_COMPILE -fsanitize=fuzzer-no-link)
    list(APPEND SMT_FUZZ_LINK -fsanitize=fuzzer)
elseif(SMT_FUZZ_ENGINE STREQUAL "afl")
    if(NOT CMAKE_C_COMPILER MATCHES "afl-(clang-fast|clang-lto|cc|gcc-fast)")
        message(FATAL_ERROR "SMT_FUZZ_ENGINE=afl needs -DCMAKE_C_COMPILER=afl-clang-fast (package afl++). "
                "Without it libFuzzer targets and the replay programs of an ordinary build still work.")
    endif()
    list(APPEND SMT_UNINSTRUMENTED --afl-noopt)
elseif(SMT_FUZZ_ENGINE STREQUAL "oss") # CFLAGS bring sanitizers and coverage for all
    if("$ENV{LIB_FUZZING_ENGINE}" STREQUAL "")
        message(FATAL_ERROR "SMT_FUZZ_ENGINE=oss links what LIB_FUZZING_ENGINE says, which is not set "
                "(.clusterfuzzlite/build.sh sees to it). For this machine: libfuzzer or afl.")
    endif()
    enable_language(CXX)
    list(APPEND SMT_UNINSTRUMENTED -fno-sanitize=all
         -fno-sanitize-coverage=func,bb,edge,indirect-calls,trace-cmp,trace-pc,trace-pc-guard
         -fno-sanitize-coverage=inline-8bit-counters,pc-table)
    separate_arguments(fuzz_engine UNIX_COMMAND "$ENV{LIB_FUZZING_ENGINE}")
    list(APPEND SMT_FUZZ_LINK ${fuzz_engine})
else()
    message(FATAL_ERROR "SMT_FUZZ_ENGINE=${SMT_FUZZ_ENGINE}: known are libfuzzer, afl and oss")
endif()
