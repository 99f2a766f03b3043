# SPDX-License-Identifier: Apache-2.0
"""A root file system as an OCI image of one layer, in a tarball (an "oci-archive").

https://github.com/opencontainers/image-spec, version 1. Nothing in it depends on when, where or by whom it is made:
files are in order of their names, root's, and as old as `epoch`. So the same files have the same digest.
"""

import datetime
import gzip
import hashlib
import io
import json
import tarfile

_MEDIA = "application/vnd.oci.image."

# The Dockerfile says the same; tools/imagelib/image_test.py sees to that.
RUN = {
    "Env": ["PATH=/usr/bin"],
    "Entrypoint": ["bulkhead-agent"],
}
LABELS = {
    "org.opencontainers.image.title": "Bulkhead",
    "org.opencontainers.image.description": "Isolates the tenants of a Kubernetes cluster from each other, with eBPF",
    "org.opencontainers.image.licenses": "Apache-2.0 AND (GPL-2.0-only OR BSD-2-Clause)",
}


def write(target, root, version, architecture, epoch):
    """Into the file `target`. Hands back the digest of the image: its manifest's. The architecture is by Go's name, which
    of amd64 and arm64 is Debian's too."""
    layer = _layer(root, epoch)
    blobs = {}
    manifest = _manifest(blobs, layer, _config(layer, version, architecture, epoch))
    index = {
        "schemaVersion": 2,
        "mediaType": _MEDIA + "index.v1+json",
        "manifests": [manifest | {"annotations": {"org.opencontainers.image.ref.name": version}}],
    }
    files = {"oci-layout": _json({"imageLayoutVersion": "1.0.0"}), "index.json": _json(index)}
    files |= {f"blobs/sha256/{digest}": blob for digest, blob in sorted(blobs.items())}
    _pack(target, files, epoch)
    return manifest["digest"]


def _config(layer, version, architecture, epoch):
    created = datetime.datetime.fromtimestamp(epoch, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "created": created,
        "architecture": architecture,
        "os": "linux",
        "config": RUN | {"Labels": LABELS | {"org.opencontainers.image.version": version}},
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + _digest(layer)]},
        "history": [{"created": created, "created_by": "tools/image"}],
    }


def _manifest(blobs, layer, config):
    """Its descriptor; it and what it names are in `blobs` then."""
    manifest = {
        "schemaVersion": 2,
        "mediaType": _MEDIA + "manifest.v1+json",
        "config": _add(blobs, "config.v1+json", _json(config)),
        "layers": [_add(blobs, "layer.v1.tar+gzip", gzip.compress(layer, mtime=0))],
    }
    platform = {"architecture": config["architecture"], "os": config["os"]}
    return _add(blobs, "manifest.v1+json", _json(manifest)) | {"platform": platform}


def _add(blobs, media, blob):
    blobs[_digest(blob)] = blob
    return {"mediaType": _MEDIA + media, "digest": "sha256:" + _digest(blob), "size": len(blob)}


def _layer(root, epoch):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for path in sorted(root.rglob("*")):
            about = _normal(tar.gettarinfo(path, arcname=str(path.relative_to(root))), epoch)
            if about.isreg():
                with path.open("rb") as file:
                    tar.addfile(about, file)
            else:
                tar.addfile(about)
    return packed.getvalue()


def _pack(target, files, epoch):
    """All of it or nothing."""
    partial = target.with_suffix(".partial")
    with tarfile.open(partial, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for folder in ("blobs", "blobs/sha256"):
            about = tarfile.TarInfo(folder)
            about.type, about.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(_normal(about, epoch))
        for name, blob in files.items():
            about = tarfile.TarInfo(name)
            about.size = len(blob)
            tar.addfile(_normal(about, epoch), io.BytesIO(blob))
    partial.rename(target)


def _normal(about, epoch):
    about.uid = about.gid = 0
    about.uname = about.gname = ""
    about.mtime = epoch
    if about.islnk():  # two names of one file here
        raise ValueError(f"{about.name} is a hard link")
    return about


def _digest(blob):
    return hashlib.sha256(blob).hexdigest()


def _json(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
