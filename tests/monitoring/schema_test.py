# SPDX-License-Identifier: Apache-2.0
"""Are the dashboards what Grafana publishes of its dashboards' schema? Every key, every word and every unit, by the types of
its own SDK (schema/package.json), which TypeScript's compiler compares.

The compiler and the types are fetched once, by npm, into ~/.cache/bulkhead. `--list` names the tests, one a line, for
ctest; a name as the argument runs that one. Exits with 77 where they can't be had.
"""

import copy
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import dashboards

SCHEMA = Path(__file__).parent / "schema"
PACKAGES = ("package.json", "package-lock.json")
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "bulkhead"


def fetched():
    """The folder with the packages that package-lock.json names. Several may fetch at once: who is first wins."""
    digest = hashlib.sha256(b"".join((SCHEMA / name).read_bytes() for name in PACKAGES)).hexdigest()
    folder = CACHE / f"grafana-schema-{digest[:12]}"
    if not folder.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(dir=CACHE))
        try:
            for name in PACKAGES:
                shutil.copy(SCHEMA / name, made)
            subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=made, check=True,
                           capture_output=True, text=True, timeout=240)  # fmt: skip
            made.rename(folder)
        except OSError:
            if not folder.exists():  # else somebody was first
                raise
        finally:
            shutil.rmtree(made, ignore_errors=True)
    return folder


def typed(name, board):
    """File's name -> TypeScript that says: this is one. A file for each panel, so that complaints name it."""
    modules = {}
    for panel in board["panels"]:
        kind = "Row" if panel["type"] == "row" else "Panel"
        described = kind if kind == "Row" else f"{kind}<{json.dumps(panel['type'])}>"
        modules[f"{name}_panel_{panel['id']}.ts"] = (kind, described, panel)
    modules[f"{name}.ts"] = ("Board", "Board", {key: value for key, value in board.items() if key != "panels"})
    return {
        file: f'import type {{ {kind} }} from "./dashboard.js";\nexport const it: {described} = {json.dumps(value, indent=1)};\n'
        for file, (kind, described, value) in modules.items()
    }


def complaints(modules):
    """What the compiler says about them."""
    with tempfile.TemporaryDirectory() as directory:
        work = Path(directory)
        (work / "node_modules").symlink_to(fetched() / "node_modules")
        shutil.copy(SCHEMA / "dashboard.ts", work)
        for file, text in modules.items():
            (work / file).write_text(text)
        done = subprocess.run(
            ["node", "node_modules/typescript/bin/tsc", "--noEmit", "--strict", "--module", "nodenext", "--skipLibCheck",
             "--preserveSymlinks", "--pretty", "false", *sorted(modules)],
            cwd=work, text=True, capture_output=True, check=False)  # fmt: skip
    return [line for line in (done.stdout + done.stderr).splitlines() if line]


class Schema(unittest.TestCase):
    def test_dashboards_are_what_the_schema_of_Grafana_says(self):
        modules = {}
        for name in dashboards.NAMES:
            modules |= typed(name, dashboards.load(name))
        self.assertGreater(len(modules), 70)
        self.assertEqual(complaints(modules), [])

    def test_what_the_schema_does_not_know_is_found(self):
        board = dashboards.load("tenant")
        mistakes = {}

        def wrong(what, type_of_panel, change):
            panel = copy.deepcopy(next(panel for panel in board["panels"] if panel["type"] == type_of_panel))
            change(panel)
            modules = typed(what, {"panels": [panel | {"id": 1}]})
            mistakes[f"{what}_panel_1.ts"] = modules[f"{what}_panel_1.ts"]

        wrong("unit", "timeseries", lambda panel: panel["fieldConfig"]["defaults"].update(unit="cpps"))
        wrong("word", "timeseries", lambda panel: panel["options"]["legend"].update(displayMode="lists"))
        wrong("option", "stat", lambda panel: panel["options"].update(colourMode="value"))
        wrong("format", "table", lambda panel: panel["targets"][0].update(format="tables"))
        wrong("key", "table", lambda panel: panel.update(descripion="a word that is almost right"))
        wrong("row", "row", lambda panel: panel.update(collapsed="false"))
        wrong("kind", "stat", lambda panel: panel.update(type="singlestat"))
        modules = mistakes | typed("board", board | {"panels": [], "schemaVersion": "39"})
        found = complaints(modules)
        self.assertEqual({line.split("(")[0] for line in found if not line.startswith(" ")}, set(modules), found)


def missing():
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            return f"needs {program}"
    try:
        fetched()
    except (subprocess.SubprocessError, OSError) as error:
        return f"Grafana's schema can't be fetched: {error}"
    return None


def main():
    if sys.argv[1:] == ["--list"]:
        for name in unittest.defaultTestLoader.getTestCaseNames(Schema):
            print(f"Schema.{name}")
        return 0
    if reason := missing():
        print(reason)
        return 77
    return not unittest.main(exit=False).result.wasSuccessful()


if __name__ == "__main__":
    sys.exit(main())
