# SPDX-License-Identifier: Apache-2.0
"""Which tests run on each kernel: those whose outcome depends on it. The one place to add to.

Whole executables instead of ctest's one process for each test: starting one takes a second under emulation.
The arguments are Catch2's, and leave out what would only repeat itself at great length.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Suite:
    program: str  # in the build directory
    arguments: tuple[str, ...] = ()


LOADER = "bulkhead-load"
SUITES = (
    Suite("bpf_tests"),
    Suite("node_datapath"),
    Suite("node_matrix"),
)
