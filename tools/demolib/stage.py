# SPDX-License-Identifier: Apache-2.0
"""The simulated cluster and the agents on it.

Everything has a name of the demo's own: the net, and one directory that holds the manifests, sockets,
logs and pins. So a demo runs beside tests, and whatever one left behind, killed or kept, is found and
removed by the next of that name.
"""

import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
_EXAMPLES = _ROOT / "manifests" / "examples" / "demo"
_PODNET = _ROOT / "tools" / "podnet"
_START_LIMIT = 60.0  # seconds; loading the programs on a busy machine
_STOP_LIMIT = 5.0
# Addresses that are neither a pod's nor a node's: a peer that accounts.yaml names by CIDR, and a stranger.
_OUTSIDE = {"office": ("10.0.210.5", "fd00:10:0:210::5"), "internet": ("203.0.113.10", "2001:db8::10")}


class StageError(Exception):
    """What was tried, on what, and why it failed."""


def shown(words):
    """A command line as a person at the repository's root types it."""
    return " ".join(str(word).removeprefix(f"{_ROOT}/") for word in words)


class Stage:
    """The demo called `name`, on programs that were built in `build`."""

    def __init__(self, name, build):
        self.net = name
        self.build = Path(build).resolve()
        self.directory = Path(f"/run/bulkhead-{name}")
        self.manifests = self.directory / "manifests"

    @contextlib.contextmanager
    def locked(self):
        """One at a time; the kernel lets go of it when the process ends, however it ends."""
        file = self.directory.with_suffix(".lock")
        with open(file, "w") as held:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise StageError(f"another demo called {self.net} is running") from error
            yield
            file.unlink(missing_ok=True)

    def set_up(self):
        """Nodes, pods, AWS resources, and a copy of the manifests that may be changed."""
        self.directory.mkdir(parents=True)
        shutil.copytree(_EXAMPLES, self.manifests)
        self._podnet("apply", self.manifests)
        for name, (ip4, ip6) in _OUTSIDE.items():
            self._podnet("resource", name, "--ip4", ip4, "--ip6", ip6)

    def nodes(self):
        return [node["name"] for node in self.listing()["nodes"]]

    def listing(self):
        return json.loads(self._podnet("ls", "-o", "json"))

    def pod(self, key):
        """What podnet says of namespace/pod."""
        return next(pod for pod in self.listing()["pods"] if f"{pod['namespace']}/{pod['name']}" == key)

    def start_agents(self):
        """One on each node; returns once all are ready."""
        for node in self.nodes():
            with open(self.directory / f"{node}.log", "w") as log:
                # In a session of its own: Ctrl-C is for the demo, which then ends its agents one by one.
                words = self.in_place(node, self._agent_words(node))
                agent = subprocess.Popen(words, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
            self._pid_file(node).write_text(str(agent.pid))
            self._wait_until_ready(node, agent)

    def socket_of(self, node):
        return self.directory / f"{node}.sock"

    def ctl_words(self, node, *arguments):
        return [self.build / "bulkheadctl", "--socket", self.socket_of(node), *arguments]

    def in_place(self, target, words):
        """Words that run a command in a node's or pod's network namespace."""
        return [_PODNET, "--net", self.net, "exec", target, "--", *words]

    def rewrite(self, name, change):
        """Changes a manifest as an editor does: a whole new file takes the old one's place. The moment just
        before that, on the monotonic clock."""
        file = self.manifests / name
        draft = self.manifests / f".{name}"
        draft.write_text(change(file.read_text()))
        moment = time.monotonic()
        os.replace(draft, file)
        return moment

    def tear_down(self):
        """Removes whatever there is of a demo; works any number of times."""
        for pid_file in self.directory.glob("*.pid"):
            self._stop(pid_file)
        for node in self.listing()["nodes"]:
            self._detach(node["name"])
        self._podnet("down")
        for mount in _mounts_below(self.directory):
            subprocess.run(["umount", "--lazy", mount], check=False)
        shutil.rmtree(self.directory, ignore_errors=True)

    def _podnet(self, *arguments):
        done = subprocess.run([_PODNET, "--net", self.net, *arguments], text=True, capture_output=True, check=False)
        if done.returncode != 0:
            raise StageError(done.stderr.strip() or f"podnet {arguments[0]} failed")
        return done.stdout

    def _agent_words(self, node):
        """The agent's command line, as it runs in the node's network namespace."""
        return [
            *(self.build / "bulkhead-agent", "--source", f"dir:{self.manifests}", "--node-name", node),
            *("--pin-dir", self._pins(node), "--socket", self.socket_of(node), "--metrics-address", "127.0.0.1:9810"),
        ]

    def _pins(self, node):
        return self.directory / f"pins-{node}"

    def _pid_file(self, node):
        return self.directory / f"{node}.pid"

    def _wait_until_ready(self, node, agent):
        deadline = time.monotonic() + _START_LIMIT
        while not self._is_ready(node):
            if agent.poll() is not None or time.monotonic() > deadline:
                log = (self.directory / f"{node}.log").read_text()
                raise StageError(f"the agent of {node} didn't get ready; it said:\n{log}")
            time.sleep(0.05)

    def _is_ready(self, node):
        words = self.ctl_words(node, "status", "-o", "json")
        done = subprocess.run(words, text=True, capture_output=True, check=False)
        return done.returncode == 0 and json.loads(done.stdout).get("ready", False)

    def _stop(self, pid_file):
        pid = int(pid_file.read_text() or 0)
        deadline = time.monotonic() + _STOP_LIMIT
        if self._is_our_agent(pid):
            os.kill(pid, signal.SIGTERM)
        while self._is_our_agent(pid):
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
                break
            time.sleep(0.02)
        pid_file.unlink(missing_ok=True)

    def _is_our_agent(self, pid):
        """The number may be somebody else's by now, or a zombie's without a command line."""
        try:
            return pid > 0 and f"{self.directory}/".encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return False

    def _detach(self, node):
        """Not needed for the kernel's sake (devices and mounts go next), but it is the way it is done."""
        if (self.build / "bulkhead-agent").exists() and self._pins(node).exists():
            words = self.in_place(node, [self.build / "bulkhead-agent", "detach", "--pin-dir", self._pins(node)])
            subprocess.run(words, capture_output=True, check=False)


def _mounts_below(directory):
    points = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    return sorted((point for point in points if point.startswith(f"{directory}/")), reverse=True)
