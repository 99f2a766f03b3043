# SPDX-License-Identifier: Apache-2.0
"""What failed in ctest's report (JUnit's XML), in few lines a test, so that the end of a long run tells it whole.

usage: failures.py REPORT
"""

import sys
from xml.etree import ElementTree

_MARKS = ("FAILED:", "fail:", "FAIL:", "Error:", "error:", "fatal:")
_LINES = 12  # of a test: what was checked, and with which values


def excerpt(output):
    """From the first line that tells a failure on; without one, the end."""
    lines = [line.rstrip() for line in output.splitlines() if line.strip()]
    first = next((at for at, line in enumerate(lines) if any(mark in line for mark in _MARKS)), None)
    return lines[-_LINES:] if first is None else lines[first : first + _LINES]


def failures(report):
    """The failed tests of a report's text, each by its name and the lines that tell why."""
    for case in ElementTree.fromstring(report).iter("testcase"):
        if case.get("status") == "fail" or case.find("failure") is not None:
            why = case.find("failure")
            message = "" if why is None else why.get("message", "")
            yield case.get("name"), ([message] if message else []) + excerpt(case.findtext("system-out", ""))


def main():
    with open(sys.argv[1], encoding="utf-8", errors="replace") as report:
        for name, lines in failures(report.read()):
            print(f"failed: {name}", *lines, sep="\n  ")


if __name__ == "__main__":
    main()
