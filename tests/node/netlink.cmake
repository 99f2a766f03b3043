# SPDX-License-Identifier: Apache-2.0
file(GLOB netlink_sources CONFIGURE_DEPENDS netlink_*_test.cpp)
add_executable(node_netlink ${netlink_sources})
target_link_libraries(node_netlink PRIVATE bulkhead_netlink PkgConfig::LIBMNL Catch2::Catch2WithMain)
target_compile_options(node_netlink PRIVATE -Wno-missing-field-initializers)
catch_discover_tests(node_netlink PROPERTIES LABELS node SKIP_RETURN_CODE 4)
