# The CUDA toolkit: that of tools/install_cuda.sh where it was run, else the system's with cuDNN.
set(SUMI_CUDA_TOOLKIT ${PROJECT_SOURCE_DIR}/build/cuda-toolkit)
if(NOT DEFINED CMAKE_CUDA_COMPILER AND NOT DEFINED ENV{CUDACXX})
  find_program(SUMI_NVCC nvcc HINTS ${SUMI_CUDA_TOOLKIT}/nvidia/cu13/bin PATHS /usr/local/cuda/bin NO_CACHE)
  if(NOT SUMI_NVCC)
    message(FATAL_ERROR "SUMI_CUDA: no nvcc here; run tools/install_cuda.sh, or install CUDA 12.8 or later")
  endif()
  set(CMAKE_CUDA_COMPILER ${SUMI_NVCC})
endif()
# What there is of 7.5 and later; the last one's PTX serves what comes after it.
if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
  set(CMAKE_CUDA_ARCHITECTURES 75-real 80-real 86-real 89-real 90)
endif()
set(CMAKE_CUDA_RUNTIME_LIBRARY Static)
enable_language(CUDA)
# CMake 3.25 does not know that nvcc takes C++20.
if(NOT DEFINED CMAKE_CUDA20_STANDARD_COMPILE_OPTION)
  set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
  set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION -std=c++20)
endif()
if(CMAKE_CUDA_COMPILER_VERSION VERSION_LESS 12.8)
  message(FATAL_ERROR "SUMI_CUDA: ${CMAKE_CUDA_COMPILER} is ${CMAKE_CUDA_COMPILER_VERSION}, 12.8 or later is needed")
endif()

find_path(SUMI_CUDNN_INCLUDE cudnn.h HINTS ${SUMI_CUDA_TOOLKIT}/nvidia/cudnn/include REQUIRED)
find_package(Threads REQUIRED)

# Libraries but the runtime are opened when they are needed (src/backend/cuda/library.h), so their headers are enough.
add_library(sumi_cuda INTERFACE)
target_include_directories(sumi_cuda SYSTEM INTERFACE ${CMAKE_CUDA_TOOLKIT_INCLUDE_DIRECTORIES} ${SUMI_CUDNN_INCLUDE})
set(runtimes ${CMAKE_CUDA_IMPLICIT_LINK_DIRECTORIES} ${SUMI_CUDA_TOOLKIT}/nvidia/cu13/lib)
find_library(SUMI_CUDA_RUNTIME cudart_static HINTS ${runtimes} REQUIRED)
target_link_libraries(sumi_cuda INTERFACE ${SUMI_CUDA_RUNTIME} Threads::Threads ${CMAKE_DL_LIBS} rt)
target_compile_definitions(sumi_cuda INTERFACE
  SUMI_CUDA_LIBRARY_PATH="${SUMI_CUDA_TOOLKIT}/nvidia/cu13/lib:${SUMI_CUDA_TOOLKIT}/nvidia/cudnn/lib")
