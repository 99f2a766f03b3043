# SPDX-License-Identifier: Apache-2.0
"""What is in the image, and nothing else: our programs, the few of Debian's that the manifests call, and what those
need. No shell, no package manager: less to keep up to date, and nothing to run for who gets in.

Libraries are Debian's own files, in Debian's own places. The packages that they are from are told in
/var/lib/dpkg/status.d, which is where vulnerability scanners look in images like this one.
"""

import pathlib
import shutil

from debianlib.host import run

from . import debian

SOURCE = pathlib.Path(__file__).resolve().parents[2]

# Ours: the names of CMake's targets.
BINARIES = (
    "bulkhead-agent",
    "bulkheadctl",
    "bulkhead-cni",
    "bulkhead-controller",
)
# Debian's: what manifests/uninstall waits with.
PROGRAMS = ("/usr/bin/sleep",)
# No files of theirs are there, but their code is part of our programs: their licences want to be told.
COMPILED_IN = ("libarchive-dev", "libcli11-dev", "libexpected-dev", "nlohmann-json3-dev")

# kubectl's plugin, for whoever copies the image's /usr: under the names by which kubectl finds it and what completes it.
_PLUGIN = ("kubectl-bulkhead", "kubectl_complete-bulkhead")

# Whom AWS' servers are known by.
_AUTHORITIES = "ca-certificates"
_BUNDLE = "etc/ssl/certs/ca-certificates.crt"  # where libcurl, as Debian builds it, looks

# What the runtime mounts on, and what Debian's programs take for granted.
_FOLDERS = ("dev", "etc/bulkhead", "proc", "root", "run/bulkhead", "sys", "tmp", "var/lib/bulkhead", "var/lib/dpkg/status.d")
_LINKS = {"bin": "usr/bin", "sbin": "usr/sbin", "lib": "usr/lib", "lib64": "usr/lib64", "var/run": "/run"}
_FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/usr/sbin/nologin\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
    "etc/group": "root:x:0:\nnogroup:x:65534:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}


def fill(root, build):
    """The root file system, in an empty folder, from the programs that were built in `build`."""
    _skeleton(root)
    for name in BINARIES:
        run("strip", "--strip-all", "-o", root / "usr" / "bin" / name, build / name)
    wanted = [*PROGRAMS, *debian.libraries_of([*(build / name for name in BINARIES), *PROGRAMS])]
    placed = [path for file in wanted for path in _place(root, pathlib.Path(file))]
    _add_plugin(root)
    _trust(root)
    _tell_packages(root, sorted({*debian.packages_of(placed), _AUTHORITIES}))
    _tell_licences(root)
    _set_modes(root)


def _skeleton(root):
    for folder in (*_FOLDERS, "usr/bin", "usr/sbin", "usr/lib", "usr/lib64", "usr/share/doc"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for link, target in _LINKS.items():
        (root / link).symlink_to(target)
    for name, text in _FILES.items():
        (root / name).write_text(text, encoding="ascii")
    _place(root, pathlib.Path("/usr/lib/os-release"))
    (root / "etc" / "os-release").symlink_to("../usr/lib/os-release")


def _add_plugin(root):
    script, link = _PLUGIN
    shutil.copy2(pathlib.Path(__file__).parent / script, root / "usr" / "bin")
    (root / "usr" / "bin" / link).symlink_to(script)


def _trust(root):
    """The package's own certificates, and not this machine's bundle: to that somebody may have added a proxy's."""
    bundle = root / _BUNDLE
    bundle.parent.mkdir(parents=True)
    certificates = [pathlib.Path(file) for file in debian.files_of(_AUTHORITIES) if file.endswith(".crt")]
    texts = [file.read_text(encoding="ascii").strip() + "\n" for file in certificates]  # not each ends a line
    bundle.write_text("".join(texts), encoding="ascii")


def _place(root, file):
    """Where it lies here, and where what it links to lies. Hands back the files, by their real names."""
    file = file.parent.resolve() / file.name  # /lib is a link to /usr/lib
    target = root / file.relative_to("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.is_symlink():
        shutil.copy2(file, target, follow_symlinks=False)
    if not file.is_symlink():
        return [file]
    return _place(root, file.parent / file.readlink())


def _tell_packages(root, packages):
    for package in packages:
        (root / "var/lib/dpkg/status.d" / package).write_text(debian.status_of(package), encoding="utf-8")
    for package in (*packages, *COMPILED_IN):
        _place(root, pathlib.Path("/usr/share/doc", package, "copyright"))


def _tell_licences(root):
    ours = root / "usr/share/doc/bulkhead"
    shutil.copytree(SOURCE / "LICENSES", ours / "LICENSES")
    shutil.copy2(SOURCE / "LICENSE", ours)


def _set_modes(root):
    """Whatever this user's umask and checkout are. Nothing is setuid."""
    for path in root.rglob("*"):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
    (root / "tmp").chmod(0o1777)
