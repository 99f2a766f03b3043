# SPDX-License-Identifier: Apache-2.0
"""Debian's cloud kernels: the newest one of a series, fetched and unpacked, never installed. And its busybox.

The suites that hold them are mostly not those of this machine, so apt gets a configuration and a state of
its own, on the mirror that the machine uses. Versions are looked up, because old ones leave the archive.
"""

import dataclasses
import functools
import pathlib
import re
import subprocess
import sys
import tempfile
import time

from . import host
from .host import KernelsError

_SUITES = ("bullseye", "bullseye-security", "bookworm", "bookworm-security", "bookworm-backports")
_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
_LOOKED_UP_LASTS = 24 * 3600  # seconds


@dataclasses.dataclass(frozen=True)
class Kernel:
    series: str  # "5.10"
    release: str  # as uname -r says it
    version: str  # of the package
    root: pathlib.Path  # where the package is unpacked


def fetch(series):
    """The newest kernel of a series, looked up once a day; without the archive, the newest one that we have."""
    known = _already_here(series)
    if known and _age(known.root) < _LOOKED_UP_LASTS:
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
def _refresh_index():
    """Of all suites that there are: one that has left the mirror takes no other along."""
    stamp = host.cache("apt") / "refreshed"
    if stamp.exists() and _age(stamp) < _LOOKED_UP_LASTS:
        return
    lines = [f"deb [signed-by={_KEYRING}] {_mirror(suite)} {suite} main" for suite in _SUITES]
    (host.cache("apt") / "sources.list").write_text("\n".join(lines) + "\n")
    try:
        host.run("apt-get", *_private(), "update", "-q", "--error-on=any")
        stamp.touch()
    except KernelsError as error:
        print(f"kernels: {error}", file=sys.stderr)


def _mirror(suite):
    """From where this machine takes Debian, or its security updates."""
    targets = host.run("apt-get", "indextargets", "--format", "$(LABEL)|$(REPO_URI)", "Created-By: Packages")
    label = "Debian-Security" if suite.endswith("-security") else "Debian"
    known = [uri for found, _, uri in (line.partition("|") for line in targets.splitlines()) if found == label]
    return known[0] if known else f"http://deb.debian.org/{label.lower()}"


def _private():
    """apt with nothing of this machine's but its way to the mirror."""
    place = host.cache("apt")
    for needed in ("lists/partial", "cache/archives/partial"):
        (place / needed).mkdir(parents=True, exist_ok=True)
    options = {
        "Dir::Etc::sourcelist": place / "sources.list",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::Etc::preferences": "/dev/null",
        "Dir::Etc::preferencesparts": "/dev/null",
        "Dir::State::lists": place / "lists",
        "Dir::State::status": "/dev/null",
        "Dir::Cache": place / "cache",
        "APT::Sandbox::User": "root",  # another user can't write to our cache
        "Acquire::Check-Valid-Until": "false",  # an archived suite is signed no more
        "Acquire::Languages": "none",
    }
    return [word for name, value in options.items() for word in ("-o", f"{name}={value}")]


def _newest(series):
    """Name and version of a series' newest package."""
    pattern = rf"^linux-image-{re.escape(series)}\.[^ ]*-cloud-amd64$"
    names = [line.split()[0] for line in host.run("apt-cache", *_private(), "search", "--names-only", pattern).splitlines()]
    if not names:
        raise KernelsError(f"find a kernel {series}: none of {', '.join(_SUITES)} has one")
    shown = host.run("apt-cache", *_private(), "--no-all-versions", "show", *names)
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
        host.run("apt-get", *_private(), "download", "-q", package, cwd=place)
        partial = pathlib.Path(place, "root")
        host.run("dpkg", "-x", next(pathlib.Path(place).glob("*.deb")), partial)
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
    return _kernel_in(min(here, key=_age)) if here else None


def _age(path):
    return time.time() - path.stat().st_mtime
