# SPDX-License-Identifier: Apache-2.0
"""What a kernel boots from: its own image without the decompressor, and an initramfs.

QEMU starts an ELF image by its PVH entry point, which spares the guest from decompressing itself: half of
the boot time under emulation. The initramfs holds busybox, the modules that must be there before the
host's root is, in the order in which they load, and guest/init.
"""

import lzma
import pathlib
import shutil
import struct
import subprocess
import tempfile

from . import debian, host
from .host import KernelsError

_GUEST = pathlib.Path(__file__).parent.parent / "guest"
_SCRIPTS = ("init", "modprobe")
# To get the host's root mounted and to report; all others are loaded from there, on demand.
_MODULES = ("virtio_pci", "virtio_console", "virtiofs", "overlay")
_BUSYBOX_APPLETS = ("sh", "mount", "insmod", "mkdir", "chroot", "poweroff", "cat", "uname")


def vmlinux(kernel):
    """The uncompressed kernel, from the payload that Documentation/x86/boot.rst describes."""
    image = kernel.root / "vmlinux"
    if image.exists():
        return image
    packed = (kernel.root / "boot" / f"vmlinuz-{kernel.release}").read_bytes()
    setup_sectors = packed[0x1F1] or 4
    offset, length = struct.unpack_from("<II", packed, 0x248)
    begin = (setup_sectors + 1) * 512 + offset
    _write(image, _decompress(packed[begin : begin + length]))
    return image


def initramfs(kernel):
    archive = kernel.root / "initramfs.cpio"
    made_of = max(path.stat().st_mtime for path in (*(_GUEST / script for script in _SCRIPTS), pathlib.Path(__file__)))
    if not archive.exists() or archive.stat().st_mtime < made_of:
        with tempfile.TemporaryDirectory() as place:
            tree = pathlib.Path(place)
            _fill(tree, kernel)
            names = "\n".join(str(path.relative_to(tree)) for path in sorted(tree.rglob("*")))
            packed = subprocess.run(
                [host.path_of("cpio"), "-o", "-H", "newc", "--quiet"],
                cwd=tree, input=names.encode(), stdout=subprocess.PIPE, check=True,
            )
        _write(archive, packed.stdout)
    return archive


def _fill(tree, kernel):
    for folder in ("bin", "dev", "proc", "sys", "host", "writable", "root", "modules"):
        (tree / folder).mkdir()
    shutil.copy(debian.busybox(), tree / "bin" / "busybox")
    for applet in _BUSYBOX_APPLETS:
        (tree / "bin" / applet).symlink_to("busybox")
    for script in _SCRIPTS:
        shutil.copy(_GUEST / script, tree / script)
    for number, module in enumerate(_in_load_order(kernel)):
        name = module.name.split(".")[0] + ".ko"
        content = module.read_bytes()
        (tree / "modules" / f"{number:02}-{name}").write_bytes(content if module.suffix == ".ko" else _decompress(content))


def _in_load_order(kernel):
    """The files of _MODULES and what they need, each after what it needs."""
    order = []
    for name in _MODULES:
        shown = host.run("modprobe", "-d", kernel.root, "-S", kernel.release, "--show-depends", name)
        for line in shown.splitlines():
            words = line.split()
            if words[0] == "insmod" and words[1] not in order:
                order.append(words[1])
    return [pathlib.Path(path) for path in order]


def _decompress(packed):
    magic = bytes(packed[:4])
    if magic == b"\xfd7zX":
        return lzma.LZMADecompressor(lzma.FORMAT_XZ).decompress(packed)
    program = {b"\x28\xb5\x2f\xfd": "zstd", b"\x02\x21\x4c\x18": "lz4"}.get(magic)
    if not program:
        raise KernelsError(f"unpack a kernel image: unknown compression {magic.hex()}")
    # The kernel's own note of the size follows, about which both complain after having written all.
    done = subprocess.run([host.path_of(program), "-dc"], input=packed, capture_output=True, check=False)
    return done.stdout


def _write(path, content):
    """All of it or nothing, since two of us may run side by side."""
    partial = path.with_suffix(".partial")
    partial.write_bytes(content)
    partial.rename(path)
