# SPDX-License-Identifier: Apache-2.0
"""Of the Debian that builds: which libraries a program needs, and which package a file is from."""

import re
import subprocess

from debianlib.host import ENVIRONMENT, Failure, run

# "libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x...)", or the loader's own path alone; not the kernel's vdso.
_LIBRARY = re.compile(r"^\s*(?:\S+ => )?(/\S+) \(0x", re.MULTILINE)


def libraries_of(programs):
    """The loader's answer, so what those need in their turn is in it."""
    found = set()
    for program in programs:
        said = run("ldd", program)
        if "not found" in said:
            raise Failure(f"find the libraries of {program}: {said}")
        found.update(_LIBRARY.findall(said))
    return sorted(found)


def packages_of(files):
    """The names of the packages, sorted. Each file has to be of one."""
    # dpkg knows a file by the name that its package gave it, which may be from before /lib became a link.
    names = {name: str(file) for file in files for name in (str(file), str(file).removeprefix("/usr"))}
    said = subprocess.run(["dpkg-query", "-S", *names], env=ENVIRONMENT, text=True, capture_output=True, check=False)
    owners = {}
    for line in said.stdout.splitlines():
        owner, _, name = line.partition(": ")
        owners[names[name]] = owner.partition(":")[0]
    strangers = sorted(set(names.values()) - set(owners))
    if strangers:
        raise Failure(f"find the packages of {', '.join(strangers)}: they are none's")
    return sorted(set(owners.values()))


def files_of(package):
    """Their paths, sorted."""
    return sorted(run("dpkg-query", "-L", package).split())


def status_of(package):
    """As dpkg has it: name, version, source, dependencies."""
    return run("dpkg-query", "-s", package)


def architecture():
    return run("dpkg", "--print-architecture").strip()
