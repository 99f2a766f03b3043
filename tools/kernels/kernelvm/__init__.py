# SPDX-License-Identifier: Apache-2.0
"""The parts of tools/kernels/run.

host      programs that this machine needs, and how they are called
debian    Debian's kernel packages, and a busybox: found, fetched and unpacked, never installed
image     what a kernel boots from: its uncompressed image and an initramfs
machine   one boot that runs one command
report    what the guest said -> lines for people and the table of docs/kernels.md
cli       arguments and output
"""
