# The parser under test, as target `osip`. Without OSIP_ROOT: the distribution's
# library. With it: an installed tree (include/, lib/) of any release from 4.1 on.
add_library(osip INTERFACE)
if(OSIP_ROOT)
    find_path(OSIP_INCLUDE osipparser2/osip_parser.h PATHS ${OSIP_ROOT}/include NO_DEFAULT_PATH REQUIRED)
    find_library(OSIP_LIBRARY osipparser2 PATHS ${OSIP_ROOT}/lib ${OSIP_ROOT}/lib64
                 ${OSIP_ROOT}/lib/${CMAKE_LIBRARY_ARCHITECTURE} NO_DEFAULT_PATH REQUIRED)
    target_include_directories(osip SYSTEM INTERFACE ${OSIP_INCLUDE})
    target_link_libraries(osip INTERFACE ${OSIP_LIBRARY})
    get_filename_component(OSIP_LIBDIR ${OSIP_LIBRARY} DIRECTORY)
    set(CMAKE_BUILD_RPATH ${OSIP_LIBDIR})
    # An archive cannot be asked where it lies, as a shared library is.
    if(EXISTS ${OSIP_LIBDIR}/pkgconfig/libosip2.pc)
        file(STRINGS ${OSIP_LIBDIR}/pkgconfig/libosip2.pc osip_release REGEX "^Version:")
        string(REGEX REPLACE "^Version:[ \t]*" "" osip_release "${osip_release}")
        target_compile_definitions(osip INTERFACE SMT_OSIP_RELEASE="${osip_release}")
    endif()
    # scripts/build-osip: what an instrumented archive must be linked with.
    if(EXISTS ${OSIP_ROOT}/link-flags)
        file(STRINGS ${OSIP_ROOT}/link-flags osip_link_flags)
        separate_arguments(osip_link_flags UNIX_COMMAND "${osip_link_flags}")
        target_link_options(osip INTERFACE ${osip_link_flags})
    endif()
else()
    find_library(OSIP_LIBRARY osipparser2 REQUIRED)
    find_path(OSIP_INCLUDE osipparser2/osip_parser.h REQUIRED)
    target_include_directories(osip SYSTEM INTERFACE ${OSIP_INCLUDE})
    target_link_libraries(osip INTERFACE ${OSIP_LIBRARY})
endif()

# Members that releases differ in: SMT_OSIP_<STRUCT>_<MEMBER> where there is one.
include(CheckStructHasMember)
set(CMAKE_REQUIRED_INCLUDES ${OSIP_INCLUDE})
foreach(member authorization.gssapi_data authorization.crand www_authenticate.gssapi_data
               authentication_info.auth_type authentication_info.targetname)
    string(REPLACE "." ";" parts ${member})
    list(GET parts 0 structure)
    list(GET parts 1 name)
    string(TOUPPER "SMT_OSIP_${structure}_${name}" has)
    check_struct_has_member("struct osip_${structure}" ${name} "stdio.h;osipparser2/osip_parser.h"
                            ${has} LANGUAGE C)
    if(${has})
        target_compile_definitions(osip INTERFACE ${has})
    endif()
endforeach()
unset(CMAKE_REQUIRED_INCLUDES)
