# SPDX-License-Identifier: Apache-2.0
"""Debian's archive, by an apt that has nothing of this machine's but its way to the mirror."""

import pathlib
import re
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


def sources(suites, kinds=("deb",)):
    """Lines of sources.list. Without those suites that this machine's apt knows no mirror of."""
    known = ((suite, mirror(suite)) for suite in suites)
    lines = [f"{kind} [signed-by={KEYRING}] {uri} {suite} main" for suite, uri in known if uri for kind in kinds]
    if not lines:
        raise Failure("find Debian's archive: this machine's apt knows none; is it a Debian, after `apt-get update`?")
    return lines


def age(path):
    return time.time() - path.stat().st_mtime


class Archive:
    """Its configuration and state are in `place`, so that the suites need not be those of this machine."""

    def __init__(self, place):
        self._place = place
        for needed in ("lists/partial", "cache/archives/partial"):
            (place / needed).mkdir(parents=True, exist_ok=True)

    def refresh(self, lines, lasts=LOOKED_UP_LASTS):
        """The index of each line of sources.list, once a day. Hands back what went wrong, if anything did: a suite that
        has left the mirror takes no other along."""
        stamp = self._place / "refreshed"
        if stamp.exists() and age(stamp) < lasts:
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
        """A binary package's files below `root`, by way of a directory of the caller's that has no package in it."""
        self.unpack_all([package], root, workplace)

    def unpack_all(self, packages, root, workplace):
        """Likewise; many are fetched faster together."""
        what = packages[0] if len(packages) == 1 else f"{len(packages)} packages"
        self.get("download", "-q", *packages, cwd=workplace, doing=f"fetch {what}")
        for fetched in pathlib.Path(workplace).glob("*.deb"):
            run("dpkg", "-x", fetched, root, doing=f"unpack {fetched.name}")
            fetched.unlink()

    def closure(self, *packages):
        """What would be installed with them where nothing is installed yet: file names by package."""
        uris = self.get("install", "-y", "--no-install-recommends", "--print-uris", *packages,
                        doing=f"find what {', '.join(packages)} need")
        return {file.partition("_")[0]: file for file in re.findall(r"^'[^']*' (\S+)", uris, re.MULTILINE)}

    def _private(self):
        options = {
            "Dir::Etc::sourcelist": self._place / "sources.list",
            "Dir::Etc::sourceparts": "/dev/null",
            "Dir::Etc::preferences": "/dev/null",
            "Dir::Etc::preferencesparts": "/dev/null",
            "Dir::State::lists": self._place / "lists",
            "Dir::State::status": "/dev/null",
            "Dir::Cache": self._place / "cache",
            "APT::Default-Release": "",  # which need not be among our suites
            "APT::Sandbox::User": "root",  # another user can't write to our cache
            "Acquire::Check-Valid-Until": "false",  # an archived suite is signed no more
            "Acquire::Languages": "none",
        }
        return [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
