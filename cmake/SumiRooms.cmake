# A room is a folder of src/: one static library, the rooms it may use, and the libraries it needs.
#   sumi_room(text SOURCES tokenizer.cpp USES core LIBRARIES utf8proc)
# sumi_test(NAME ...) makes the test program of a room the same way. ALONE names files that are
# never compiled together with others.

set(CMAKE_FIND_PACKAGE_TARGETS_GLOBAL ON)
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

# Whose kernels there are.
string(TOLOWER "${CMAKE_SYSTEM_PROCESSOR}" processor)
if(processor MATCHES "^(x86_64|amd64)$")
  set(SUMI_X86 ON)
elseif(processor MATCHES "^(aarch64|arm64)$")
  set(SUMI_ARM ON)
endif()

find_package(fmt REQUIRED)
find_package(OpenMP REQUIRED COMPONENTS CXX)
find_package(nlohmann_json REQUIRED)

# -ffp-contract=off: joining products and sums where the processor has an instruction for both would give other values
# on other processors. Kernels ask for what they want.
add_library(sumi_flags INTERFACE)
target_compile_options(sumi_flags INTERFACE $<$<COMPILE_LANGUAGE:C,CXX>:-Wall;-Wextra;-Wshadow;-Wconversion;-Wno-sign-conversion;-Wno-psabi;-Wno-missing-field-initializers;-ffp-contract=off;$<$<BOOL:${SUMI_WERROR}>:-Werror>>)
target_include_directories(sumi_flags INTERFACE ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src)

set_property(GLOBAL PROPERTY SUMI_ROOMS "")

# What most files include and what takes longer to parse than they do; json.hpp alone 1.8 s.
set(SUMI_COMMON_HEADERS <algorithm> <array> <filesystem> <functional> <map> <memory> <optional> <span> <string> <utility>
  <vector> <fmt/format.h> <fmt/ranges.h> <nlohmann/json.hpp>)

# Parses headers once for many targets: the target of the first call with an owner, which is the owner itself, names them.
function(sumi_precompile target owner)
  if(NOT SUMI_PRECOMPILE)
    return()
  elseif(target STREQUAL owner)
    target_precompile_headers(${target} PRIVATE ${ARGN})
  else()
    target_precompile_headers(${target} REUSE_FROM ${owner})
  endif()
endfunction()

# Compiles the files of a target together, but for those named and those with options of their own: what each would make
# of the same templates is then made once. At most 12, in equal parts: the 17 files of weights take 26 s of one core in
# one part and 38 s in three, and a long part at the end of a build leaves the other cores idle.
function(sumi_unity target)
  get_target_property(sources ${target} SOURCES)
  list(LENGTH sources files)
  math(EXPR parts "(${files} + 11) / 12")
  math(EXPR batch "(${files} + ${parts} - 1) / ${parts}")
  set_source_files_properties(${ARGN} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  set_target_properties(${target} PROPERTIES UNITY_BUILD ${SUMI_UNITY} UNITY_BUILD_BATCH_SIZE ${batch})
endfunction()

function(sumi_room name)
  cmake_parse_arguments(ARG "" "" "SOURCES;USES;LIBRARIES;ALONE" ${ARGN})
  add_library(sumi_${name} STATIC ${ARG_SOURCES})
  list(TRANSFORM ARG_USES PREPEND sumi_)
  target_link_libraries(sumi_${name} PUBLIC sumi_flags ${ARG_USES} ${ARG_LIBRARIES})
  sumi_precompile(sumi_${name} sumi_core ${SUMI_COMMON_HEADERS})
  sumi_unity(sumi_${name} ${ARG_ALONE})
  set_property(GLOBAL APPEND PROPERTY SUMI_ROOMS sumi_${name})
endfunction()

# A file of the room in this folder that is compiled for its instruction set alone, with options of the compiler. GCC 12
# takes the undefined vectors in its own header of AVX-512 for mistakes. Fuzz targets hardly come to kernels, which would
# take clang three of their seven minutes to sanitize.
function(sumi_kernel file)
  set_source_files_properties(${file} PROPERTIES SKIP_PRECOMPILE_HEADERS ON
    COMPILE_OPTIONS "${ARGN};-ffp-contract=fast;$<$<BOOL:${SUMI_FUZZ}>:-fno-sanitize=all>;$<$<CXX_COMPILER_ID:GNU>:-Wno-uninitialized;-Wno-maybe-uninitialized>")
endfunction()

# Of tests and of the command: the rooms' code is what has to be fast.
set(SUMI_LESS_OPTIMIZED $<$<CONFIG:Release>:-O1> $<$<CONFIG:Asan>:-Og>)

function(sumi_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;USES;LIBRARIES;ALONE" ${ARGN})
  add_executable(sumi_test_${name} ${ARG_SOURCES})
  list(TRANSFORM ARG_USES PREPEND sumi_)
  target_link_libraries(sumi_test_${name} PRIVATE sumi_flags ${ARG_USES} ${ARG_LIBRARIES} GTest::gtest_main)
  target_include_directories(sumi_test_${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  target_compile_options(sumi_test_${name} PRIVATE ${SUMI_LESS_OPTIMIZED})
  sumi_precompile(sumi_test_${name} sumi_test_core ${SUMI_COMMON_HEADERS} <gtest/gtest.h>)
  sumi_unity(sumi_test_${name} ${ARG_ALONE})
  target_compile_definitions(sumi_test_${name} PRIVATE SUMI_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  gtest_discover_tests(sumi_test_${name} TEST_PREFIX ${name}. DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60
    PROPERTIES TIMEOUT 600)
endfunction()
