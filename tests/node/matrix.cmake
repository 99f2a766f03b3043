# SPDX-License-Identifier: Apache-2.0
# The example cluster end to end: two nodes, an agent on each, and every conversation there can be.
file(GLOB matrix_sources CONFIGURE_DEPENDS matrix_*.cpp)
add_executable(node_matrix ${matrix_sources})
target_link_libraries(node_matrix PRIVATE node_attach_modes bulkhead_ctl bulkhead_matrix Catch2::Catch2WithMain)
target_compile_definitions(node_matrix PRIVATE
  BULKHEAD_AGENT="$<TARGET_FILE:bulkhead-agent>"
  BULKHEAD_CTL="$<TARGET_FILE:bulkheadctl>"
  BULKHEAD_PODNET="${PROJECT_SOURCE_DIR}/tools/podnet"
  BULKHEAD_EXAMPLES="${PROJECT_SOURCE_DIR}/manifests/examples/demo"
  BULKHEAD_FLOW_SCHEMA_TEST="${PROJECT_SOURCE_DIR}/tests/flows/schema_test.py")
add_dependencies(node_matrix bulkhead-agent bulkheadctl)
catch_discover_tests(node_matrix PROPERTIES LABELS node SKIP_RETURN_CODE 4)
