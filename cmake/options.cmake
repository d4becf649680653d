# Compiler and linker options shared by every target, carried by the interface target beffroi_options.
add_library(beffroi_options INTERFACE)
target_include_directories(beffroi_options INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(beffroi_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor -Wold-style-cast
  -Wcast-align -Woverloaded-virtual -Wimplicit-fallthrough -Wnull-dereference
  -fstack-protector-strong -fno-omit-frame-pointer -ffile-prefix-map=${PROJECT_SOURCE_DIR}=.)
if(BEFFROI_WERROR)
  target_compile_options(beffroi_options INTERFACE -Werror)
endif()
if(NOT CMAKE_BUILD_TYPE STREQUAL "Debug" AND NOT BEFFROI_SANITIZE)
  target_compile_definitions(beffroi_options INTERFACE _FORTIFY_SOURCE=2)
endif()
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  # A time stamp inside a precompiled header would make every build a miss for ccache.
  target_compile_options(beffroi_options INTERFACE "SHELL:-Xclang -fno-pch-timestamp")
  target_link_options(beffroi_options INTERFACE -fuse-ld=lld)
endif()
target_link_options(beffroi_options INTERFACE -Wl,--as-needed -Wl,-z,relro -Wl,-z,now)
if(BEFFROI_SANITIZE)
  target_compile_options(beffroi_options INTERFACE -fsanitize=${BEFFROI_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(beffroi_options INTERFACE -fsanitize=${BEFFROI_SANITIZE})
endif()
if(BEFFROI_FUZZ)
  target_compile_options(beffroi_options INTERFACE -fsanitize=fuzzer-no-link)
endif()
