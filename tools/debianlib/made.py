# SPDX-License-Identifier: Apache-2.0
"""What takes minutes to make is made once, and only whole."""

import contextlib
import fcntl
import pathlib
import shutil
import tempfile
import time


def once(place, name, fill, say):
    """The folder `name` in `place`. If it isn't there, fill(workplace, folder) puts into `folder` what belongs in it,
    by way of `workplace`, which is gone afterwards. Several may ask at once: one makes it, the others wait."""
    finished = place / name
    if not finished.exists():
        with _alone(place, say):
            if not finished.exists():  # nor did another make it meanwhile
                _make(place, finished, fill, say)
    return finished


@contextlib.contextmanager
def _alone(place, say):
    """The lock goes with its process, however that ends."""
    with open(place / "lock", "w", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another one that makes them")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _make(place, finished, fill, say):
    """In a folder of its own, which gets its name when all is in it."""
    begun = time.monotonic()
    for abandoned in place.glob(".partial-*"):
        shutil.rmtree(abandoned)
    with tempfile.TemporaryDirectory(dir=place, prefix=".partial-", ignore_cleanup_errors=True) as workplace:
        folder = pathlib.Path(workplace, "made")
        folder.mkdir()
        fill(pathlib.Path(workplace), folder)
        folder.rename(finished)
    say(f"made in {time.monotonic() - begun:.0f} s")
