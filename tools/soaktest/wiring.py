# SPDX-License-Identifier: Apache-2.0
"""podnet as a process that stays, because a thousand pods in twenty minutes leave no time to start one for each.

usage: wiring.py NET FIFO. Reads "NUMBER add NODE NAMESPACE/POD IP4 IP6" and "NUMBER del NODE NAMESPACE/POD" line by
line, until the other end closes, and prints "NUMBER ok VETH", "NUMBER ok" or "NUMBER failed: WHY".
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

# pylint: disable=wrong-import-position
from podnetlib import names, net  # noqa: E402
from podnetlib.errors import PodnetError  # noqa: E402


def _do(name, verb, node, pod, *addresses):
    namespace, pod_name = names.split_pod(pod)
    with net.opened(name) as opened:
        if verb == "add":
            opened.add([net.Pod(namespace, pod_name, node, list(addresses))])
            return f"ok {names.host_veth(namespace, pod_name)}"
        opened.delete([pod])
        return "ok"


def main(name, fifo):
    with open(fifo, encoding="ascii") as commands:
        for line in commands:
            number, *words = line.split()
            try:
                print(f"{number} {_do(name, *words)}", flush=True)
            except PodnetError as error:
                print(f"{number} failed: {error}".replace("\n", " "), flush=True)


main(*sys.argv[1:])
