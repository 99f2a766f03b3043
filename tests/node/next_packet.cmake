# SPDX-License-Identifier: Apache-2.0
# Running agents and real conversations: what changes under them, and what doesn't.
add_library(node_fixture STATIC company_support.cpp conntrack_support.cpp edges_support.cpp fixture.cpp flows_support.cpp forged_support.cpp metrics_support.cpp
  next_packet_support.cpp numbered_support.cpp)
target_include_directories(node_fixture PUBLIC ${CMAKE_CURRENT_LIST_DIR})
target_link_libraries(node_fixture PUBLIC node_attach_modes bulkhead_test_support PkgConfig::LIBBPF Catch2::Catch2 nlohmann_json::nlohmann_json)
target_compile_definitions(node_fixture PUBLIC
  BULKHEAD_AGENT="$<TARGET_FILE:bulkhead-agent>"
  BULKHEAD_CTL="$<TARGET_FILE:bulkheadctl>"
  BULKHEAD_PODNET="${PROJECT_SOURCE_DIR}/tools/podnet")
# Tests name the options that matter.
target_compile_options(node_fixture PUBLIC -Wno-missing-field-initializers)
add_dependencies(node_fixture bulkhead-agent bulkheadctl)

# What people apply, as it is.
set_source_files_properties(service_metadata_test.cpp
  PROPERTIES COMPILE_DEFINITIONS "BULKHEAD_AWS_MANIFESTS=\"${PROJECT_SOURCE_DIR}/manifests/aws\"")

foreach(subject adopted next_packet life service packets forged pods company full reuse flows edges resolve)
  file(GLOB ${subject}_sources CONFIGURE_DEPENDS ${subject}_*_test.cpp)
  add_executable(node_${subject} ${${subject}_sources})
  target_link_libraries(node_${subject} PRIVATE node_fixture Catch2::Catch2WithMain)
  # SKIP_RETURN_CODE: Catch2's, when every test of a run was skipped.
  catch_discover_tests(node_${subject} PROPERTIES LABELS node SKIP_RETURN_CODE 4)
endforeach()
