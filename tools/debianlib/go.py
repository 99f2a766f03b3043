# SPDX-License-Identifier: Apache-2.0
"""Go as Debian packages it: sources that lie in a GOPATH, as before modules."""

from . import host


class Go:
    """A toolchain unpacked at `root`, and a cache of what it compiled."""

    def __init__(self, root, path, cache):
        # Without cgo: no compiler but Go's own. Nothing of this user's settings, no toolchain from elsewhere. Not in
        # /tmp, which may be in memory.
        kept = {name: value for name, value in host.ENVIRONMENT.items() if not name.startswith(("GO", "CGO_"))}
        self._environment = kept | {
            "PATH": f"{root / 'bin'}:{host.ENVIRONMENT['PATH']}",
            "GOROOT": str(root),
            "GOPATH": ":".join(str(place) for place in path),
            "GOCACHE": str(cache),
            "GOTMPDIR": str(cache.parent),
            "GOENV": "off",
            "GO111MODULE": "off",
            "GOTOOLCHAIN": "local",
            "CGO_ENABLED": "0",
        }

    def build(self, package, program, *options, **how):
        self.run("go", "build", *options, "-o", program, package, doing=f"build {package}", **how)

    def run(self, *words, **how):
        """go, or a program that calls it."""
        return host.run(*words, env=self._environment, **how)
