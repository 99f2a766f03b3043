# SPDX-License-Identifier: Apache-2.0
"""Arguments, the build, and output."""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys

sys.path.insert(1, str(pathlib.Path(__file__).resolve().parents[1]))  # debianlib

from debianlib.host import ENVIRONMENT, Failure, run  # noqa: E402

from . import contents, debian, oci  # noqa: E402

_BUILD = contents.SOURCE / "build-release"  # of CMake's preset `release`
_ABOUT = """
Builds the programs (preset `release`, stripped) and makes of them, without a container engine:

  OUT/rootfs                                  the image's root file system
  OUT/bulkhead-agent-VERSION-ARCHITECTURE.tar  the image, as `skopeo copy oci-archive:...` and others read it

The image is as old as $SOURCE_DATE_EPOCH, or else as the last commit; the same files give the same digest. The
Dockerfile makes the same image by the same means.
"""


def main(words):
    parser = argparse.ArgumentParser("image", description=_ABOUT, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, default=contents.SOURCE / "build" / "image", metavar="DIR",
                        help="where to; build/image if left out")
    parser.add_argument("--rootfs-only", action="store_true", help="no tarball")
    arguments = parser.parse_args(words)
    try:
        _make(arguments.out.absolute(), arguments.rootfs_only)
        return 0
    except (Failure, OSError) as error:
        print(f"image: {error}", file=sys.stderr)
        return 1


def _make(out, rootfs_only):
    _build()
    root = out / "rootfs"
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    root.chmod(0o755)
    contents.fill(root, _BUILD)
    if rootfs_only:
        return
    architecture = debian.architecture()
    tarball = out / f"bulkhead-agent-{version()}-{architecture}.tar"
    digest = oci.write(tarball, root, version(), architecture, _epoch())
    print(f"{tarball}\n{digest}")


def _build():
    _tell("tools/setup")
    _tell("cmake", "--preset", "release")
    _tell("cmake", "--build", _BUILD, "--target", *contents.BINARIES)


def _tell(*words):
    """A program that has to succeed; what it says goes to stderr, as it comes."""
    done = subprocess.run(words, cwd=contents.SOURCE, env=ENVIRONMENT, stdout=sys.stderr, check=False)
    if done.returncode != 0:
        raise Failure(f"{words[0]} failed")


def version():
    """Of this tree."""
    text = (contents.SOURCE / "CMakeLists.txt").read_text(encoding="utf-8")
    return re.search(r"^project\(bulkhead VERSION (\S+)", text, re.MULTILINE).group(1)


def _epoch():
    given = os.environ.get("SOURCE_DATE_EPOCH")
    return int(given) if given else int(run("git", "-C", contents.SOURCE, "log", "-1", "--format=%ct"))
