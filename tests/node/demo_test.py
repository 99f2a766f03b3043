# SPDX-License-Identifier: Apache-2.0
"""tools/demo's own promise: whatever becomes of it, nothing stays behind. Runs beside other demos.

demo_test.py BUILD --list names the tests, one a line, for ctest; a name instead runs that one. Exits with 77
where it can't run.
"""

import os
import signal
import subprocess
import sys
import unittest
from pathlib import Path

DEMO = Path(__file__).parents[2] / "tools" / "demolib" / "main.py"
NAME = f"dt{os.getpid()}"
DIRECTORY = Path(f"/run/bulkhead-{NAME}")
LIMIT = 240  # seconds; generous, nothing takes that long unless it is broken
BUILD = sys.argv.pop(1)


def demo(*options):
    words = [sys.executable, "-B", DEMO, "--build", BUILD, "--name", NAME, *options]
    return subprocess.Popen(words, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def run(*options):
    with demo(*options) as process:
        said, _ = process.communicate(timeout=LIMIT)
    return process.returncode, said


def agents():
    """Pids of this demo's."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes()
        except OSError:
            continue  # not a process, or gone
        if b"bulkhead-agent\0" in words and f"{DIRECTORY}/".encode() in words:
            found.append(int(entry.name))
    return found


def left():
    """Whatever there still is of this demo."""
    namespaces = [name for name in os.listdir("/run/netns") if name.startswith(f"{NAME}-")]
    mounts = [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if str(DIRECTORY) in line]
    return namespaces + mounts + [str(file) for file in Path("/run").glob(f"bulkhead-{NAME}*")] + agents()


class Demo(unittest.TestCase):
    def setUp(self):
        self.addCleanup(run, "--down")

    def started(self, *options):
        """A demo whose agents are at work."""
        process = demo(*options)
        self.addCleanup(process.stdout.close)
        for line in process.stdout:
            if "pods guarded" in line:
                return process
        raise AssertionError(f"the demo ended early with {process.wait()}")

    def test_it_tells_its_story_and_leaves_nothing(self):
        status, said = run()
        self.assertEqual(status, 0, said)
        self.assertEqual(said.count("Everything is as expected."), 2, said)
        self.assertEqual([line for line in said.splitlines() if len(line) > 80], [])
        self.assertNotIn("\x1b", said)
        self.assertEqual(left(), [])

    def test_ctrl_c_and_sigterm_leave_nothing(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number):
                process = self.started()
                process.send_signal(number)
                said, _ = process.communicate(timeout=LIMIT)
                self.assertEqual(process.returncode, 128 + number, said)
                self.assertEqual(left(), [])

    def test_down_removes_what_a_killed_one_left(self):
        process = self.started()
        process.kill()
        process.communicate(timeout=LIMIT)
        self.assertEqual(len(agents()), 2)
        status, said = run("--down")
        self.assertEqual(status, 0, said)
        self.assertEqual(left(), [])

    def test_keep_leaves_it_running_and_the_next_one_starts_anew(self):
        status, said = run("--keep")
        self.assertEqual(status, 0, said)
        kept = agents()
        self.assertEqual(len(kept), 2)
        process = self.started()
        self.assertEqual(set(kept) & set(agents()), set())
        process.terminate()
        process.communicate(timeout=LIMIT)
        self.assertEqual(left(), [])


def main():
    if sys.argv[1:] == ["--list"]:
        for name in unittest.defaultTestLoader.getTestCaseNames(Demo):
            print(f"Demo.{name}")
        return 0
    if os.geteuid() != 0:
        print("needs root")
        return 77
    return not unittest.main(exit=False).result.wasSuccessful()


if __name__ == "__main__":
    sys.exit(main())
