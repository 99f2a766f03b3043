# SPDX-License-Identifier: Apache-2.0
"""Arguments and output."""

import argparse
import concurrent.futures
import os
import pathlib
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
(qemu, busybox, ...); the kernels come from Debian, into ~/.cache/bulkhead/kernels, and are not installed.

exit code: 0 = all well; 1 = something failed; 77 = nothing failed, but a kernel could not be had
           with a command: the first one of its own that isn't 0
"""
_SOME_SKIPPED = 77


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
    parser.add_argument("--docs", action="store_true", help="write the results into docs/kernels.md")
    parser.add_argument("--timeout", type=int, default=600, metavar="SECONDS", help="per kernel (default: %(default)s)")
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND", help="instead of the check")
    return parser


def _series(text):
    return text.split(",")


def _run_everywhere(arguments, command):
    host.require_programs()
    code = 0
    for series in arguments.kernels:
        kernel = debian.fetch(series)
        print(f"== {kernel.release}", file=sys.stderr)
        outcome = machine.run(kernel, command, os.getcwd(), _show, arguments.timeout)
        code = code or outcome.exit_code
    return code


def _show(line):
    sys.stdout.write(line)
    sys.stdout.flush()


def _check_everywhere(arguments):
    build = arguments.build.resolve()
    needed = {selection.LOADER, *(suite.program for suite in selection.suites(None))}
    missing = sorted(name for name in needed if not (build / name).exists())
    if missing:
        raise KernelsError(f"check {build}: {', '.join(missing)} not built")
    results = [report.Result(series) for series in arguments.kernels]
    kernels = [(result, kernel) for result in results if (kernel := _kernel_for(result))]
    _side_by_side(lambda each: _check(*each, build, arguments.timeout), kernels)
    for result in results:
        print(*report.lines(result), sep="\n", flush=True)
    if arguments.docs:
        report.write_table(_ROOT / "docs" / "kernels.md", results)
    return _close(results)


def _kernel_for(result):
    """None, and the result says why, when it can't be had."""
    try:
        host.require_programs()
        kernel = debian.fetch(result.series)
    except KernelsError as error:
        result.skipped_because = str(error)
        return None
    result.release = kernel.release
    return kernel


def _side_by_side(work, items):
    """A machine each, as many as there are processors: each of them waits for itself most of the time."""
    pool = concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count())
    try:
        list(pool.map(work, items))
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        machine.end_all()


def _check(result, kernel, build, timeout):
    begun = time.monotonic()
    suites = (shlex.join([str(build / suite.program), *suite.arguments]) for suite in selection.suites(result.series))
    command = [str(_CHECK), str(build / selection.LOADER), *suites]
    try:
        outcome = machine.run(kernel, command, _ROOT, lambda line: _show(f"{result.series:4} | {line}"), timeout)
        report.read(result, outcome.output)
    except KernelsError as error:
        print(f"kernels: {error}", file=sys.stderr)
        result.failed += 1
    result.seconds = time.monotonic() - begun


def _close(results):
    skipped = sum(bool(result.skipped_because) for result in results)
    passed = sum(result.good for result in results)
    failed = len(results) - passed - skipped
    print(f"kernels: {passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else _SOME_SKIPPED if skipped else 0
