# SPDX-License-Identifier: Apache-2.0
# The packet tables of bpf_tests once more, through programs that are attached; an executable for each way.
add_bpf_skeleton(witness witness.bpf.c)

set(tables ${PROJECT_SOURCE_DIR}/tests/bpf)
add_library(node_tables OBJECT datapath_support.cpp
  ${tables}/small_cluster.cpp ${tables}/stage.cpp
  ${tables}/packets_again_test.cpp ${tables}/packets_fragment_test.cpp ${tables}/packets_icmp_test.cpp
  ${tables}/packets_place_test.cpp ${tables}/packets_sender_test.cpp ${tables}/packets_shape_test.cpp)
target_link_libraries(node_tables PUBLIC
  bulkhead_test_support bulkhead_compile bulkhead_datapath Catch2::Catch2)
target_compile_options(node_tables PUBLIC -Wno-missing-field-initializers)

foreach(mode tcx clsact)
  add_executable(node_tables_${mode} attached_packets.cpp)
  target_compile_definitions(node_tables_${mode} PRIVATE BULKHEAD_ATTACH="${mode}")
  target_link_libraries(node_tables_${mode} PRIVATE node_tables witness_bpf PkgConfig::LIBBPF Catch2::Catch2WithMain)
  # As one test: what takes long is to load and attach, which all its rows share.
  add_test(NAME "every packet of the tables through attached programs, by ${mode}" COMMAND node_tables_${mode})
  set_tests_properties("every packet of the tables through attached programs, by ${mode}"
    PROPERTIES LABELS node SKIP_RETURN_CODE 4)
endforeach()
