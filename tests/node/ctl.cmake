# SPDX-License-Identifier: Apache-2.0
# bulkheadctl beside real agents.
file(GLOB ctl_sources CONFIGURE_DEPENDS ctl_*_test.cpp)
add_executable(node_ctl ctl_support.cpp ${ctl_sources})
target_link_libraries(node_ctl PRIVATE node_fixture Catch2::Catch2WithMain)
catch_discover_tests(node_ctl PROPERTIES LABELS node SKIP_RETURN_CODE 4)
