# SPDX-License-Identifier: Apache-2.0
"""tools/image's tarball, of a root file system so small that it takes no time: what is in it, and that nothing is that
depends on the moment or the place. And the Dockerfile, which no container engine reads here.
"""

import gzip
import hashlib
import io
import json
import os
import pathlib
import re
import shlex
import sys
import tarfile
import tempfile
import unittest

sys.path.insert(1, str(pathlib.Path(__file__).resolve().parents[1]))

from imagelib import cli, contents, oci  # noqa: E402

_EPOCH = 1700000000


class Image(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.place = pathlib.Path(place.name)

    def root(self, name, files):
        root = self.place / name
        for file, text in files.items():
            (root / file).parent.mkdir(parents=True, exist_ok=True)
            (root / file).write_text(text, encoding="utf-8")
        (root / "bin").symlink_to("usr/bin")
        return root

    def tarball(self, root, architecture="amd64", epoch=_EPOCH):
        target = self.place / f"{root.name}.tar"
        digest = oci.write(target, root, "1.2.3", architecture, epoch)
        return target.read_bytes(), digest

    def test_every_blob_has_the_name_of_its_digest_and_everything_named_is_there(self):
        packed, digest = self.tarball(self.root("a", {"usr/bin/agent": "agent\n"}), "arm64")
        files = _files(packed)
        self.assertEqual(json.loads(files["oci-layout"]), {"imageLayoutVersion": "1.0.0"})
        named = json.loads(files["index.json"])["manifests"]
        self.assertEqual([one["digest"] for one in named], [digest])
        self.assertEqual(named[0]["platform"], {"architecture": "arm64", "os": "linux"})
        manifest = json.loads(self.blob(files, named[0]))
        config = json.loads(self.blob(files, manifest["config"]))
        layer = gzip.decompress(self.blob(files, manifest["layers"][0]))
        self.assertEqual(config["architecture"], "arm64")
        self.assertEqual(config["created"], "2023-11-14T22:13:20Z")
        self.assertEqual(config["rootfs"]["diff_ids"], ["sha256:" + hashlib.sha256(layer).hexdigest()])
        self.assertEqual(len([name for name in files if name.startswith("blobs/")]), 3)
        self.assertEqual(_files(layer)["usr/bin/agent"], b"agent\n")

    def blob(self, files, descriptor):
        algorithm, digest = descriptor["digest"].split(":")
        blob = files[f"blobs/{algorithm}/{digest}"]
        self.assertEqual(hashlib.sha256(blob).hexdigest(), digest)
        self.assertEqual(len(blob), descriptor["size"])
        return blob

    def test_the_same_files_are_the_same_image_whenever_and_by_whomever_they_were_written(self):
        files = {"usr/bin/agent": "agent\n", "etc/passwd": "root\n"}
        first = self.root("a", files)
        second = self.root("b", dict(reversed(files.items())))
        os.utime(second / "usr/bin/agent", (1, 1))
        if os.geteuid() == 0:
            os.chown(second / "etc/passwd", 65534, 65534)
        self.assertEqual(self.tarball(first), self.tarball(second))

    def test_another_byte_another_mode_another_name_and_another_date_are_another_image(self):
        same = self.tarball(self.root("a", {"usr/bin/agent": "agent\n"}))
        mode = self.root("c", {"usr/bin/agent": "agent\n"})
        (mode / "usr/bin/agent").chmod(0o700)
        others = {
            "byte": self.tarball(self.root("b", {"usr/bin/agent": "agenT\n"})),
            "mode": self.tarball(mode),
            "name": self.tarball(self.root("d", {"usr/bin/agenT": "agent\n"})),
            "date": self.tarball(self.root("e", {"usr/bin/agent": "agent\n"}), epoch=_EPOCH + 1),
        }
        for what, (packed, digest) in others.items():
            with self.subTest(what):
                self.assertNotEqual(packed, same[0])
                self.assertNotEqual(digest, same[1])

    def test_files_are_root_s_in_order_and_nothing_tells_who_made_them(self):
        root = self.root("a", {"b": "", "a": "", "a.d/x": ""})
        packed = oci._layer(root, _EPOCH)
        with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
            members = tar.getmembers()
        self.assertEqual([one.name for one in members], sorted(one.name for one in members))
        self.assertEqual({(one.uid, one.gid, one.uname, one.gname, one.mtime) for one in members},
                         {(0, 0, "", "", _EPOCH)})

    def test_kubectl_s_plugin_is_there_by_both_names_and_can_be_run(self):
        root = self.root("plugin", {"usr/bin/bulkheadctl": ""})
        contents._add_plugin(root)
        for name in ("kubectl-bulkhead", "kubectl_complete-bulkhead"):
            self.assertTrue(os.access(root / "usr/bin" / name, os.X_OK), name)
            self.assertTrue((root / "usr/bin" / name).read_text(encoding="ascii").startswith("#!/bin/sh\n"))

    def test_the_dockerfile_says_what_the_tarball_says(self):
        words = [shlex.split(line) for line in _dockerfile().split("FROM scratch\n")[1].splitlines()]
        said = {word: [line[1:] for line in words if line[0] == word] for word in ("LABEL", "ENV", "COPY")}
        labels = dict(label.split("=", 1) for line in said["LABEL"] for label in line)
        self.assertEqual(labels, oci.LABELS | {"org.opencontainers.image.version": cli.version()})
        self.assertEqual(sum(said["ENV"], []), oci.RUN["Env"])
        self.assertEqual(said["COPY"], [["--from=build", "/image/rootfs", "/"]])
        entrypoint = re.search(r"^ENTRYPOINT (.*)$", _dockerfile(), re.MULTILINE).group(1)
        self.assertEqual(json.loads(entrypoint), oci.RUN["Entrypoint"])
        self.assertIn(oci.RUN["Entrypoint"][0], contents.BINARIES)


def _dockerfile():
    return (contents.SOURCE / "Dockerfile").read_text(encoding="utf-8")


def _files(packed):
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        return {one.name: tar.extractfile(one).read() for one in tar.getmembers() if one.isreg()}


if __name__ == "__main__":
    unittest.main()
