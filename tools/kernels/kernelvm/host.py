# SPDX-License-Identifier: Apache-2.0
"""The machine that we run on: its programs, the packages that bring those it lacks, and our cache."""

import os
import shutil
import sys

from debianlib import host
from debianlib.host import Failure as KernelsError  # a kernel for which this happens is skipped
from debianlib.host import run

# Program -> the Debian package that has it.
_PACKAGES = {
    "qemu-system-x86_64": "qemu-system-x86",
    "cpio": "cpio",
    "depmod": "kmod",
    "lz4": "lz4",
    "zstd": "zstd",
}
# Debian 12 has it in qemu-system-common, which comes with qemu; later releases in a package of its own.
_VIRTIOFSD = ("/usr/lib/qemu/virtiofsd", "/usr/libexec/virtiofsd")


def path_of(program):
    return shutil.which(program, path=host.ENVIRONMENT["PATH"])


def virtiofsd():
    return next((path for path in _VIRTIOFSD if os.path.exists(path)), None)


def require_programs():
    """Installs what is missing; says so, and does nothing when all is there."""
    _install(sorted({package for program, package in _PACKAGES.items() if not path_of(program)}))
    if not virtiofsd():
        _install(["virtiofsd"])


def _install(packages):
    if not packages:
        return
    print(f"kernels: installing {' '.join(packages)}", file=sys.stderr)
    if os.geteuid() != 0:
        raise KernelsError(f"install {' '.join(packages)}: needs root")
    run("apt-get", "update", "-q")
    run("apt-get", "install", "-q", "-y", "--no-install-recommends", *packages)


def cache(*parts):
    """A directory that outlives us and that anybody may delete."""
    return host.cache("kernels", *parts)
