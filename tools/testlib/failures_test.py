# SPDX-License-Identifier: Apache-2.0
"""The end of a run names what failed and why: reports as ctest 3.25 writes them."""

import unittest

from failures import failures

_REPORT = """<?xml version="1.0" encoding="UTF-8"?>
<testsuite name="Linux-c++" tests="4" failures="2" disabled="0" skipped="1" time="8">
  <testcase name="passes" time="8.1" status="run"><system-out>error: expected
All tests passed</system-out></testcase>
  <testcase name="is skipped" time="0" status="notrun"><skipped message="SKIP_RETURN_CODE=4"/></testcase>
  <testcase name="isn&apos;t true" time="1" status="fail"><failure message=""/>
    <system-out>Randomness seeded to: 1

here_test.cpp:7: FAILED:
  CHECK( 1 == 2 )
</system-out></testcase>
  <testcase name="hangs" time="600" status="fail"><failure message="Timeout"/><system-out>%s</system-out></testcase>
</testsuite>
"""


class Failures(unittest.TestCase):
    def test_each_is_named_with_what_was_checked(self):
        many = "\n".join(f"line {number}" for number in range(100))
        first, second = failures(_REPORT % many)
        self.assertEqual(first, ("isn't true", ["here_test.cpp:7: FAILED:", "  CHECK( 1 == 2 )"]))
        self.assertEqual(second, ("hangs", ["Timeout", *(f"line {number}" for number in range(88, 100))]))


if __name__ == "__main__":
    unittest.main()
