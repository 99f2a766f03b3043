# SPDX-License-Identifier: Apache-2.0
"""Arguments, signals, and that everything is removed in the end."""

import argparse
import signal
import sys
from pathlib import Path

sys.dont_write_bytecode = True  # a tool that root runs leaves no root-owned caches in the tree
_ROOT = Path(__file__).resolve().parents[2]
sys.path[0] = str(_ROOT / "tools")

from demolib import text  # noqa: E402
from demolib.stage import Stage, StageError  # noqa: E402
from demolib.story import Story  # noqa: E402
from podnetlib.errors import PodnetError  # noqa: E402
from podnetlib.names import check_net  # noqa: E402

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class _Interrupted(Exception):
    pass


def _interrupt(number, _frame):
    raise _Interrupted(number)


def _on_ending(handler):
    for number in _ENDING:
        signal.signal(number, handler)


def _demo(stage, arguments):
    stage.tear_down()  # what another one left
    stage.set_up()
    story = Story(stage)
    for part in story.parts():
        part()
        if arguments.step:
            text.gap()
            input("[Enter] ")
    if arguments.keep:
        story.how_to_explore()
        return
    text.title("The end")
    text.say("Removing agents, programs, nodes and pods; nothing stays behind.")


def _run(stage, arguments):
    """The exit status. What was made is removed unless it was asked to stay."""
    keep = False
    try:
        _on_ending(_interrupt)
        if not arguments.down:
            _demo(stage, arguments)
            keep = arguments.keep
    except _Interrupted as interrupted:
        text.gap()
        text.say("Interrupted; removing everything.")
        return 128 + interrupted.args[0]
    except EOFError:  # nobody is there to press Enter
        return 1
    finally:
        _on_ending(signal.SIG_IGN)  # cleaning up is not to be interrupted
        if not keep:
            stage.tear_down()
    return 0


def main():
    parser = argparse.ArgumentParser(prog="tools/demo")
    for option in ("--keep", "--down", "--step"):
        parser.add_argument(option, action="store_true")
    parser.add_argument("--build", default=_ROOT / "build", help="where the programs are")
    parser.add_argument("--name", default="demo", help="several demos need several names")
    arguments = parser.parse_args()
    try:
        stage = Stage(check_net(arguments.name), arguments.build)
        with stage.locked():
            return _run(stage, arguments)
    except (StageError, PodnetError, OSError) as error:
        print(f"tools/demo: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
