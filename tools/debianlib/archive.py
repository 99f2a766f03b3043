# SPDX-License-Identifier: Apache-2.0
"""Debian's archive, by an apt that has nothing of this machine's but its way to the mirror."""

import pathlib
import time

from .host import Failure, run

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
LOOKED_UP_LASTS = 24 * 3600  # seconds


def label_of(suite):
    """As the archive that holds it calls itself."""
    return "Debian-Security" if suite.endswith("-security") else "Debian"


def mirror(suite):
    """From where this machine takes Debian, or its security updates; None if from nowhere."""
    targets = run("apt-get", "indextargets", "--format", "$(LABEL)|$(REPO_URI)", "Created-By: Packages")
    known = (line.partition("|") for line in targets.splitlines())
    return next((uri for label, _, uri in known if label == label_of(suite)), None)


def age(path):
    return time.time() - path.stat().st_mtime


class Archive:
    """Its configuration and state are in `place`, so that the suites need not be those of this machine."""

    def __init__(self, place):
        self._place = place
        for needed in ("lists/partial", "cache/archives/partial"):
            (place / needed).mkdir(parents=True, exist_ok=True)

    def refresh(self, lines):
        """The index of each line of sources.list, once a day. Hands back what went wrong, if anything did: a suite that
        has left the mirror takes no other along."""
        stamp = self._place / "refreshed"
        if stamp.exists() and age(stamp) < LOOKED_UP_LASTS:
            return None
        (self._place / "sources.list").write_text("\n".join(lines) + "\n")
        try:
            self.get("update", "-q", "--error-on=any", doing="refresh the index of packages")
            stamp.touch()
            return None
        except Failure as error:
            return error

    def get(self, *words, **options):
        return run("apt-get", *self._private(), *words, **options)

    def ask(self, *words):
        return run("apt-cache", *self._private(), *words)

    def unpack(self, package, root, workplace):
        """A binary package's files below `root`, by way of a directory of the caller's."""
        self.get("download", "-q", package, cwd=workplace, doing=f"fetch {package}")
        fetched = next(pathlib.Path(workplace).glob(f"{package.partition('=')[0]}_*.deb"))
        run("dpkg", "-x", fetched, root, doing=f"unpack {package}")
        fetched.unlink()

    def _private(self):
        options = {
            "Dir::Etc::sourcelist": self._place / "sources.list",
            "Dir::Etc::sourceparts": "/dev/null",
            "Dir::Etc::preferences": "/dev/null",
            "Dir::Etc::preferencesparts": "/dev/null",
            "Dir::State::lists": self._place / "lists",
            "Dir::State::status": "/dev/null",
            "Dir::Cache": self._place / "cache",
            "APT::Sandbox::User": "root",  # another user can't write to our cache
            "Acquire::Check-Valid-Until": "false",  # an archived suite is signed no more
            "Acquire::Languages": "none",
        }
        return [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
