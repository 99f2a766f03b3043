# SPDX-License-Identifier: Apache-2.0
# One ctest test for each of podnet_test.py's, under its own name.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
set(podnet_test ${CMAKE_CURRENT_LIST_DIR}/podnet_test.py)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${podnet_test})
execute_process(COMMAND ${Python3_EXECUTABLE} -B ${podnet_test} --list
  OUTPUT_VARIABLE names OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
string(REPLACE "\n" ";" names "${names}")
foreach(name ${names})
  string(REGEX REPLACE "^[^.]*[.]test_" "podnet: " title ${name})
  string(REPLACE "_" " " title ${title})
  add_test(NAME ${title} COMMAND ${Python3_EXECUTABLE} -B ${podnet_test} ${name})
  set_tests_properties(${title} PROPERTIES LABELS "node;quick" SKIP_RETURN_CODE 77)
endforeach()
