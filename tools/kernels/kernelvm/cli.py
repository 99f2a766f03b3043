# SPDX-License-Identifier: Apache-2.0
"""Arguments and output."""

import argparse
import concurrent.futures
import os
import pathlib
import re
import shlex
import signal
import sys
import time

from . import debian, host, machine, report, selection
from .host import KernelsError

_ROOT = pathlib.Path(__file__).resolve().parents[3]
_CHECK = _ROOT / "tools" / "kernels" / "guest" / "check"
_ABOUT = """\
Runs a command, or without one the check of this tree's build, on each of the kernels that EKS nodes run: in
an emulated machine that sees this one's files and changes none of them. What the machine needs is installed
(qemu, cpio, ...); the kernels come from Debian, into ~/.cache/bulkhead/kernels, and are not installed.

"here" is this machine's own kernel, without an emulated machine.

exit code: 0 = all well; 1 = something failed; 77 = nothing failed, but a kernel could not be had or there was
               no time
           with a command: the first one of its own that isn't 0
"""
_SOME_SKIPPED = 77
_HERE = "here"


def main(words):
    arguments = _parser().parse_args(words)
    # As Ctrl-C does: out through every cleanup, so that no machine stays behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    command = arguments.command[1:] if arguments.command[:1] == ["--"] else arguments.command
    try:
        if os.geteuid() != 0:
            raise KernelsError("share this machine's files: needs root")
        if command:
            return _run_everywhere(arguments, command)
        return _check_everywhere(arguments)
    except KernelsError as error:
        print(f"kernels: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def _parser():
    parser = argparse.ArgumentParser(
        prog="tools/kernels/run", description=_ABOUT, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kernels", type=_series, default="5.10,6.1,6.12", help="which (default: %(default)s)")
    parser.add_argument("--build", type=pathlib.Path, default=_ROOT / "build", help="what to check (default: build)")
    parser.add_argument("--docs", action="store_true", help="write the results into docs/kernels.md, here's too")
    parser.add_argument("--timeout", type=int, default=1800, metavar="SECONDS", help="per kernel (default: %(default)s)")
    parser.add_argument("--within", type=int, metavar="SECONDS", help="what isn't done then is skipped (default: no end)")
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND", help="instead of the check")
    return parser


def _series(text):
    return text.split(",")


def _run_everywhere(arguments, command):
    code = 0
    for series in arguments.kernels:
        kernel = _kernel(series)
        print(f"== {_release_of(kernel)}", file=sys.stderr)
        outcome = machine.run(kernel, command, os.getcwd(), _show, arguments.timeout)
        code = code or outcome.exit_code
    return code


def _kernel(series):
    """None: this machine's own."""
    if series == _HERE:
        return None
    host.require_programs()
    debian.busybox()  # here, where nobody else fetches it at the same time
    return debian.fetch(series)


def _release_of(kernel):
    return kernel.release if kernel else os.uname().release


def _show(line):
    sys.stdout.write(line)
    sys.stdout.flush()


def _check_everywhere(arguments):
    build = arguments.build.resolve()
    missing = [name for name in selection.files() if not (build / name).exists()]
    if missing:
        raise KernelsError(f"check {build}: {', '.join(missing)} not built")
    if arguments.docs and _HERE not in arguments.kernels:
        arguments.kernels.append(_HERE)
    results = [report.Result(series) for series in arguments.kernels]
    kernels = [(result, _kernel_for(result)) for result in results]
    to_check = [each for each in kernels if not each[0].skipped_because]
    begun = time.monotonic()
    time_left = lambda: begun + (arguments.within or float("inf")) - time.monotonic()
    _side_by_side(lambda each: _check(*each, build, arguments.timeout, time_left), to_check)
    for result in results:
        print(*report.lines(result), sep="\n", flush=True)
    if arguments.docs:
        report.write_table(_ROOT / "docs" / "kernels.md", results)
    return _close(results, time.monotonic() - begun)


def _kernel_for(result):
    """When it can't be had the result says why."""
    try:
        kernel = _kernel(result.series)
        result.release = _release_of(kernel)
        return kernel
    except KernelsError as error:
        result.skipped_because = str(error)
        return None


def _side_by_side(work, items):
    """A machine each, as many as there are processors: each of them waits for itself most of the time. The last ones
    first: the newest kernel has the most to do."""
    pool = concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count())
    try:
        list(pool.map(work, reversed(items)))
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        machine.end_all()


def _check(result, kernel, build, timeout, time_left):
    if time_left() <= 0:
        result.skipped_because = "there was no time"
        return
    begun = time.monotonic()
    command = [str(_CHECK)]
    steps = selection.steps(result.release)
    for step in steps:
        command += [step.name, shlex.join(re.sub("^@", f"{build}/", word) for word in step.words)]
    show = lambda line: _show(f"{result.series:4} | {line}")
    try:
        outcome = machine.run(kernel, command, _ROOT, show, min(timeout, time_left()))
        if outcome.last_words:  # the emulator's fault or the kernel's
            report.note_death(result, outcome.output, outcome.last_words)
            outcome = machine.run(kernel, command, _ROOT, show, min(timeout, max(time_left(), 0)))
        report.read(result, outcome.output, outcome.exit_code, [step.name for step in steps], time_left() > 0)
    except KernelsError as error:
        print(f"kernels: {error}", file=sys.stderr)
        result.failed += 1
    result.seconds = time.monotonic() - begun


def _close(results, seconds):
    passed, failed, skipped = (sum(column) for column in zip(*(result.counts for result in results)))
    print(f"kernels: {passed} passed, {failed} failed, {skipped} skipped in {seconds:.0f} s")
    if failed:
        return 1
    return _SOME_SKIPPED if any(result.skipped_because or result.left_out for result in results) else 0
