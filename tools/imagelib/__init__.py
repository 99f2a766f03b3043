# SPDX-License-Identifier: Apache-2.0
"""The parts of tools/image.

contents  what is in the image, and the root file system of it
debian    of the machine that builds: which libraries a program needs, and whose packages files are
oci       the root file system as an OCI image in a tarball, byte for byte the same for the same files
cli       arguments, the build, and output
"""
