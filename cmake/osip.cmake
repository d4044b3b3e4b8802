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
else()
    find_library(OSIP_LIBRARY osipparser2 REQUIRED)
    find_path(OSIP_INCLUDE osipparser2/osip_parser.h REQUIRED)
    target_include_directories(osip SYSTEM INTERFACE ${OSIP_INCLUDE})
    target_link_libraries(osip INTERFACE ${OSIP_LIBRARY})
endif()
