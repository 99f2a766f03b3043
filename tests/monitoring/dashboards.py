# SPDX-License-Identifier: Apache-2.0
"""The dashboards as tests read them: panels, and queries as Grafana would send them."""

import json
from pathlib import Path

MANIFESTS = Path(__file__).parents[2] / "manifests"
FOLDER = MANIFESTS / "monitoring" / "grafana"
NAMES = ("cluster", "node", "tenant")

# What Grafana puts in for "All", and for its own variables.
EVERYTHING = {"cluster": ".*", "node": ".*", "tenant": ".*", "__range": "6h", "__rate_interval": "2m"}


def load(name):
    return json.loads((FOLDER / f"{name}.json").read_text())


def panels(dashboard):
    """Those that show something."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def asked(expression, values):
    """With the variables' values in their places, the longest names first."""
    for name in sorted(values, key=len, reverse=True):
        expression = expression.replace(f"${name}", values[name])
    return expression


def queries(values=None):
    """(dashboard, panel's title, query) of all."""
    for name in NAMES:
        for panel in panels(load(name)):
            for target in panel["targets"]:
                yield name, panel["title"], asked(target["expr"], values or EVERYTHING)
