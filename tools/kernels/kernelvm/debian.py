# SPDX-License-Identifier: Apache-2.0
"""Debian's cloud kernels: the newest one of a series, fetched and unpacked, never installed. And its busybox.

The suites that hold them are mostly not those of this machine. Versions are looked up, because old ones leave the
archive.
"""

import dataclasses
import functools
import pathlib
import re
import subprocess
import sys
import tempfile

from debianlib import archive
from debianlib.archive import age

from . import host
from .host import KernelsError

_SUITES = ("bullseye", "bullseye-security", "bookworm", "bookworm-security", "bookworm-backports")


@dataclasses.dataclass(frozen=True)
class Kernel:
    series: str  # "5.10"
    release: str  # as uname -r says it
    version: str  # of the package
    root: pathlib.Path  # where the package is unpacked


def fetch(series):
    """The newest kernel of a series, looked up once a day; without the archive, the newest one that we have."""
    known = _already_here(series)
    if known and age(known.root) < archive.LOOKED_UP_LASTS:
        return known
    try:
        _refresh_index()
        name, version = _newest(series)
        return _unpacked(series, name, version)
    except KernelsError:
        if not known:
            raise
        return known


def busybox():
    """One that needs no libraries, as it has to be where there are none. Not the machine's: that is mostly not of this
    kind, and would be removed by installing this one."""
    root = host.cache("unpacked") / "busybox-static"
    if not root.exists():
        _refresh_index()
        _unpack("busybox-static", root)
    return root / "bin" / "busybox"


@functools.cache
def _archive():
    return archive.Archive(host.cache("apt"))


@functools.cache
def _refresh_index():
    lines = [f"deb [signed-by={archive.KEYRING}] {_mirror(suite)} {suite} main" for suite in _SUITES]
    error = _archive().refresh(lines)
    if error:
        print(f"kernels: {error}", file=sys.stderr)


def _mirror(suite):
    return archive.mirror(suite) or f"http://deb.debian.org/{archive.label_of(suite).lower()}"


def _newest(series):
    """Name and version of a series' newest package."""
    pattern = rf"^linux-image-{re.escape(series)}\.[^ ]*-cloud-amd64$"
    names = [line.split()[0] for line in _archive().ask("search", "--names-only", pattern).splitlines()]
    if not names:
        raise KernelsError(f"find a kernel {series}: none of {', '.join(_SUITES)} has one")
    shown = _archive().ask("--no-all-versions", "show", *names)
    found = zip(re.findall(r"^Package: (.*)$", shown, re.M), re.findall(r"^Version: (.*)$", shown, re.M))
    return max(found, key=functools.cmp_to_key(lambda one, other: _compare(one[1], other[1])))


def _compare(one, other):
    if one == other:
        return 0
    return 1 if subprocess.run(["dpkg", "--compare-versions", one, "gt", other], check=False).returncode == 0 else -1


def _unpacked(series, name, version):
    root = host.cache("unpacked") / f"{series}_{name.removeprefix('linux-image-')}_{version}"
    if not root.exists():
        _unpack(f"{name}={version}", root)
    root.touch()  # looked up just now
    return _kernel_in(root)


def _unpack(package, root):
    with tempfile.TemporaryDirectory(dir=root.parent, prefix=".partial-") as place:
        partial = pathlib.Path(place, "root")
        _archive().unpack(package, partial, place)
        for modules in partial.glob("lib/modules/*"):
            host.run("depmod", "-b", partial, modules.name)
        partial.rename(root)


def _release_in(root):
    return next(root.glob("boot/vmlinuz-*")).name.removeprefix("vmlinuz-")


def _kernel_in(root):
    series, _, version = root.name.split("_", 2)
    return Kernel(series, _release_in(root), version, root)


def _already_here(series):
    here = list(host.cache("unpacked").glob(f"{series}_*"))
    return _kernel_in(min(here, key=age)) if here else None
