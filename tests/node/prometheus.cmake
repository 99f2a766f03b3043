# SPDX-License-Identifier: Apache-2.0
# One ctest test for each of prometheus_test.py's, under its own name.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
set(prometheus_test ${CMAKE_CURRENT_LIST_DIR}/prometheus_test.py)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${prometheus_test})
execute_process(COMMAND ${Python3_EXECUTABLE} -B ${prometheus_test} ${PROJECT_BINARY_DIR} --list
  OUTPUT_VARIABLE names OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
string(REPLACE "\n" ";" names "${names}")
foreach(name ${names})
  string(REGEX REPLACE "^[^.]*[.]test_" "prometheus: " title ${name})
  string(REPLACE "_" " " title ${title})
  add_test(NAME ${title} COMMAND ${Python3_EXECUTABLE} -B ${prometheus_test} ${PROJECT_BINARY_DIR} ${name})
  set_tests_properties(${title} PROPERTIES LABELS node SKIP_RETURN_CODE 77 TIMEOUT 900)
endforeach()
