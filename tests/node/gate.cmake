# SPDX-License-Identifier: Apache-2.0
# The CNI gate: the real bulkhead-cni, called as container runtimes do, beside a running agent.
add_library(node_gate_support STATIC gate_support.cpp)
target_link_libraries(node_gate_support PUBLIC node_fixture)
target_compile_definitions(node_gate_support PUBLIC BULKHEAD_CNI="$<TARGET_FILE:bulkhead-cni>")
add_dependencies(node_gate_support bulkhead-cni)

file(GLOB gate_sources CONFIGURE_DEPENDS gate_*_test.cpp)
add_executable(node_gate ${gate_sources})
target_link_libraries(node_gate PRIVATE node_gate_support bulkhead_cni Catch2::Catch2WithMain)
catch_discover_tests(node_gate PROPERTIES LABELS node SKIP_RETURN_CODE 4)
