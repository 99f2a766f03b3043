#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the guest says is counted as it is meant; above all, nothing that went wrong counts as well."""

import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True

from kernelvm import report  # noqa: E402

LOADED = """\
== begin programs
program enforcing bh_to_pod 1000
program rehearsal bh_to_pod 1200
program enforcing bh_from_pod 900
== end programs 0 3
"""


LOADED_ONE = "== begin programs\nprogram enforcing bh_to_pod 1000\n== end programs 0 3\n"
REFUSED = "== begin too-new\nrefused given too_new\nunknown func\n== end too-new 1 1\n"
ACCEPTED = "== begin too-new\nprogram given too_new 8\n== end too-new 0 1\n"


def read(output, release="5.10.0-cloud", exit_code=0, asked=None):
    """Without `asked`: what has begun had been asked for."""
    result = report.Result("any", release)
    report.read(result, output, exit_code, asked or re.findall("^== begin (.*)$", output, re.M))
    return result


def counts(output, **more):
    result = read(LOADED + output, **more)
    return result.passed, result.failed, result.skipped, result.good


def checked(*commands):
    """What guest/check really writes when it runs them, each as a step "node"."""
    words = [word for command in commands for word in ("node", command)]
    check = pathlib.Path(__file__).with_name("guest") / "check"
    return subprocess.run([check, *words], stdout=subprocess.PIPE, text=True, check=True).stdout


class Reading(unittest.TestCase):
    def test_a_program_counts_with_its_most_expensive_variant(self):
        self.assertEqual(read(LOADED).instructions, {"bh_to_pod": 1200, "bh_from_pod": 900})
        self.assertTrue(read(LOADED).good)

    def test_a_refused_program_is_no_success(self):
        result = read("== begin programs\nrefused enforcing bh_to_pod\n== end programs 1 3\n")
        self.assertEqual(result.refused, ["enforcing bh_to_pod"])
        self.assertFalse(result.good)

    def test_a_loader_that_crashes_is_no_success(self):
        self.assertFalse(read("== begin programs\n== end programs 139 3\n").good)

    def test_suites_add_up(self):
        one = "== begin bpf_tests\nAll tests passed (34 assertions in 5 test cases)\n== end bpf_tests 0 9\n"
        other = "== begin node\ntest cases: 9 | 6 passed | 3 skipped\n== end node 0 9\n"
        self.assertEqual(counts(one + other), (11, 0, 3, True))

    def test_a_failed_test_is_one_failure(self):
        self.assertEqual(
            counts("== begin node\ntest cases:  9 | 7 passed | 2 failed\nassertions: 70 | 60 passed\n== end node 2 9\n"),
            (7, 2, 0, False),
        )

    def test_a_single_test_is_one(self):
        self.assertEqual(
            counts("== begin node\nAll tests passed (1 assertion in 1 test case)\n== end node 0 9\n"), (1, 0, 0, True)
        )

    def test_a_suite_that_crashes_is_a_failure(self):
        self.assertEqual(counts("== begin node\n== end node 139 9\n"), (0, 1, 0, False))

    def test_a_suite_that_crashes_in_the_middle_of_a_line_is_a_failure_and_the_next_one_counts(self):
        one, other = "printf 'half a li'; kill -KILL $$", "echo 'All tests passed (9 assertions in 3 test cases)'"
        self.assertEqual(counts(checked(one, other)), (3, 1, 0, False))

    def test_a_suite_without_an_end_is_a_failure_also_when_another_follows(self):
        other = "== begin node\nAll tests passed (9 assertions in 3 test cases)\n== end node 0 9\n"
        self.assertEqual(counts("== begin bpf_tests\n" + other), (3, 1, 0, False))

    def test_a_suite_that_passes_but_lacks_a_test_that_was_asked_for_is_a_failure(self):
        for what, skipped in ("All tests passed (9 assertions in 3 test cases)", 0), ("test cases: 2 | 2 skipped", 2):
            self.assertEqual(counts(f"== begin node\n{what}\n== end node 3 9\n")[1:], (1, skipped, False))

    def test_a_suite_in_which_nothing_ran_is_a_failure(self):
        self.assertEqual(counts("== begin node\nNo tests ran\n== end node 0 9\n"), (0, 1, 0, False))

    def test_a_suite_that_skips_everything_is_none(self):
        self.assertEqual(counts("== begin node\ntest cases: 2 | 2 skipped\n== end node 4 9\n"), (0, 0, 2, True))

    def test_a_machine_that_ends_early_is_a_failure(self):
        self.assertEqual(counts("== begin node\nhalf a line"), (0, 1, 0, False))
        self.assertEqual(counts("", exit_code=125), (0, 1, 0, False))
        self.assertFalse(read("").good)

    def test_what_there_was_no_time_for_is_skipped_and_named_and_what_failed_before_counts(self):
        asked = ["programs", "node", "more"]
        for ran, expected in ("All tests passed (9 assertions in 3 test cases)", (4, 0, 1)), ("", (1, 1, 1)):
            result = report.Result("any", "5.10.0-cloud")
            output = LOADED_ONE + f"== begin node\n{ran}\n== end node 0 9\n== begin more\nhalf a li"
            report.read(result, output, 125, asked, in_time=False)
            self.assertEqual(result.counts, expected)
            self.assertRegex("\n".join(report.lines(result)), "NO TIME for more")

    def test_a_machine_that_had_no_time_even_to_load_the_programs_is_no_failure(self):
        result = report.Result("any", "5.10.0-cloud")
        report.read(result, "", 125, ["programs", "node"], in_time=False)
        self.assertEqual(result.counts, (0, 0, 1))

    def test_a_machine_that_died_once_is_told_and_counts_as_skipped(self):
        output = "== begin programs\n== end programs 0 3\n== begin node\nhalf a line"
        self.assertEqual(report.step_under_way(output), "node")
        self.assertEqual(report.step_under_way(""), "boot")
        result = read(LOADED)
        report.note_death(result, output, "Kernel panic")
        self.assertEqual((result.counts, result.good), ((2, 0, 1), True))
        self.assertRegex("\n".join(report.lines(result)), "DIED in node,.*\nKernel panic")

    def test_a_step_that_never_began_is_a_failure(self):
        self.assertEqual(counts("", asked=["programs", "node"]), (0, 1, 0, False))
        self.assertTrue(read(LOADED, asked=["programs"]).good)


