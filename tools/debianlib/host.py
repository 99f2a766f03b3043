# SPDX-License-Identifier: Apache-2.0
"""Programs that have to succeed, and our cache."""

import os
import pathlib
import subprocess

ENVIRONMENT = os.environ | {
    "PATH": os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin",
    "LC_ALL": "C",
    "DEBIAN_FRONTEND": "noninteractive",
}


class Failure(Exception):
    """What can't be done, to what, and why."""


def run(*arguments, doing=None, **options):
    """The output of a program that has to succeed, and asks nobody. `doing`: its name in errors, if not its words."""
    arguments = [str(argument) for argument in arguments]
    options = {"env": ENVIRONMENT} | options
    done = subprocess.run(arguments, text=True, stdin=subprocess.DEVNULL, capture_output=True, check=False, **options)
    if done.returncode != 0:
        why = done.stderr.strip() or f"exit status {done.returncode}"
        raise Failure(f"{doing or ' '.join(arguments)}: {why}")
    return done.stdout


def cache(*parts):
    """A directory that outlives us and that anybody may delete."""
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    place = pathlib.Path(base, "bulkhead", *parts)
    place.mkdir(parents=True, exist_ok=True)
    return place
