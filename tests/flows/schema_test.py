# SPDX-License-Identifier: Apache-2.0
"""What is written as a flow is what docs/flow.schema.json says, and that says what docs/flows.md says.

`--list` names the tests, one a line, for ctest; a name as the argument runs that one, and `--file FILE` says which of its
lines are no flows, for tests that have real ones. $BULKHEADCTL is the program.
"""

import copy
import json
import os
import re
import subprocess
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs" / "flows.md"
WRITER = ROOT / "agent" / "flow" / "record.cpp"
RECORDED = ROOT / "tests" / "unit" / "flow_recorded.h"
NOTICES = [
    {"lost": 12, "because": "the ring was full"},
    {"lost": 12, "because": "the ring was full", "node": "node-a"},
    {"lost": 12, "because": "a storm", "unit": "packets", "node": "node-a"},
    {"forgotten": "allowed", "before": "2026-11-29T12:03:04.123456789Z", "node": "node-a"},
    {"error": "the reader is too slow"},
]


def schema():
    return json.loads((ROOT / "docs" / "flow.schema.json").read_text())


def complaints(lines):
    """What the schema says against lines of JSON; an empty one says that the writer is there."""
    from jsonschema import Draft202012Validator, FormatChecker
    from jsonschema.exceptions import best_match

    whole = schema()
    Draft202012Validator.check_schema(whole)
    validator = Draft202012Validator(whole, format_checker=FormatChecker(["ipv4", "ipv6"]))
    found = []
    for line in filter(str.strip, lines):
        if error := best_match(validator.iter_errors(json.loads(line))):
            found.append(f"{error.json_path}: {error.message} in {line.strip()}")
    return found


def recorded():
    """The lines of tests/unit/flow_recorded.h."""
    return re.findall(r'R"\((\{.*\})\)"', RECORDED.read_text())


def written(lines):
    """As the program writes what it has read."""
    done = subprocess.run([os.environ["BULKHEADCTL"], "flows", "--input-file", "-", "--all", "-o", "json"],
                          input="\n".join(lines), text=True, capture_output=True, check=True)  # fmt: skip
    return done.stdout.splitlines()


def fields_in(value):
    """All fields of a JSON value, by the object that has them: "source.kind" and "destination.kind" are both "end.kind"."""
    found = set()
    for name, inner in value.items():
        found.add(name)
        if isinstance(inner, dict) and name != "labels":
            of = "end" if name in ("source", "destination") else name
            found |= {field if "." in field else f"{of}.{field}" for field in fields_in(inner)}
    return found


def fields_of(definition, whole):
    """All fields that the schema names, in the same words."""
    found = set()
    for name, inner in whole["$defs"][definition]["properties"].items():
        found.add(name)
        of = inner.get("$ref", "").removeprefix("#/$defs/")
        if of == "end":
            found |= {field if "." in field else f"end.{field}" for field in fields_of("end", whole)}
        found |= {f"{name}.{field}" for field in inner.get("properties", {})}
    return found


def documented():
    """Names in the first columns of docs/flows.md's tables of fields: of a record, of an end."""
    section = DOCS.read_text().split("\n## JSON\n")[1].split("\nOf an end:\n")
    return [
        {
            name
            for row in re.findall(r"^\| (`[^|]*) \|", part.split("\n\nThree more kinds")[0], re.MULTILINE)
            for name in re.findall(r"`(\w+)`", row)
        }
        for part in section
    ]


class Schema(unittest.TestCase):
    def test_what_is_written_is_what_the_schema_says(self):
        lines = written(recorded())
        self.assertEqual(len(lines), len(recorded()))
        self.assertGreaterEqual(len(lines), 6)
        self.assertEqual(complaints(lines + [json.dumps(notice) for notice in NOTICES]), [])

    def test_every_field_of_the_schema_is_in_some_record(self):
        self.assertEqual(set().union(*(fields_in(json.loads(line)) for line in recorded())), fields_of("record", schema()))

    def test_no_field_is_written_that_the_schema_does_not_name(self):
        """Also those that no recorded flow has."""
        written_here = re.findall(r'(?:json\["|add_text\(json, ")(\w+)"', WRITER.read_text())
        known = {field.split(".")[-1] for field in fields_of("record", schema())}
        self.assertGreater(len(written_here), 10)
        self.assertLessEqual(set(written_here), known)

    def test_the_documentation_names_the_fields_of_the_schema(self):
        of_record, of_end = documented()
        self.assertEqual(of_record, set(schema()["$defs"]["record"]["properties"]))
        self.assertEqual(of_end, set(schema()["$defs"]["end"]["properties"]))

    def test_reasons_are_those_that_bulkheadctl_knows(self):
        done = subprocess.run([os.environ["BULKHEADCTL"], "reasons", "-o", "json"], text=True, capture_output=True, check=True)
        known = [reason["reason"] for reason in json.loads(done.stdout)["reasons"]]
        self.assertEqual(sorted(schema()["$defs"]["record"]["properties"]["reason"]["enum"]), sorted(known))

    def test_what_is_no_flow_is_refused(self):
        good = json.loads(recorded()[0])

        def refused(change):
            flow = copy.deepcopy(good)
            change(flow)
            return complaints([json.dumps(flow)]) != []

        self.assertFalse(refused(lambda flow: None))
        for name in schema()["$defs"]["record"]["required"]:
            self.assertTrue(refused(lambda flow: flow.pop(name)), f"without {name}")
        for name in ("kind", "level"):
            self.assertTrue(refused(lambda flow: flow["source"].pop(name)), f"source without {name}")
        for place, value in {
            ("colour",): "blue",
            ("source", "cluster"): "east",
            ("source", "workload", "uid"): "1",
            ("source", "port"): 0,
            ("source", "address"): "10.0.0.256",
            ("source", "name"): "web",
            ("source", "kind"): "world",
            ("source", "labels", "app"): 7,
            ("destination", "resource"): "aurora",
            ("time",): "2026-11-29T12:03:04Z",
            ("verdict",): "deny",
            ("reason",): "weather",
            ("line",): 10,
            ("packets",): "1",
            ("packets",): -1,
            ("protocol",): "UDP",  # which has no flags
            ("icmp",): {"type": 8, "code": 0},
        }.items():

            def change(flow):
                for name in place[:-1]:
                    flow = flow[name]
                flow[place[-1]] = value

            self.assertTrue(refused(change), f"{'.'.join(place)} = {value}")


def main():
    if sys.argv[1:] == ["--list"]:
        for name in unittest.defaultTestLoader.getTestCaseNames(Schema):
            print(f"Schema.{name}")
        return 0
    if sys.argv[1:2] == ["--file"]:
        with open(sys.argv[2], encoding="utf-8") as lines:
            found = complaints(lines)
        print("\n".join(found[:10]))
        return bool(found)
    return not unittest.main(exit=False).result.wasSuccessful()


if __name__ == "__main__":
    sys.exit(main())
