# SPDX-License-Identifier: Apache-2.0
# tools/soak, shortened, with the same assertions; and the proof that it would find something. CI runs five minutes,
# elsewhere one: -DSOAK_LENGTH=20m is the whole.
set(SOAK_LENGTH "" CACHE STRING "how long the soak among the tests takes; empty: 5m if CI is set, else 60s")
foreach(title "soak: under all kinds of trouble nothing forbidden arrives, nothing allowed is lost, no connection dies"
              "soak: what is taken out of the kernel, and servers that hang up, are found")
  add_test(NAME ${title} COMMAND ${CMAKE_CURRENT_LIST_DIR}/soak_test $<TARGET_FILE:soak> "${title}" "${SOAK_LENGTH}")
  set_tests_properties(${title} PROPERTIES LABELS node SKIP_RETURN_CODE 77 TIMEOUT 1800 RUN_SERIAL TRUE)
endforeach()
