# SPDX-License-Identifier: Apache-2.0
"""One boot that runs one command: the host's root below it, its output and its exit code handed back.

Plain emulation: where this runs there is rarely a usable KVM. No figure of speed means anything here.
"""

import contextlib
import dataclasses
import pathlib
import shlex
import subprocess
import sys
import tempfile
import threading
import time

from . import host, image
from .host import KernelsError

_NEVER_ENDED = 125
_running = set()  # the machines of all threads, for end_all()
_ending = threading.Event()


@dataclasses.dataclass(frozen=True)
class Outcome:
    exit_code: int  # of the command; 125 if the machine ended before it
    output: str
    seconds: float
    last_words: str = ""  # the end of its console, if the machine died by itself before its command ended


def run(kernel, command, directory, show=None, timeout=600):
    """Runs words in a directory of the host's root. `show` gets each line of output as it comes. No kernel: here."""
    if _ending.is_set():
        raise KernelsError("interrupted")
    begun = time.monotonic()
    if not kernel:
        output, status = _output_of(command, show, timeout, cwd=directory)
        return Outcome(status, output, time.monotonic() - begun)
    with tempfile.TemporaryDirectory(prefix="bulkhead-kernel-") as place:
        place = pathlib.Path(place)
        _write_command(place, kernel, command, directory)
        with _shared_root(place) as socket:
            output, _ = _output_of(_qemu(kernel, place, socket), show, timeout)
        seconds = time.monotonic() - begun
        status = _text_of(place / "status")
        console = _text_of(place / "console")
    last = ""
    if not status:
        last = "\n".join(console.splitlines()[-25:])
        print(f"kernels: {kernel.release} ended before the command, its console with:\n{last}", file=sys.stderr)
    died = not status and seconds < timeout and not _ending.is_set()
    return Outcome(int(status or _NEVER_ENDED), output, seconds, (last or "nothing on its console") if died else "")


def _text_of(path):
    return path.read_text(errors="replace").strip() if path.exists() else ""


def _write_command(place, kernel, command, directory):
    (place / "modules").symlink_to(kernel.root / "lib" / "modules" / kernel.release)
    (place / "command").write_text(
        "export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8\n"
        "ip link set lo up\n"
        f"cd {shlex.quote(str(directory))} && exec {shlex.join(command)}\n"
    )


@contextlib.contextmanager
def _shared_root(place):
    """The host's root for the guest, which mounts it read-only."""
    socket = place / "root.sock"
    with open(place / "virtiofsd", "wb") as log:
        server = subprocess.Popen(
            [host.virtiofsd(), f"--socket-path={socket}", "-o", "source=/,cache=always,sandbox=chroot"],
            stdout=log, stderr=log,
        )
        try:
            _wait_for(socket, server, log.name)
            yield socket
        finally:
            server.terminate()
            server.wait()


def _wait_for(socket, server, log):
    deadline = time.monotonic() + 10
    while not socket.exists():
        if server.poll() is not None or time.monotonic() > deadline:
            raise KernelsError(f"share the root: {pathlib.Path(log).read_text().strip()}")
        time.sleep(0.02)


def _qemu(kernel, place, socket):
    return [
        host.path_of("qemu-system-x86_64"),
        *("-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"),
        *("-machine", "q35,accel=tcg,memory-backend=ram", "-smp", "2"),
        # QEMU 7.2 miscomputes cmpxchg16b, and 6.12 uses it in its allocator.
        *("-cpu", "max,-cx16"),
        *("-object", "memory-backend-memfd,id=ram,size=2G,share=on", "-m", "2G"),
        *("-kernel", image.vmlinux(kernel), "-initrd", image.initramfs(kernel)),
        *("-append", f"console=ttyS0 quiet panic=-1 mitigations=off bulkhead.run={place}"),
        *("-serial", f"file:{place}/console"),
        *("-chardev", f"socket,id=root,path={socket}", "-device", "vhost-user-fs-pci,chardev=root,tag=host"),
        *("-device", "virtio-serial-pci,id=ports"),
        # Not stdio: at the end of its input it hangs up, and the guest would wait for ever to write.
        *("-chardev", "file,id=output,path=/dev/stdout", "-device", "virtserialport,chardev=output,nr=1"),
        *("-chardev", f"file,id=status,path={place}/status", "-device", "virtserialport,chardev=status,nr=2"),
    ]


def _output_of(command, show, timeout, **options):
    """And the exit code. A machine's output is its command's."""
    lines = []
    machine = subprocess.Popen(
        [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, errors="replace", **options,
    )
    with _ended_after(machine, timeout):
        for line in machine.stdout:
            lines.append(line)
            if show:
                show(line)
        machine.wait()
    return "".join(lines), machine.returncode


@contextlib.contextmanager
def _ended_after(machine, timeout):
    """The guest may hang, and we may be interrupted: neither leaves a machine behind."""
    alarm = threading.Timer(timeout, machine.kill)
    alarm.daemon = True
    alarm.start()
    _running.add(machine)
    try:
        yield
    finally:
        _running.discard(machine)
        alarm.cancel()
        machine.kill()
        machine.wait()


def end_all():
    """Whatever still runs; its run() then returns at once, and no other begins."""
    _ending.set()
    for machine in list(_running):
        machine.kill()
