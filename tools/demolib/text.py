# SPDX-License-Identifier: Apache-2.0
"""Words on an 80-column terminal. Colours only where somebody looks at them."""

import os
import sys
import textwrap

WIDTH = 80
_COLORS = sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def title(text):
    print("\n" + _styled("1", text) + "\n" + _styled("2", "-" * len(text)), flush=True)


def say(text):
    print(textwrap.fill(" ".join(text.split()), WIDTH), flush=True)


def command(line):
    """As it can be pasted into a shell."""
    lines = textwrap.wrap(line, WIDTH - 4, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)
    print("\n" + _styled("36", "$ " + " \\\n".join(lines)), flush=True)


def gap():
    print(flush=True)


def verbatim(text):
    print(text.rstrip("\n"), flush=True)


def _styled(code, text):
    return f"\x1b[{code}m{text}\x1b[0m" if _COLORS else text