class TooNew(unittest.TestCase):
    """A program with a helper of 5.12."""

    def test_a_kernel_without_the_helper_refuses_it_and_one_with_it_does_not(self):
        self.assertEqual(read(LOADED + REFUSED).counts, (3, 0, 0))
        self.assertEqual(read(LOADED + ACCEPTED, "6.1.0").counts, (3, 0, 0))

    def test_a_refusal_that_goes_unnoticed_is_a_failure(self):
        self.assertFalse(read(LOADED + ACCEPTED).good)
        self.assertFalse(read(LOADED + REFUSED, "6.1.0").good)

    def test_a_loader_that_only_fails_is_no_refusal(self):
        for status in (0, 1, 139):
            self.assertFalse(read(LOADED + f"== begin too-new\n== end too-new {status} 1\n").good)


class Counting(unittest.TestCase):
    def test_programs_count_like_tests(self):
        self.assertEqual(read(LOADED).counts, (2, 0, 0))

    def test_a_refused_program_is_one_failure(self):
        output = "== begin programs\nrefused enforcing bh_to_pod\n== end programs 1 3\n"
        self.assertEqual(read(output).counts, (0, 1, 0))

    def test_a_machine_that_said_nothing_is_one_failure(self):
        self.assertEqual(read("").counts, (0, 1, 0))
        self.assertEqual(report.Result("5.10").counts, (0, 1, 0))

    def test_a_kernel_that_could_not_be_had_is_one_skipped_and_no_success(self):
        missing = report.Result("5.10", skipped_because="no mirror")
        self.assertEqual(missing.counts, (0, 0, 1))
        self.assertFalse(missing.good)


class Writing(unittest.TestCase):
    def test_the_table_takes_the_place_of_the_old_one_and_nothing_else(self):
        with tempfile.TemporaryDirectory() as place:
            page = pathlib.Path(place, "kernels.md")
            page.write_text("above\n<!-- made by tools/kernels/run --docs -->\nold\n<!-- end -->\nbelow\n")
            loaded = read(LOADED)
            loaded.seconds = 12.3
            report.write_table(page, [loaded, report.Result("6.1", skipped_because="no mirror")])
            written = page.read_text()
        self.assertTrue(written.startswith("above\n<!--") and written.endswith("<!-- end -->\nbelow\n"))
        self.assertNotIn("old", written)
        self.assertIn("| any | 5.10.0-cloud | 900 | 1,200 | 0 | 0 | 0 | 12 |", written)
        self.assertIn("not run", written)


if __name__ == "__main__":
    unittest.main()
