# SPDX-License-Identifier: Apache-2.0
"""What runs on each kernel: the programs' load, and the tests whose outcome depends on it. The one place to add to.

Whole executables instead of ctest's one process for each test: starting one takes a second under emulation. Every
load of the programs takes seven, which is why not every test of a kind is here.
"""

import dataclasses
import re


@dataclasses.dataclass(frozen=True)
class Step:
    name: str
    words: tuple[str, ...]  # program and arguments; what lies in the build directory begins with "@"
    since: str = "5.10"  # the first kernel that has what it is about
    before: str = "999.0"  # the first one for which something else is enough


def _tests(program, names, **kernels):
    """Those of a Catch2 program; a name that none has, because it was changed, is a failure."""
    return Step(program, (f"@{program}", names, "-w", "UnmatchedTestSpec"), **kernels)


PROGRAMS = "programs"
# A program that asks for a helper of 5.12: the older kernels have to refuse it, and the loader has to say so.
TOO_NEW = "too-new"
_TOO_NEW_SINCE = "5.12"
_STEPS = (
    Step(PROGRAMS, ("@bulkhead-load",)),
    Step(TOO_NEW, ("@bulkhead-load", "@tools/kernels/too_new.bpf.o")),
    # All but the long random comparisons, whose subject is the rule and not the kernel.
    _tests("bpf_tests", "~[random]"),
    # Attaching in each mode beside others' filters, restarts on pinned state; where clsact is all there is overtaking
    # others' filters, else from it to tcx.
    _tests("node_datapath", "a guarded veth*,a restart *,with clsact*", before="6.6"),
    _tests("node_datapath", "a guarded veth*,a restart *,an agent that attaches by tcx*", since="6.6"),
    # What the agent says of this kernel and of its rights, which the oldest kernels count in a way of their own.
    _tests("node_life", "status and the log*,asked for tcx*,a right*,the capabilities*", before="5.11"),
    _tests("node_life", "status and the log*,asked for tcx*", since="5.11", before="6.6"),
    _tests("node_life", "status and the log*", since="6.6"),
    # The example cluster with real sockets, and detach.
    _tests("node_matrix", "[.kernels]"),
)


def steps(release):
    """Those for a kernel."""
    return [step for step in _STEPS if _number(step.since) <= _number(release) < _number(step.before)]


def files():
    """What has to be built."""
    return sorted({word[1:] for step in _STEPS for word in step.words if word.startswith("@")})


def refuses_too_new(release):
    return _number(release) < _number(_TOO_NEW_SINCE)


def _number(release):
    return tuple(int(part) for part in re.match(r"(\d+)\.(\d+)", release).groups())
