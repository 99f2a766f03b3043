# SPDX-License-Identifier: Apache-2.0
"""XML from Python's values: a dict is elements, a list of (name of each, values) is a list as AWS writes it."""

from xml.sax.saxutils import escape


class Each:
    """A list whose elements are called `name`."""

    def __init__(self, name, values):
        self.name, self.values = name, values


def elements(value):
    """What is None isn't there: AWS leaves out what it has no value for."""
    if isinstance(value, dict):
        return "".join(f"<{name}>{elements(inner)}</{name}>" for name, inner in value.items() if inner is not None)
    if isinstance(value, Each):
        return "".join(f"<{value.name}>{elements(inner)}</{value.name}>" for inner in value.values)
    if isinstance(value, list):
        return elements(Each("item", value))
    if isinstance(value, bool):
        return str(value).lower()
    return escape(str(value))
