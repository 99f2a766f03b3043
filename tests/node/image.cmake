# SPDX-License-Identifier: Apache-2.0
# The image that tools/image makes, run by an OCI runtime. To make it takes a release build, which stays in
# build-release/ for the next time.
set(image ${PROJECT_BINARY_DIR}/image)
add_test(NAME "image: is made" COMMAND ${PROJECT_SOURCE_DIR}/tools/image --out ${image})
set_tests_properties("image: is made" PROPERTIES LABELS node FIXTURES_SETUP image TIMEOUT 1800)

add_executable(node_image image_container.cpp image_test.cpp)
target_link_libraries(node_image PRIVATE node_fixture yaml-cpp Catch2::Catch2WithMain)
target_compile_definitions(node_image PRIVATE
  BULKHEAD_IMAGE="${image}"
  BULKHEAD_MANIFESTS="${PROJECT_SOURCE_DIR}/manifests"
  BULKHEAD_MAKE_IMAGE="${PROJECT_SOURCE_DIR}/tools/image")
catch_discover_tests(node_image PROPERTIES LABELS node SKIP_RETURN_CODE 4 FIXTURES_REQUIRED image)

find_package(Python3 REQUIRED COMPONENTS Interpreter)
add_test(NAME "image: the tarball is what a registry takes, and the same for the same files"
  COMMAND ${Python3_EXECUTABLE} -B ${PROJECT_SOURCE_DIR}/tools/imagelib/image_test.py)
set_tests_properties("image: the tarball is what a registry takes, and the same for the same files"
  PROPERTIES LABELS unit)
