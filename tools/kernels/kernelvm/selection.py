# SPDX-License-Identifier: Apache-2.0
"""Which tests run on each kernel: those whose outcome depends on it. The one place to add to.

Whole executables instead of ctest's one process for each test: starting one takes a second under emulation,
and so does every load of the programs. The arguments are Catch2's.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Suite:
    program: str  # in the build directory
    arguments: tuple[str, ...]
    since: str = "5.10"  # the first kernel that has what it is about


LOADER = "bulkhead-load"
_SUITES = (
    # All but the long random comparison, whose subject is the rule and not the kernel.
    Suite("bpf_tests", ("~oracle*",)),
    # Attaching in each mode and from one to the other, overtaking others' filters, restarts on pinned state, detach.
    Suite(
        "node_datapath",
        ("a guarded veth*,auto takes*,with clsact*,a restart*,an agent with the other attach mode*,detach leaves*",),
    ),
    # The example cluster, its agents' restart and detach, with real sockets.
    Suite("node_matrix", ("*by clsact",)),
    Suite("node_matrix", ("*by tcx",), since="6.6"),
)


def suites(series):
    """Those for a kernel; None: for all of them."""
    return [suite for suite in _SUITES if series is None or _number(suite.since) <= _number(series)]


def _number(series):
    return tuple(int(part) for part in series.split("."))
