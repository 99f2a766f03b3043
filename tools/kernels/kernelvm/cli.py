# SPDX-License-Identifier: Apache-2.0
"""Arguments and output."""

import argparse
import os
import pathlib
import shlex
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
    results = []
    for series in arguments.kernels:
        results.append(_check(series, build, arguments.timeout))
        print(*report.lines(results[-1]), sep="\n", flush=True)
    if arguments.docs:
        report.write_table(_ROOT / "docs" / "kernels.md", results)
    return _close(results)


def _check(series, build, timeout):
    result = report.Result(series)
    begun = time.monotonic()
    try:
        host.require_programs()
        kernel = debian.fetch(series)
    except KernelsError as error:
        result.skipped_because = str(error)
        return result
    result.release = kernel.release
    suites = (shlex.join([str(build / suite.program), *suite.arguments]) for suite in selection.suites(series))
    try:
        outcome = machine.run(kernel, [str(_CHECK), str(build / selection.LOADER), *suites], _ROOT, _show, timeout)
        report.read(result, outcome.output)
    except KernelsError as error:
        print(f"kernels: {error}", file=sys.stderr)
        result.failed += 1
    result.seconds = time.monotonic() - begun
    return result


def _close(results):
    skipped = sum(bool(result.skipped_because) for result in results)
    passed = sum(result.good for result in results)
    failed = len(results) - passed - skipped
    print(f"kernels: {passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else _SOME_SKIPPED if skipped else 0
