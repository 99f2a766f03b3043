# SPDX-License-Identifier: Apache-2.0
"""What a net consists of, kept in /run/podnet/NET.json.

An entry is written *before* its first command runs and marked ready after the last, so that whatever a
crash left behind is known by name and the next command mends or removes it. Writers hold the lock;
readers need none, because the file only ever changes by rename.
"""

import contextlib
import fcntl
import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

_DIRECTORY = Path("/run/podnet")


def family(address):
    return 6 if ":" in address else 4


@dataclass
class Node:
    name: str
    addresses: list[str]
    link_local: list[str] = field(default_factory=list)
    ready: bool = False


@dataclass
class Pod:
    namespace: str
    name: str
    node: str
    addresses: list[str]
    vlan: int = 0  # of its branch ENI; 0 = it has none
    second: list[str] = field(default_factory=list)  # addresses of its second interface; none = it has only eth0
    ready: bool = False

    @property
    def key(self):
        return f"{self.namespace}/{self.name}"

    @property
    def all_addresses(self):
        return self.addresses + self.second


@dataclass
class Resource:
    name: str
    addresses: list[str]
    ready: bool = False


@dataclass
class State:
    net: str
    nodes: dict[str, Node] = field(default_factory=dict)
    pods: dict[str, Pod] = field(default_factory=dict)  # by 'namespace/name'
    resources: dict[str, Resource] = field(default_factory=dict)

    def everything(self):
        return [*self.nodes.values(), *self.pods.values(), *self.resources.values()]

    def pods_on(self, node):
        return [pod for pod in self.pods.values() if pod.node == node]

    def save(self):
        _DIRECTORY.mkdir(exist_ok=True)
        draft = _file(self.net).with_suffix(".new")
        draft.write_text(json.dumps(asdict(self)))
        os.replace(draft, _file(self.net))

    def forget(self):
        """Only under the lock, which goes too."""
        _file(self.net).unlink(missing_ok=True)
        _lock_file(self.net).unlink(missing_ok=True)


def load(net):
    try:
        read = json.loads(_file(net).read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return State(net)
    return State(
        net,
        {name: Node(**node) for name, node in read["nodes"].items()},
        {key: Pod(**pod) for key, pod in read["pods"].items()},
        {name: Resource(**resource) for name, resource in read["resources"].items()},
    )


def known_nets():
    return sorted(file.stem for file in _DIRECTORY.glob("*.json")) if _DIRECTORY.is_dir() else []


@contextlib.contextmanager
def locked(net):
    """One writer per net at a time."""
    _DIRECTORY.mkdir(exist_ok=True)
    with contextlib.ExitStack() as stack:
        while True:
            lock = stack.enter_context(open(_lock_file(net), "w"))
            fcntl.flock(lock, fcntl.LOCK_EX)
            if _is_still(lock, _lock_file(net)):
                break  # else whoever held it removed it, and the next one's is another file
        yield load(net)


def _file(net):
    return _DIRECTORY / f"{net}.json"


def _lock_file(net):
    return _DIRECTORY / f"{net}.lock"


def _is_still(file, path):
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
