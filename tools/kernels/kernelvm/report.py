# SPDX-License-Identifier: Apache-2.0
"""What the guest said -> figures -> lines for people and the table of docs/kernels.md."""

import dataclasses
import re

from . import selection

_BEGIN = "<!-- made by tools/kernels/run --docs -->"
_END = "<!-- end -->"
_ALL_SKIPPED = 4  # Catch2's exit code


@dataclasses.dataclass
class Result:
    series: str  # or "here": this machine's kernel
    release: str = ""
    skipped_because: str = ""
    seconds: float = 0
    instructions: dict = dataclasses.field(default_factory=dict)  # program -> the most of any variant
    refused: list = dataclasses.field(default_factory=list)  # "VARIANT PROGRAM"
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    remarks: list = dataclasses.field(default_factory=list)  # on failures that no test tells of
    left_out: str = ""  # what there was no time for
    deaths: list = dataclasses.field(default_factory=list)  # of machines before the one that counts: step and console

    @property
    def counts(self):
        """Passed, failed and skipped: tests and programs; a kernel that could not be had is one skipped."""
        if self.skipped_because:
            return 0, 0, 1
        failed = self.failed + len(self.refused)
        nothing_loaded = not self.instructions and not failed and not self.left_out
        return self.passed + len(self.instructions), failed + nothing_loaded, self.skipped

    @property
    def good(self):
        return not self.skipped_because and self.counts[1] == 0


def read(result, output, exit_code, asked, in_time=True):
    """Adds to a result what guest/check wrote and how it ended. `asked` are the names of its steps; those that it was
    not given the time for are no failure."""
    ended, lines = [], []
    for line in output.splitlines():
        if line.startswith("== begin "):
            lines = []
        elif end := re.fullmatch(r"== end (\S+) (\d+) \d+", line):
            _add(result, end[1], lines, status=int(end[2]))
            ended.append(end[1])
        else:
            lines.append(line)
    if ended == asked[: len(ended)] and ended != asked and not in_time:
        result.left_out = ", ".join(asked[len(ended) :])
        result.skipped += 1
    elif ended != asked or exit_code != 0:  # the machine, or a step, ended in the middle of it
        result.failed += 1
        result.remarks.append(f"of the steps {', '.join(asked)} these ended: {', '.join(ended)}; exit code {exit_code}")


def note_death(result, output, last_words):
    """A machine died by itself: somebody should look, also where another one then does everything."""
    result.deaths.append((step_under_way(output), last_words))
    result.skipped += 1


def step_under_way(output):
    """The one that the machine was at when its output ended."""
    begun = re.findall(r"^== begin (\S+)$", output, re.M)
    return begun[-1] if begun else "boot"


def _add(result, name, lines, status):
    if name == selection.PROGRAMS:
        _add_programs(result, lines, status)
        return
    if name == selection.TOO_NEW:
        _add_too_new(result, lines, status)
        return
    passed, failed, skipped = _catch2_counts("\n".join(lines))
    ended_well = passed if status == 0 else skipped and status == _ALL_SKIPPED
    if not failed and not ended_well:
        failed = 1  # it crashed, nothing ran, or not all of what was asked for
    result.passed += passed
    result.failed += failed
    result.skipped += skipped


def _add_programs(result, lines, status):
    for words in (line.split() for line in lines):
        if len(words) == 4 and words[0] == "program":
            program, count = words[2], int(words[3])
            result.instructions[program] = max(count, result.instructions.get(program, 0))
        elif len(words) == 3 and words[0] == "refused":
            result.refused.append(f"{words[1]} {words[2]}")
    if status != 0 and not result.refused:
        result.refused.append(f"the loader: exit code {status}")


def _add_too_new(result, lines, status):
    refused = status == 1 and any(line.startswith("refused ") for line in lines)
    loaded = status == 0 and any(line.startswith("program ") for line in lines)
    if refused if selection.refuses_too_new(result.release) else loaded:
        result.passed += 1
    else:
        result.failed += 1
        result.remarks.append(f"the program that is too new for some kernels: exit code {status}, {lines}")


def _catch2_counts(text):
    """From the last lines that Catch2's console reporter writes."""
    everything = re.search(r"^All tests passed \(.* in (\d+) test cases?\)$", text, re.M)
    if everything:
        return int(everything[1]), 0, 0
    summary = re.search(r"^test cases: .*$", text, re.M)
    if not summary:
        return 0, 0, 0
    counts = {word: int(number) for number, word in re.findall(r"(\d+) (passed|failed|skipped)", summary[0])}
    return counts.get("passed", 0), counts.get("failed", 0), counts.get("skipped", 0)


def lines(result):
    """For people, at the end of a kernel's run."""
    title = f"{result.series:5}"
    if result.skipped_because:
        return [f"{title} SKIPPED: {result.skipped_because}"]
    said = [f"{title} {result.release}: {len(result.instructions)} programs loaded, {_tests(result)}, {result.seconds:.0f} s"]
    said += [f"      {program}: {count:,} instructions verified" for program, count in result.instructions.items()]
    said += [f"      REFUSED: {refused}" for refused in result.refused]
    said += [f"      NO TIME for {result.left_out}"] if result.left_out else []
    said += [f"      DIED in {step}, then all of it again; its console ended with:\n{end}" for step, end in result.deaths]
    said += [f"      FAILED: {remark}" for remark in result.remarks]
    return said


def _tests(result):
    return f"{result.passed} passed, {result.failed} failed, {result.skipped} skipped"


def write_table(path, results):
    """Replaces the table between the two marks."""
    before, _, rest = path.read_text().partition(_BEGIN)
    after = rest.partition(_END)[2]
    path.write_text(f"{before}{_BEGIN}\n\n{_table(results)}\n{_END}{after}")


def _release(result):
    """Of this machine's kernel only the version: whose machine it is says nothing to others."""
    return result.release.split("-")[0] if result.series == "here" else result.release


def _table(results):
    programs = sorted({program for result in results for program in result.instructions})
    names = [f"`{program}`" for program in programs]
    rows = [["kernel", "release", *names, "tests passed", "failed", "skipped", "seconds"]]
    rows.append(["---"] * 2 + ["---:"] * (len(rows[0]) - 2))
    for result in results:
        counts = [f"{result.instructions[name]:,}" if name in result.instructions else "refused" for name in programs]
        tests = [str(result.passed), str(result.failed), str(result.skipped), f"{result.seconds:.0f}"]
        if result.skipped_because:
            counts, tests = [""] * len(programs), ["not run", "", "", ""]
        rows.append([result.series, _release(result), *counts, *tests])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)
