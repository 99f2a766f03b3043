# SPDX-License-Identifier: Apache-2.0
"""The few things that are asked of the kernel.

Only the *network* namespace is ever entered, unlike `ip netns exec`, which also mounts a fresh /sys and
so hides the bpffs below it: an agent that runs in a node's namespace finds its pins where they are.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import time
from pathlib import Path

from .errors import PodnetError

_RUN_NETNS = Path("/run/netns")
_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def namespaces():
    return sorted(entry.name for entry in _RUN_NETNS.iterdir()) if _RUN_NETNS.is_dir() else []


def exists(netns):
    return (_RUN_NETNS / netns).exists()


def create(netnses):
    ip(None, [f"netns add {name}" for name in netnses])


def delete(netnses):
    """Ends what still runs in them first: a namespace lives on, invisibly, as long as a process does."""
    present = [name for name in netnses if exists(name)]
    _end_processes_in(present)
    ip(None, [f"netns del {name}" for name in present], tolerant=True)


def enter(netns):
    """Moves this thread into a network namespace for good."""
    try:
        with open(_RUN_NETNS / netns) as namespace:
            _setns(namespace.fileno())
    except OSError as error:
        raise PodnetError(f"enter network namespace {netns}: {error.strerror}") from error


@contextlib.contextmanager
def inside(netns):
    with open("/proc/thread-self/ns/net") as home:
        enter(netns)
        try:
            yield
        finally:
            _setns(home.fileno())


def set_sysctls(netns, values):
    """values: {'net/ipv4/ip_forward': 1}"""
    with inside(netns):
        for name, value in values.items():
            try:
                Path("/proc/sys", name).write_text(str(value))
            except OSError as error:
                raise PodnetError(f"set {name} in {netns}: {error.strerror}") from error


def ip(netns, commands, tolerant=False):
    """Runs `ip` commands in one process. Those that start with '-6 ' follow the others, in a second one,
    since a batch can't change its family. With `tolerant`, failures are passed over: for removing
    what may be half there."""
    six = [command[3:] for command in commands if command.startswith("-6 ")]
    rest = [command for command in commands if not command.startswith("-6 ")]
    for family, lines in (([], rest), (["-6"], six)):
        if lines:
            _ip_batch(netns, family, lines, tolerant)


def _ip_batch(netns, family, lines, tolerant):
    where = ["-n", netns] if netns else []
    force = ["-force"] if tolerant else []
    done = subprocess.run(
        ["ip", *family, *where, *force, "-batch", "-"],
        input="\n".join(lines) + "\n",
        text=True,
        capture_output=True,
        check=False,
    )
    if done.returncode != 0 and not tolerant:
        raise PodnetError(_explain(netns, lines, done.stderr))


def _explain(netns, lines, stderr):
    reason, _, at = stderr.strip().partition("\nCommand failed -:")
    command = lines[int(at) - 1] if at.isdigit() else "; ".join(lines)
    return f"ip {command} (in {netns or 'the machine'}): {reason}"


def _setns(fd):
    if _libc.setns(fd, _CLONE_NEWNET) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def _end_processes_in(netnses):
    """SIGTERM, a second to comply, then SIGKILL, as a kubelet does that is in a hurry."""
    inodes = {(_RUN_NETNS / name).stat().st_ino for name in netnses}
    for number, patience in ((signal.SIGTERM, 1.0), (signal.SIGKILL, 2.0)):
        for pid in _processes_of(inodes):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        if _are_gone(inodes, patience):
            return
    raise PodnetError(f"end the processes of {', '.join(netnses)}: {_processes_of(inodes)} don't go")


def _are_gone(inodes, patience):
    deadline = time.monotonic() + patience
    while _processes_of(inodes):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


def _processes_of(inodes):
    found = []
    for entry in os.scandir("/proc") if inodes else ():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):  # it ended meanwhile, or is a zombie without namespaces
                if os.stat(f"/proc/{entry.name}/ns/net").st_ino in inodes:
                    found.append(int(entry.name))
    return found
